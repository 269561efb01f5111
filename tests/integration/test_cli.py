"""khien, the command line, against a real centre: what an administrator types, and what comes back with which exit code."""
import csv
import io
import json
import os
import re

import pytest

from centre import ADMIN_PASSWORD
from processes import TOP, environment, program, run

OK, FAILED, USAGE, UNREACHABLE, DENIED, NOT_FOUND = range(6)


class Khien:
    """The command line with a configuration of its own."""

    def __init__(self, centre, folder):
        self.centre, self.folder = centre, folder
        self.config = folder / "cli.conf"
        self.config.write_text(f"api = {centre.url()}\nca = {centre.ca_file}\ntoken = token\n")
        self.config.chmod(0o600)

    def __call__(self, *words, code=OK, stdin=None, **env):
        done = run([program("khien"), "--config", self.config, *words], stdin=stdin, env=environment(LANG="C.UTF-8", **env))
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout if code == OK else done.stderr

    def json(self, *words, **more):
        return json.loads(self(*words, "--format", "json", **more))

    def rows(self, *words, **more):
        return list(csv.DictReader(io.StringIO(self(*words, "--format", "csv", **more))))


@pytest.fixture
def khien(centre, tmp_path):
    k = Khien(centre, tmp_path)
    k("sign-in", "admin", stdin=ADMIN_PASSWORD + "\n")
    return k


def test_signing_in_keeps_a_token_that_signing_out_ends(centre, tmp_path):
    khien = Khien(centre, tmp_path)
    assert "401" in khien("me", code=DENIED)
    assert "401" in khien("sign-in", "admin", stdin="not the password\n", code=DENIED)
    assert not (tmp_path / "token").exists()
    khien("sign-in", "admin", stdin=ADMIN_PASSWORD + "\n")
    token = tmp_path / "token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert khien.json("me")["name"] == "admin"
    kept = token.read_text()
    khien("sign-out")
    assert not token.exists()
    token.write_text(kept)
    khien("me", code=DENIED)


def test_a_first_sign_in_takes_the_new_password_from_the_second_line(centre, tmp_path, khien):
    khien("accounts", "create", "kiem-tra", "--role", "auditor", stdin="mat-khau-lan-dau\n")
    other = Khien(centre, tmp_path / "other") if (tmp_path / "other").mkdir() is None else None
    assert "standard input" in other("sign-in", "kiem-tra", stdin="mat-khau-lan-dau\n", code=USAGE)
    other("sign-in", "kiem-tra", stdin="mat-khau-lan-dau\nmat-khau-cua-toi\n")
    assert other.json("me")["name"] == "kiem-tra"
    other("units", "add", "X", "X", code=DENIED)


def test_no_secret_stands_in_argv(khien):
    """There is no option for one: what looks like it is refused before anything is sent."""
    for words in (("sign-in", "admin", "--password", "x"), ("accounts", "create", "a-b", "--role", "viewer", "--password", "x")):
        khien(*words, code=USAGE)


def test_units_licences_and_figures(khien):
    khien("units", "import", TOP / "data/groups-dong-thap.csv", "--kind", "groups", "--from", "2022-01-01")
    khien("licences", "pool", "add", "--contract", "HĐ 1", "--supplier", "N", "--quantity", "5137", "--start", "1/1/2022", "--end", "31/12/2099")
    pool = khien.rows("licences", "pools")[0]
    assert (pool["contract"], pool["quantity"], pool["free"]) == ("HĐ 1", "5137", "5137")
    imported = khien.json("units", "import", TOP / "data/units-dong-thap.csv", "--from", "2022-01-01", "--pool", pool["id"],
                          "--document", "QĐ 1", "--document-day", "1/1/2022")
    assert imported["created"] == 33
    assert khien.rows("licences", "pools")[0]["free"] == str(5137 - 5081)
    units = {u["code"]: u for u in khien.rows("units", "list")}
    assert units["SNV"]["name"] == "Sở Nội vụ" and units["SNV"]["parent"] == "so-ban-nganh"
    assert [u["code"] for u in khien.rows("units", "list", "--search", "so noi vu")] == ["SNV"]

    khien("licences", "transfer", "SNV", "SXD", "--pool", pool["id"], "--amount", "4", "--number", "QĐ 7", "--day", "2/5/2022")
    assert {r["node"]: r["amount"] for r in khien.rows("licences", "list")}["SXD"] == "59"
    khien("licences", "transfer", "SNV", "SXD", "--pool", pool["id"], "--amount", "61", "--number", "QĐ 8", "--day", "2/5/2022", code=FAILED)
    document = next(d for d in khien.json("licences", "documents")["documents"] if d["number"] == "QĐ 7")
    khien("licences", "cancel", str(document["id"]))
    assert {r["node"]: r["amount"] for r in khien.rows("licences", "list")}["SXD"] == "55"

    text = khien("report", "figures", "--as-of", "12/5/2022")
    assert "Sở Nội vụ" in text and "5.081" in text
    assert khien("report", "figures", "--as-of", "2022-05-12", "--group", "so-ban-nganh").count("\n") < text.count("\n")
    assert json.loads(khien("report", "figures", "--format", "json"))
    khien("report", "figures", "--group", "nobody", code=NOT_FOUND)


