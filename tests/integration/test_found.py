"""From a find to what is done about it: groups, quarantines, orders and allowances, by calls and by the command line."""
import time

import pytest

from centre import ADMIN_PASSWORD
from processes import wait_until
from protocol_agent import Agent
from test_cli import Khien

V = "/api/v1"
H1, H2 = "11" * 32, "22" * 32
PATH = {"form": "bytes", "raw": "L2hvbWUvYS9ow7NhLcSRxqFuLmV4ZQ==", "display": "/home/a/hóa-đơn.exe"}


def enrolled(centre, host, node):
    agent = Agent(centre, host)
    agent.enrol(centre.token(node))
    return agent.sync()


def quarantined(agent, name, sha256, item, **more):
    agent.detect(name=name, sha256=sha256, action="quarantined", item=item, path=PATH)
    agent.streams[-1].events[-1].update(more)
    return agent.send_events()


def items(api, **query):
    return api.get(f"{V}/quarantine", **query)["items"]


def target_states(api, task):
    return {t["name"]: t["state"] for t in api.get(f"{V}/tasks/{task}/targets")["targets"]}


@pytest.fixture
def town(centre):
    group = centre.group("KHOI", "Khối")
    one, two = centre.unit("SNV", group, "Sở Nội vụ"), centre.unit("SYT", group, "Sở Y tế")
    return centre, one, two


def test_finds_in_groups(town):
    centre, one, two = town
    a, b = enrolled(centre, "SNV-01", one), enrolled(centre, "SYT-01", two)
    quarantined(a, "Đồ.Xấu", H1, "aa" * 16)
    quarantined(b, "Đồ.Xấu", H1, "bb" * 16)
    a.detect(name="Other", sha256=H2, action="failed")
    a.send_events()

    def groups(api=centre.admin, **query):
        return api.get(f"{V}/detections/groups", **query)

    bad = groups(by="malware", order="found")
    assert [(g["key"], g["found"], g["machines"], g["actions"]["quarantined"], g["quarantine"]["stands"]) for g in bad["groups"]] == [
        ("Đồ.Xấu", 2, 2, 2, 2), ("Other", 1, 1, 0, 0)] and bad["total"] == 2
    assert [g["key"] for g in groups(by="hash", name="do.xau")["groups"]] == [H1]
    assert [(g["machine_name"], g["node"]) for g in groups(by="machine", sha256=H2)["groups"]] == [("SNV-01", one)]
    assert groups(by="hash", until="2001-01-01")["groups"] == []
    first = groups(by="machine", order="found", limit=1)
    second = groups(by="machine", order="found", limit=1, cursor=first["next"])
    assert [g["machine_name"] for g in first["groups"] + second["groups"]] == ["SNV-01", "SYT-01"]
    assert groups(by="machine", order="found", limit=1, cursor=second["next"])["groups"] == []
    for wrong in ({"by": "colour"}, {"by": "hash", "order": "best"}, {"by": "hash", "sha256": "xy"}, {"by": "hash", "cursor": "x"}):
        assert centre.admin.call("GET", f"{V}/detections/groups", **wrong).status_code == 400, wrong
    # who has one unit sees and counts one unit
    own = centre.account("analyst", one)
    assert [(g["key"], g["found"], g["machines"], g["quarantine"]["stands"]) for g in groups(own, by="malware", order="found")["groups"]] == [
        ("Other", 1, 1, 0), ("Đồ.Xấu", 1, 1, 1)] or {g["found"] for g in groups(own, by="malware")["groups"]} == {1}
    assert groups(own, by="hash", sha256=H1)["groups"][0]["quarantine"]["stands"] == 1
    assert len(items(own)) == 1
    # the rows behind a group
    assert len(centre.admin.get(f"{V}/detections", sha256=H1)["detections"]) == 2
    assert len(centre.admin.get(f"{V}/detections", name="Other")["detections"]) == 1
    assert centre.admin.get(f"{V}/detections", name="Other", sha256=H1)["detections"] == []


