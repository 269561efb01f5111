"""Quarantine and allow list as processes: at the control socket, at the centre, and when somebody is killed between."""
import hashlib
import json
import os
from pathlib import Path

import pytest

from processes import BUILD, run, wait_until
from real_agent import RealAgent


class Computer(RealAgent):
    """An agent, and files beside it that somebody finds."""
    def __init__(self, centre, folder, **more):
        super().__init__(centre, folder, **more)
        self.files = Path(folder) / "files"
        self.files.mkdir()

    def write(self, name, content=b"malware", mode=0o640):
        path = self.files / name
        path.write_bytes(content)
        path.chmod(mode)
        return path

    def take(self, *paths, check=True):
        taken = run([BUILD / "tests/fault/khien-test-taker", self.state, *paths], check=check)
        return taken.stdout.split() if check else taken

    def items(self):
        return json.loads(self.khien("quarantine", "list", "--format", "json").stdout)


@pytest.fixture
def computer(tmp_path):
    c = Computer(None, tmp_path / "alone")
    c.start()
    yield c
    c.stop()


def test_a_person_looks_and_gives_back(computer):
    c = computer
    assert c.items() == []
    path = c.write("tệp nhiễm")
    before = path.stat()
    [item] = c.take(path)
    assert not path.exists()
    [row] = c.items()
    assert row["item"] == item and row["path"] == str(path) and row["name"] == "Khien-Test-Malware" and row["size"] == 7
    assert row["sha256"] == hashlib.sha256(b"malware").hexdigest() and row["mode"] == "0640" and not row["damaged"]
    assert item in c.khien("quarantine", "list").stdout
    assert c.khien("quarantine", "list", "--format", "csv").stdout.count("\n") == 2
    assert row["sha256"] in c.khien("quarantine", "show", item).stdout
    assert json.loads(c.khien("quarantine", "show", item, "--format", "json").stdout) == row
    assert c.status()["in quarantine"] == "1"
    c.khien("quarantine", "restore", item)
    after = path.stat()
    assert path.read_bytes() == b"malware"
    assert (after.st_mode, after.st_uid, after.st_gid, after.st_mtime_ns) == \
        (before.st_mode, before.st_uid, before.st_gid, before.st_mtime_ns)
    assert c.items() == [] and c.status()["in quarantine"] == "0"


def test_what_is_refused_says_so(computer):
    c = computer
    path = c.write("virus")
    [item] = c.take(path)
    c.write("virus", b"another")
    refused = c.khien("quarantine", "restore", item, check=False)
    assert refused.returncode == 1 and "another file is there" in refused.stderr
    assert path.read_bytes() == b"another"
    for words, code in ((("restore", "00" * 16), 5), (("delete", "00" * 16), 5), (("show", "00" * 16), 5), (("show", "x"), 2),
                        (("restore", item, "--to", str(c.files / "no/such")), 5), (("restore", item, "--until", "2030-01-01"), 2)):
        assert c.khien("quarantine", *words, check=False).returncode == code, words
    c.khien("quarantine", "restore", item, "--to", c.files / "elsewhere")
    assert (c.files / "elsewhere").read_bytes() == b"malware"
    [item] = c.take(path)
    c.khien("quarantine", "delete", item)
    assert c.items() == [] and not path.exists()
    assert c.khien("quarantine", "restore", item, check=False).returncode == 5


def test_the_allow_list(computer):
    c = computer
    digest = hashlib.sha256(b"malware").hexdigest()
    assert json.loads(c.khien("allow", "list", "--format", "json").stdout) == []
    assert c.khien("allow", "add", digest, check=False).returncode == 2  # no reason
    assert c.khien("allow", "add", digest, "--reason", "x", "--until", "2001-01-01", check=False).returncode == 1
    c.khien("allow", "add", digest, "--reason", "phần mềm của ta", "--until", "2099-12-31")
    [entry] = json.loads(c.khien("allow", "list", "--format", "json").stdout)
    assert entry["sha256"] == digest and entry["reason"] == "phần mềm của ta" and entry["who"] == "root"
    assert entry["until"].startswith("2099-12-31T17:00:00")  # the end of the day in Vietnam
    data = (c.state / "allow").read_bytes()
    assert data[:8] == b"KHIENAL1" and data[16:48].hex() == digest
    c.khien("allow", "remove", digest)
    assert c.khien("allow", "remove", digest, check=False).returncode == 5
    # given back for good: the same content is allowed in the same breath
    [item] = c.take(c.write("virus"))
    c.khien("quarantine", "restore", item, "--allow", "a false alarm")
    [entry] = json.loads(c.khien("allow", "list", "--format", "json").stdout)
    assert entry["sha256"] == digest and entry["reason"] == "a false alarm" and entry["until"] == ""


