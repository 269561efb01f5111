"""khien-agent and khien-link for real: enrolled by a person, obeying policy, telling what was found exactly once."""
import re

from processes import wait_until


def test_enrols_syncs_and_reports(centre, real_agent):
    a = real_agent(host_name="SNV-VP-001")
    assert a.status()["state"] == "not enrolled"
    a.enrol(centre.token())
    a.wait_status("state", "enrolled")
    row = wait_until(lambda: [m for m in centre.admin.get("/api/v1/machines")["machines"] if m["last_seen"]], what="the first sync")[0]
    assert row["name"] == "SNV-VP-001"
    machine = wait_until(lambda: (m := centre.admin.get(f"/api/v1/machines/{row['uid']}")) and m["state"] and m, what="the state")
    assert "no engine" in machine["state"]["problems"]
    assert machine["state"]["inventory"]["os_kind"] == "linux"


def test_a_wrong_token_tells_the_person(centre, real_agent):
    a = real_agent()
    token = centre.token()
    a.enrol(token)
    b = real_agent(uuid="4c4c4544-0042-3510-8051-b4c04f303399", board="OTHER-7731", disk="OTHER-5521", mac="52:54:00:aa:bb:cc")
    used = b.khien("enrol", centre.url("enrol"), "--agents", centre.url("agents"), stdin=token + "\n", check=False)
    assert used.returncode == 4, used.stderr
    assert b.status()["state"] == "not enrolled"


def test_a_detection_is_one_row(centre, real_agent):
    a = real_agent()
    a.enrol(centre.token())
    receipts = {a.khien("detection", "add", f"/home/a/{i}", "--name", "Eicar-Test-Signature", "--engine", "test").stdout.strip()
                for i in range(5)}
    assert len(receipts) == 5 and all(re.fullmatch(r"[0-9a-f]{32} \d+", r) for r in receipts)
    same = [a.khien("detection", "add", "/home/a/same", "--name", "X", "--engine", "test", "--id", "00112233445566aa").stdout for _ in (1, 2)]
    assert same[0] == same[1], "the same id gets the same receipt"
    rows = wait_until(lambda: len(d := centre.admin.get("/api/v1/detections")["detections"]) >= 6 and d, what="six detections")
    a.khien("sync")
    assert len(centre.admin.get("/api/v1/detections")["detections"]) == 6
    assert {r["detection"]["path"]["display"] for r in rows} == {f"/home/a/{i}" for i in range(5)} | {"/home/a/same"}


def test_survives_its_own_death_and_the_centres(centre, real_agent):
    a = real_agent()
    a.enrol(centre.token())
    a.kill()
    a.start()
    a.wait_status("state", "enrolled")
    for i in range(len(centre.servers)):
        centre.kill_server(i)
    receipt = a.khien("detection", "add", "/x", "--name", "N", "--engine", "e").stdout
    a.kill()
    for i in range(len(centre.servers)):
        centre.start_server(i)
    a.start()
    rows = wait_until(lambda: centre.admin.get("/api/v1/detections")["detections"], 60, "the detection that waited")
    assert len(rows) == 1 and receipt


def test_policy_reaches_it(centre, real_agent):
    a = real_agent()
    a.enrol(centre.token())
    centre.admin.put("/api/v1/units/1/policy/sync.interval_s", {"value": 15, "locked": True})
    wait_until(lambda: a.status()["sync interval"].startswith("15"), 10, "the policy")
    version = a.status()["policy version"]
    wait_until(lambda: str(centre.admin.get("/api/v1/machines")["machines"][0]["policy_version"]) == version, 30,
               "the version in force, reported")