def test_restored_and_allowed_wherever_it_stands(town):
    """A false alarm in the whole province: one machine is on, one is off, one was off and has not told yet, one comes later."""
    centre, one, two = town
    api = centre.admin
    on, off, silent = enrolled(centre, "SNV-01", one), enrolled(centre, "SYT-01", two), enrolled(centre, "SYT-02", two)
    quarantined(on, "FP", H1, "a1" * 16)
    quarantined(off, "FP", H1, "b1" * 16)
    silent.detect(name="FP", sha256=H1, action="quarantined", item="c1" * 16, path=PATH)

    held = on.hold_sync()
    until = time.strftime("%Y-12-31", time.gmtime(time.time() + 400 * 86400))
    api.post(f"{V}/units/1/allowances", {"sha256": H1, "reason": "phần mềm kế toán", "until": until, "document": "12/QĐ"})
    assert held.result(30).status == 200
    assert [(x["sha256"], x["reason"]) for x in on.allow["list"]] == [(H1, "phần mềm kế toán")]
    task = api.post(f"{V}/tasks", {"kind": "quarantine-restore", "node": 1, "args": {"sha256": H1}})
    assert task["targets"] == 2
    assert api.get(f"{V}/tasks")["tasks"][0]["expires_at"] is None, "it waits for a machine that is off all summer"

    on.sync()
    assert [(t["kind"], t["args"]) for t in on.tasks] == [("quarantine-restore", {"sha256": H1})]
    on.add("quarantine", change="restored", item="a1" * 16, sha256=H1, name="FP", path=PATH, why="", task=task["id"])
    on.add_event("task-result", {"ok": True}, task=task["id"])
    on.send_events()
    silent.send_events()  # found before the order, told after it
    assert target_states(api, task["id"]) == {"SNV-01": "done", "SYT-01": "waiting", "SYT-02": "waiting"}
    silent.sync()
    assert [t["id"] for t in silent.tasks] == [task["id"]] and silent.allow == on.allow
    later = enrolled(centre, "SNV-02", one)
    assert later.allow == on.allow and later.tasks == []
    off.sync()
    assert off.allow == on.allow and [t["id"] for t in off.tasks] == [task["id"]]

    assert {(i["machine_name"], i["state"]) for i in items(api)} == {("SNV-01", "restored"), ("SYT-01", "stands"), ("SYT-02", "stands")}
    assert [i["machine_name"] for i in items(api, state="restored", sha256=H1)] == ["SNV-01"]
    assert items(api, machine=off.machine)[0]["path"]["display"] == PATH["display"]
    pages = api.get(f"{V}/quarantine", limit=2)
    assert len(pages["items"]) == 2 and len(items(api, limit=2, cursor=pages["next"])) == 1

    # taken back: every machine hears it at its next sync; what was said stays in the ledger
    then = api.get(f"{V}/allowances")["as_of"]
    api.delete(f"{V}/units/1/allowances/{H1}", reason="đã sửa mẫu")
    assert api.get(f"{V}/allowances")["allowances"] == []
    assert api.get(f"{V}/allowances", known_at=then)["allowances"][0]["document"] == "12/QĐ"
    assert off.sync().allow == {"hash": "0" * 32, "list": []}
    said = {e["action"]: e for e in api.get(f"{V}/audit", limit=20)["entries"]}
    assert said["allow.set"]["detail"]["reason"] == "phần mềm kế toán" and said["allow.clear"]["object"] == "unit:1"
    assert said["task.create"]["detail"]["args"] == {"sha256": H1}


def test_an_allowance_of_one_machine_and_of_one_unit(town):
    centre, one, two = town
    api = centre.admin
    a, b = enrolled(centre, "SNV-01", one), enrolled(centre, "SYT-01", two)
    api.post(f"{V}/machines/{a.machine}/allowances", {"sha256": H1, "reason": "máy thử"})
    api.post(f"{V}/units/{two}/allowances", {"sha256": H2, "reason": "đơn vị"})
    assert [x["sha256"] for x in a.sync().allow["list"]] == [H1]
    assert [x["sha256"] for x in b.sync().allow["list"]] == [H2]
    # it moves: the unit's goes, the machine's goes with it
    api.put(f"{V}/machines/{a.machine}/place", {"node": two, "reason": "chuyển"})
    assert [x["sha256"] for x in a.sync().allow["list"]] == [H1, H2]
    own = centre.account("administrator", two)
    assert {x["sha256"] for x in own.get(f"{V}/allowances")["allowances"]} == {H1, H2}
    assert own.call("POST", f"{V}/units/{one}/allowances", {"sha256": H1, "reason": "x"}).status_code == 404
    assert centre.account("analyst", two).call("POST", f"{V}/units/{two}/allowances", {"sha256": H1, "reason": "x"}).status_code == 403
    for wrong in ({"sha256": H1}, {"sha256": "11", "reason": "x"}, {"sha256": "00" * 32, "reason": "x"}, {"sha256": H1, "reason": ""},
                  {"sha256": H1, "reason": "x" * 257}, {"sha256": H1, "reason": "x", "until": "2001-01-01"}):
        assert api.call("POST", f"{V}/units/{one}/allowances", wrong).status_code == 400, wrong
    api.delete(f"{V}/machines/{a.machine}/allowances/{H1}", reason="xong")
    assert [x["sha256"] for x in a.sync().allow["list"]] == [H2]
    # an agent of before there were allowances is told none
    body = a.sync_body()
    del body["allow_hash"]
    api.post(f"{V}/units/1/allowances", {"sha256": H1, "reason": "mọi máy"})
    assert "allow" not in a.call("/agent/v1/sync", body, headers={"X-Khien-Hold": "0"}).ok()