def test_many_items_are_listed_whole(computer):
    c = computer
    c.take(*[c.write(f"{i:04}" + "x" * 200) for i in range(400)])  # more than one message holds
    assert [Path(r["path"]).name[:4] for r in c.items()] == [f"{i:04}" for i in range(400)]


def test_what_was_left_by_a_kill_is_recovered_at_the_start(computer):
    c = computer
    [item] = c.take(c.write("virus"))
    c.stop()
    q = c.state / "quarantine"
    (q / f"{item}.taken").rename(q / f"{item}.taking")  # killed between removing the file and saying so
    (q / ("11" * 16 + ".writing")).write_bytes(b"half")
    c.start()
    wait_until(lambda: sorted(p.suffix for p in q.iterdir() if p.suffix) == [".taken"], 20, "recovery")
    assert [r["item"] for r in c.items()] == [item]


def test_without_its_key_the_quarantine_says_so_and_loses_nothing(computer):
    c = computer
    path = c.write("virus")
    [item] = c.take(path)
    c.stop()
    (c.state / "quarantine/key").rename(c.state / "key.aside")
    c.start()
    assert "nothing can be quarantined" in c.status()["problems"]
    assert c.khien("quarantine", "list", check=False).returncode == 1
    c.stop()
    (c.state / "key.aside").rename(c.state / "quarantine/key")
    c.start()
    assert "nothing can be quarantined" not in c.status()["problems"]
    c.khien("quarantine", "restore", item)
    assert path.read_bytes() == b"malware"


# ---- with a centre ----

@pytest.fixture
def enrolled(centre, tmp_path):
    c = Computer(centre, tmp_path / "computer")
    centre.others.append(c.process)
    return c.start().enrol(centre.token())


def detections(centre):
    return centre.admin.get("/api/v1/detections", limit=500)["detections"]


def told(c):
    """Nothing is left in the folder that the centre was not told."""
    return not [p for p in (c.state / "quarantine").iterdir()
                if p.suffix in (".taken", ".taken-restored", ".taken-deleted", ".restored", ".deleted", ".note")]


def test_the_centre_hears_once_of_what_was_taken(centre, enrolled):
    c = enrolled
    [first] = c.take(c.write("one"))
    c.khien("quarantine", "list")  # after any work the folder is looked at
    wait_until(lambda: told(c), 30, "the event in the spool")
    c.khien("sync")
    [d] = detections(centre)
    assert d["detection"]["name"] == "Khien-Test-Malware" and d["detection"]["action"] == "quarantined"
    # killed before it could say that it has told: it asks again with the same event
    [second] = c.take(c.write("two"))
    c.kill()
    c.start()
    wait_until(lambda: told(c), 30, "the event in the spool")
    c.kill()
    q = c.state / "quarantine"
    (q / f"{second}.kept").rename(q / f"{second}.taken")
    c.start()
    wait_until(lambda: told(c), 30, "the event in the spool")
    c.khien("sync")
    assert len(detections(centre)) == 2
    assert {r["item"] for r in c.items()} == {first, second}


def result_of(centre, machine, kind, args):
    task = centre.admin.post("/api/v1/tasks/for-machines", {"kind": kind, "machines": [machine], "args": args})["id"]

    def ended():
        target = centre.admin.get(f"/api/v1/tasks/{task}/targets")["targets"][0]
        return target["state"] in ("done", "failed") and target
    return wait_until(ended, 60, "the task's end")


def test_tasks_restore_and_delete(centre, enrolled):
    c = enrolled
    machine = c.status()["machine"]
    paths = [c.write(n) for n in ("one", "two", "three")] + [c.write("other", b"other malware")]
    items = c.take(*paths)
    digest = hashlib.sha256(b"malware").hexdigest()
    paths[2].write_bytes(b"in its place")
    target = result_of(centre, machine, "quarantine-restore", {"sha256": digest})
    assert target["state"] == "failed" and "1 of 3" in json.dumps(target)  # one of them has its place taken
    assert paths[0].read_bytes() == paths[1].read_bytes() == b"malware" and paths[2].read_bytes() == b"in its place"
    assert {r["item"] for r in c.items()} == {items[2], items[3]}
    paths[2].unlink()
    assert result_of(centre, machine, "quarantine-restore", {"item": items[2]})["state"] == "done"
    assert paths[2].read_bytes() == b"malware"
    assert result_of(centre, machine, "quarantine-delete", {"item": items[3]})["state"] == "done"
    assert c.items() == [] and not paths[3].exists()
    gone = result_of(centre, machine, "quarantine-delete", {"item": items[3]})
    assert gone["state"] == "failed" and "no such item" in json.dumps(gone)
    wait_until(lambda: told(c), 30, "all is told")
