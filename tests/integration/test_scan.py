"""khien scan: the real agent, its jailed scanner with signatures that the test makes, quarantine, and what the centre is told."""
import json
import os
import signal
import subprocess

import pytest

from processes import program, wait_until
from real_agent import RealAgent

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a scan is root's")
MARK = b"KHIEN-HARMLESS-" + b"TEST-CONTENT-"


def content(kind=b"0001"):
    return b"xx" + MARK + kind + b"yy"


@pytest.fixture
def scanning(centre, tmp_path):
    """An agent with a scanner and one signature."""
    a = RealAgent(centre, tmp_path / "agent", flags=("--scan", program("khien-scan"), "--sweep", program("khien-sweep")))
    centre.others.append(a.process)
    a.start()
    folder = a.state / "signatures"
    folder.mkdir(exist_ok=True)
    rule = tmp_path / "t.ndb"
    rule.write_text(f"Khien.Test.One:0:*:{(MARK + b'0001').hex()}\n")
    a.khien("signatures", "load", "--folder", folder, "--scanner", program("khien-scan"), rule)
    a.wait_status("problems", "")
    return a


def scan(a, *words, code=None):
    done = a.khien("scan", "--json", *words, check=False)
    assert code is None or done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def files(folder, n, size=100):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        (folder / f"f{i:05}").write_bytes(os.urandom(size))


@pytest.mark.stores("sqlite")
def test_every_file_is_scanned_and_what_is_found_is_quarantined_and_told(scanning, centre, tmp_path):
    a, data = scanning, tmp_path / "data"
    a.enrol(centre.token())
    files(data / "a", 300)  # more than are under way at once
    bad = data / "b" / "bad \n name"
    bad.parent.mkdir()
    bad.write_bytes(content())
    told = scan(a, data, code=1)
    assert told["files"] == 301 and told["end"] == "done" and told["infected"] == 1 and told["not_scanned"] == {}
    assert told["found"][0]["name"].startswith("Khien.Test.One") and told["found"][0]["action"] == "quarantined"
    assert not bad.exists()
    row = wait_until(lambda: centre.admin.get("/api/v1/detections")["detections"], 30, "the detection")[0]["detection"]
    assert row["action"] == "quarantined" and row["sha256"] == told["found"][0]["sha256"]
    assert scan(a, data, code=0)["files"] == 300
    item = json.loads(a.khien("quarantine", "list", "--format", "json").stdout)[0]["item"]
    a.khien("quarantine", "restore", item)
    assert bad.read_bytes() == content()
    assert len(centre.admin.get("/api/v1/detections")["detections"]) == 1


@pytest.mark.stores("sqlite")
def test_report_only_leaves_it_and_the_codes_are_clamscans(scanning, tmp_path):
    a, data = scanning, tmp_path / "data"
    files(data, 3)
    assert scan(a, data, code=0)["infected"] == 0
    (data / "bad").write_bytes(content())
    assert scan(a, "--report-only", data, code=1)["found"][0]["action"] == "none"
    assert (data / "bad").exists()
    assert a.khien("scan", tmp_path / "none", check=False).returncode == 2
    os.mkfifo(data / "pipe")  # no file
    assert scan(a, "--report-only", data, code=1)["files"] == 4


@pytest.mark.stores("sqlite")
def test_an_interrupted_scan_goes_on_where_it_was(scanning, tmp_path):
    a, data = scanning, tmp_path / "data"
    files(data, 3000, 2000)
    (data / "zz-bad").write_bytes(content())
    p = subprocess.Popen([program("khien"), "--agent", a.socket, "scan", "--json", data], stdout=subprocess.PIPE, text=True)
    wait_until(lambda: len(os.listdir(f"/proc/{a.process.pid}/task/{a.process.pid}")) and sweep_of(a), 20, "the sweep")
    p.send_signal(signal.SIGINT)
    first = json.loads(p.communicate(timeout=60)[0])
    assert p.returncode == 2 and first["end"] == "interrupted" and (data / "zz-bad").exists()
    wait_until(lambda: not sweep_of(a), 30, "its end")
    told = scan(a, "--resume", code=1)
    assert told["files"] == 3001 and told["infected"] == 1, "what was done before counts, and nothing twice"
    assert a.khien("scan", "--resume", check=False).returncode == 2, "there is nothing to go on with any more"


def sweep_of(a):
    children = open(f"/proc/{a.process.pid}/task/{a.process.pid}/children").read().split()
    return [c for c in children if open(f"/proc/{c}/comm").read().strip() == "khien-sweep"]


@pytest.mark.stores("sqlite")
def test_a_task_scans_in_the_background_and_its_account_is_the_tasks_end(scanning, centre, tmp_path):
    a, data = scanning, tmp_path / "data"
    files(data, 50)
    (data / "bad").write_bytes(content())
    a.enrol(centre.token())
    uid = wait_until(lambda: [m for m in centre.admin.get("/api/v1/machines")["machines"] if m["last_seen"]], what="a sync")[0]["uid"]
    task = centre.admin.post("/api/v1/tasks/for-machines",
                             {"kind": "scan", "machines": [uid], "args": {"extent": "custom", "paths": [str(data)]}})["id"]

    def target():
        return centre.admin.get(f"/api/v1/tasks/{task}/targets")["targets"][0]

    wait_until(lambda: target()["state"] == "done", 60, "the scan")
    assert not (data / "bad").exists()