def test_a_wrong_list_is_refused_with_its_place(khien, tmp_path):
    khien("units", "add", "G", "Khối", "--kind", "group")
    wrong = tmp_path / "units.csv"
    for text, place in (("code,name,group,allocated\nA,Một,G,\nA,Hai,G,\n", "3"), ("code,nam,group,allocated\n", "1"),
                        ("code,name,group,allocated\nA,Một\n", "2"), ("code,name,group,allocated\nA,\"Một,G,\n", "3"),
                        ("code,name,group,allocated\nA,Một,G,-1\n", "2")):
        wrong.write_text(text)
        assert re.search(rf"line {place}\b", khien("units", "import", wrong, code=FAILED)), text
    assert [u["code"] for u in khien.rows("units", "list") if u["kind"] == "unit"] == []


def test_rules_and_machines(khien, agent):
    khien("units", "add", "G", "Khối", "--kind", "group")
    khien("units", "add", "SNV", "Sở Nội vụ", "--below", "G")
    khien("units", "add", "SXD", "Sở Xây dựng", "--below", "G")
    a = agent("SNV-VP-001")
    assert khien.rows("machines", "list")[0]["node"] == "-"
    rule = "(?<unit>[A-Z]+)-[A-Z0-9]+-[0-9]{3}"
    tried = khien.json("names", "try", rule, "SNV-VP-002", "khong-theo")
    assert tried["moved"] == 1
    assert "pattern" in khien("names", "add", "(", code=FAILED)
    khien("names", "add", rule)
    row = khien.rows("machines", "list", "--unit", "SNV")[0]
    assert (row["uid"], row["name"], row["basis"]) == (a.machine, "SNV-VP-001", "rule")
    khien("machines", "move", a.machine, "SXD", "--reason", "cho mượn")
    assert khien.json("machines", "show", a.machine)["place_reason"] == "cho mượn"
    khien("machines", "back", a.machine)
    assert khien.rows("machines", "list", "--unit", "SNV")[0]["name"] == "SNV-VP-001"
    khien("machines", "show", "0" * 32, code=NOT_FOUND)
    khien("machines", "move", a.machine, "NOBODY", "--reason", "x", code=NOT_FOUND)
    khien("machines", "retire", a.machine, "--reason", "thanh lý")
    assert khien.rows("machines", "list") == []
    assert khien.rows("machines", "list", "--state", "gone")[0]["uid"] == a.machine


def test_policy_and_tasks(khien, agent):
    khien("units", "add", "G", "Khối", "--kind", "group")
    khien("units", "add", "SNV", "Sở Nội vụ", "--below", "G")
    khien("policy", "set", "G", "sync.interval_s", "30", "--lock")
    shown = {s["name"]: s for s in khien.rows("policy", "show", "SNV")}["sync.interval_s"]
    assert (shown["value"], shown["from_node"], shown["locked"]) == ("30", "G", "yes")
    assert "locked" in khien("policy", "set", "SNV", "sync.interval_s", "40", code=FAILED)
    a = agent("X-1")
    task = khien.json("task", "create", "report-now", "-")
    assert task["targets"] == 1
    a.sync()
    assert [t["kind"] for t in a.tasks] == ["report-now"]
    a.add_event("task-result", {"ok": True}, task=a.tasks[0]["id"])
    a.send_events()
    assert khien.rows("task", "show", str(task["id"]))[0]["state"] == "done"
    khien("policy", "set", "G", "no.such", "1", code=NOT_FOUND)


def test_detections_and_audit(khien, agent):
    a = agent("X-2")
    a.detect(name="=cmd()", path={"form": "bytes", "raw": "L3g=", "display": "/x\x1b[2J"})
    a.send_events()
    assert khien.rows("detections")[0]["detection.name"] == "'=cmd()", "no cell is a formula"
    assert "\x1b" not in khien("detections"), "no text obeys a terminal"
    assert "sound" in khien("audit", "verify")
    assert any(e["action"].startswith("machine.enrol") for e in khien.rows("audit", "list", "--limit", "50"))


def test_words_and_exit_codes(khien, tmp_path):
    assert "Cách dùng" in khien("report", "figures", "--help", LC_ALL="vi_VN.UTF-8")
    assert "Usage" in khien("report", "figures", "--help", LC_ALL="C.UTF-8")
    khien("no-such-command", code=USAGE)
    khien("report", "figures", "--as-of", "30/2/2022", code=USAGE)
    khien.config.write_text("api = https://127.0.0.1:1\nca = " + str(khien.centre.ca_file) + "\n")
    khien("me", code=UNREACHABLE)


def test_another_ca_is_not_believed(khien, centre_factory):
    other = centre_factory()
    khien.config.write_text(f"api = {khien.centre.url()}\nca = {other.ca_file}\ntoken = token\n")
    assert "tls" in khien("me", code=UNREACHABLE)


def test_every_command_stands_in_the_manual(khien):
    manual = (TOP / "docs/man/khien.1").read_text()
    for line in khien("help").splitlines():
        words = re.match(r"  ((?:[a-z-]+ )*[a-z-]+) {2,}", line)
        if words:
            assert f"Ic {words.group(1)}" in manual, words.group(1)
