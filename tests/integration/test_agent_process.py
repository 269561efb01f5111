"""The agent as processes: who may do what, what happens when one of them dies, hangs, or finds its disk full."""
import os
import pwd
import re
import signal
import time
from pathlib import Path

import pytest

from processes import SOON, wait_until
from real_agent import RealAgent

ROOT = os.geteuid() == 0


@pytest.fixture
def started(centre, tmp_path):
    """started("--heartbeat-ms", 100, host_name=…): an agent with flags of its own."""
    def make(*flags, **machine):
        a = RealAgent(centre, tmp_path / f"a{len(centre.others)}", flags=flags, **machine)
        centre.others.append(a.process)
        return a.start()
    return make


def status_of(pid):
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def link_is_up(agent, other_than=None):
    def up():
        facts = agent.status()
        return facts["link"] == "running" and int(facts["link pid"]) != other_than and int(facts["link pid"])
    return wait_until(up, 30, "khien-link")


def detections(centre):
    return [d["detection"]["name"] for d in centre.admin.get("/api/v1/detections", limit=500)["detections"]]


@pytest.mark.skipif(not ROOT, reason="only root can hand the link to another user")
def test_the_link_has_nothing_but_its_work(centre, started):
    a = started("--link-user", "nobody").enrol(centre.token())
    pid = link_is_up(a)
    link, parent = status_of(pid), status_of(a.process.pid)
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    assert link["Uid"].split() == [nobody] * 4
    assert link["Groups"].split() == []
    assert {int(link[c], 16) for c in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert link["NoNewPrivs"] == "1" and link["Seccomp"] == "2"
    assert parent["Uid"].split() == ["0"] * 4
    sandbox = a.status()["sandbox"]
    assert "seccomp: in force" in sandbox and re.search("landlock: in (force|part)", sandbox) and "user: in force" in sandbox
    assert re.search(r"Max core file size +0 +0 ", Path(f"/proc/{pid}/limits").read_text())
    # the parent has no library of the net, and its secrets lie where the link cannot go
    assert not re.search("libssl|libcrypto|libcurl|libjansson", Path(f"/proc/{a.process.pid}/maps").read_text())
    assert (a.state / "identity").stat().st_mode & 0o777 == 0o600 and (a.state / "identity").stat().st_uid == 0
    assert (a.state / "link/credentials").stat().st_mode & 0o777 == 0o600
    assert a.socket.stat().st_mode & 0o777 == 0o600


def test_a_task_arrives_within_a_second(centre, real_agent):
    a = real_agent().enrol(centre.token())
    uid = wait_until(lambda: [m for m in centre.admin.get("/api/v1/machines")["machines"] if m["last_seen"]], what="a sync")[0]["uid"]
    a.khien("sync")
    took = []
    for kind in ("collect-status", "report-now", "collect-status"):
        began = time.monotonic()
        task = centre.admin.post("/api/v1/tasks/for-machines", {"kind": kind, "machines": [uid]})["id"]

        def target():
            return centre.admin.get(f"/api/v1/tasks/{task}/targets")["targets"][0]

        wait_until(lambda: target()["delivered_at"], 20, "the task")
        took.append(time.monotonic() - began)
        wait_until(lambda: target()["state"] == "done", 20, "its result")
        result = target()["result"]
        assert result["ok"] is True
        if kind == "collect-status":
            assert result["status"]["state"] == "enrolled" and result["status"]["problems"].startswith("no engine")
    assert min(took) < SOON, took  # of three, so that a machine under load does not decide


def test_the_sync_interval_is_obeyed(centre, real_agent):
    a = real_agent().enrol(centre.token())
    centre.admin.put("/api/v1/units/1/policy/sync.interval_s", {"value": 5, "locked": True})
    wait_until(lambda: a.status()["sync interval"] == "5", 20, "the policy")
    seen = []
    while len(seen) < 4:
        now = wait_until(lambda: (s := a.status()["last sync"]) and s not in seen and s, 15, "the next sync")
        seen.append(now)
    a.wait_status("last error", "")


def test_a_link_that_dies_or_hangs_is_replaced(centre, started):
    a = started("--heartbeat-ms", "300").enrol(centre.token())
    first = link_is_up(a)
    os.kill(first, signal.SIGKILL)
    second = link_is_up(a, other_than=first)
    os.kill(second, signal.SIGSTOP)
    third = link_is_up(a, other_than=second)
    assert third != first and not Path(f"/proc/{second}").exists()
    a.khien("detection", "add", "/x", "--name", "after", "--engine", "test")
    wait_until(lambda: detections(centre) == ["after"], 30, "the detection")


def test_the_parents_death_is_the_links(centre, real_agent):
    a = real_agent().enrol(centre.token())
    link = link_is_up(a)
    os.kill(a.process.pid, signal.SIGKILL)
    a.process.process.wait()
    wait_until(lambda: not Path(f"/proc/{link}").exists() or "Z" in status_of(link)["State"], 10, "the link's end")
    a.start()
    link_is_up(a)
    assert a.status()["state"] == "enrolled"


def test_what_was_found_while_offline_comes_later(centre, real_agent):
    a = real_agent().enrol(centre.token())
    a.khien("sync")
    for i in range(len(centre.servers)):
        centre.kill_server(i)
    for i in range(3):
        a.khien("detection", "add", f"/x/{i}", "--name", f"offline-{i}", "--engine", "test")
    assert a.khien("sync", check=False).returncode != 0
    wait_until(lambda: int(a.status()["waiting events"]) >= 3, 10, "three waiting events")
    assert a.status()["last error"]
    for i in range(len(centre.servers)):
        centre.start_server(i)
    wait_until(lambda: sorted(detections(centre)) == [f"offline-{i}" for i in range(3)], 60, "the three")
    a.wait_status("waiting events", "0")


def test_a_full_spool_refuses_and_says_so(centre, started):
    a = started("--spool-bytes", str(1 << 20)).enrol(centre.token())
    a.khien("sync")
    for i in range(len(centre.servers)):
        centre.kill_server(i)
    path, taken = "/" + "x" * 3500, 0
    while (done := a.khien("detection", "add", path, "--name", f"full-{taken}", "--engine", "test", check=False)).returncode == 0:
        taken += 1
        assert taken < 400, "the bound is not kept"
    assert "full" in done.stderr and taken > 50
    wait_until(lambda: "the disk takes no more events" in a.status()["problems"], 10, "the problem in plain words")
    for i in range(len(centre.servers)):
        centre.start_server(i)
    wait_until(lambda: a.status()["waiting events"] == "0", 60, "room")
    assert sorted(detections(centre)) == sorted(f"full-{i}" for i in range(taken)), "refused ones did not come, taken ones did, once"
    a.khien("detection", "add", path, "--name", "again", "--engine", "test")


def test_revoked_stops_and_enrols_anew(centre, real_agent):
    a = real_agent().enrol(centre.token())
    uid = wait_until(lambda: [m for m in centre.admin.get("/api/v1/machines")["machines"] if m["last_seen"]], what="a sync")[0]["uid"]
    centre.admin.post(f"/api/v1/machines/{uid}/revoke", {"reason": "stolen"})
    a.wait_status("state", "revoked")
    assert not (a.state / "link/credentials").exists()
    a.khien("detection", "add", "/x", "--name", "while-revoked", "--engine", "test")
    a.enrol(centre.token())
    a.wait_status("state", "enrolled")
    wait_until(lambda: detections(centre) == ["while-revoked"], 30, "what was found meanwhile")


def test_a_copied_disk_is_told_to_enrol_anew(centre, real_agent, tmp_path):
    a = real_agent().enrol(centre.token())
    a.khien("sync")
    a.stop()
    copy = a.copy_disk(tmp_path / "copy", host_name="MAY-002", uuid="4c4c4544-0042-3510-8051-b4c04f303399", board="OTHER-7731",
                       disk="OTHER-5521", mac="a4:bb:6d:12:34:99")
    centre.others.append(copy.process)
    a.start()
    a.khien("sync")
    install_id = a.status()["install id"]
    copy.start()
    copy.wait_status("state", "clone")
    assert copy.status()["install id"] != install_id
    assert not (copy.state / "link/credentials").exists()
    assert a.khien("sync").returncode == 0, "the first one is untouched"
    copy.enrol(centre.token())
    copy.wait_status("state", "enrolled")
    assert copy.status()["machine"] != a.status()["machine"]


def test_goodbye_forgets_the_enrolment(centre, real_agent):
    a = real_agent().enrol(centre.token())
    a.khien("detection", "add", "/x", "--name", "last", "--engine", "test")
    a.khien("goodbye")
    assert a.status()["state"] == "not enrolled"
    assert detections(centre) == ["last"], "what waited was delivered first"
    assert not (a.state / "link/credentials").exists()