def test_arguments_of_tasks(town):
    centre, one, _ = town
    a = enrolled(centre, "SNV-01", one)
    made = centre.admin.post(f"{V}/tasks", {"kind": "scan", "node": one, "args": {"extent": "custom", "paths": ["/srv/Tài liệu"]}})["id"]
    for kind, args in [("scan", {}), ("scan", {"extent": "custom"}), ("scan", {"extent": "quick", "shell": "id"}), ("report-now", {"x": 1}),
                       ("scan", {"extent": "custom", "paths": ["srv"]}), ("quarantine-restore", {"sha256": "11"}), ("quarantine-delete", {}),
                       ("quarantine-restore", {"sha256": H1, "item": "aa" * 16}), ("allow", {"sha256": H1})]:
        assert centre.admin.call("POST", f"{V}/tasks", {"kind": kind, "node": one, "args": args}).status_code == 400, (kind, args)
    a.sync()
    assert a.tasks[0]["args"] == {"extent": "custom", "paths": ["/srv/Tài liệu"]}
    a.add_event("task-result", {"ok": True, "started": True}, task=made)
    a.send_events()
    assert target_states(centre.admin, made) == {"SNV-01": "running"}
    account = {"extent": "custom", "end": "ended", "task": made, "started_us": 5, "files": 12, "bytes": 99, "known": 3, "infected": 1,
               "suspicious": 0, "not_scanned": [{"reason": "encrypted", "files": 2}], "why": ""}
    a.add("scan", **account)
    a.send_events()
    target = centre.admin.get(f"{V}/tasks/{made}/targets")["targets"][0]
    assert target["state"] == "done" and target["result"] == account
    assert centre.admin.get(f"{V}/tasks")["tasks"][0]["targets"]["done"] == 1


@pytest.fixture
def khien(town, tmp_path):
    k = Khien(town[0], tmp_path)
    k("sign-in", "admin", stdin=ADMIN_PASSWORD + "\n")
    return k


@pytest.mark.stores("sqlite", "the command line knows of no store")
def test_by_the_command_line(town, khien):
    centre, one, _ = town
    a = enrolled(centre, "SNV-01", one)
    quarantined(a, "Đồ.Xấu", H1, "aa" * 16)
    assert khien.json("detections", "--by", "hash")["groups"][0]["key"] == H1
    assert "Đồ.Xấu" in khien("detections", "--by", "malware")
    assert "Đồ.Xấu" in khien("detections")
    assert "hóa-đơn.exe" in khien("machines", "quarantine", "--state", "stands")
    khien("allowances", "add", "SNV", H1, "--reason", "kế toán")
    assert "kế toán" in khien("allowances", "list")
    khien("task", "create", "quarantine-restore", "-", "--sha256", H1)
    khien("task", "create", "scan", "SNV", "--extent", "custom", "--paths", "/srv,/home")
    a.sync()
    assert [(t["kind"], t["args"]) for t in a.tasks] == [("quarantine-restore", {"sha256": H1}),
                                                       ("scan", {"extent": "custom", "paths": ["/srv", "/home"]})]
    khien("allowances", "remove", "SNV", H1, "--reason", "thôi")
    assert "kế toán" not in khien("allowances", "list")


@pytest.mark.stores("sqlite", "the agent knows of no store")
def test_the_agent_keeps_what_the_centre_allows(centre, real_agent):
    a = real_agent().enrol(centre.token())
    wait_until(lambda: [m for m in centre.admin.get(f"{V}/machines")["machines"] if m["last_seen"]], what="a sync")
    a.khien("sync")
    centre.admin.post(f"{V}/units/1/allowances", {"sha256": H1, "reason": "phần mềm kế toán"})
    kept = a.state / "allow-centre"
    wait_until(lambda: kept.exists() and bytes.fromhex(H1) in kept.read_bytes(), 30, "the list on the agent's disk")
    assert kept.stat().st_mode & 0o777 == 0o600
    wait_until(lambda: bytes.fromhex(H1) in (a.state / "allow").read_bytes(), 10, "the file that workers are handed")
    # it holds without the centre, and a broken one is told anew
    a.stop()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    a.start()
    wait_until(lambda: kept.read_bytes() == whole, 30, "the list told anew")
    centre.admin.delete(f"{V}/units/1/allowances/{H1}", reason="thôi")
    wait_until(lambda: bytes.fromhex(H1) not in kept.read_bytes(), 30, "the list taken back")
    wait_until(lambda: bytes.fromhex(H1) not in (a.state / "allow").read_bytes(), 10, "and what workers are handed")
