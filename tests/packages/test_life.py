"""The whole life of a computer of the province, installed only from the packages and a token: in the report with its unit, guarded,
upgraded together with its centre, removed; and what the report says of each of these days. The tests are one story, in this order."""
import hashlib
import json
import re

import pytest

from conftest import OLD
from debian import wait_until

FIRST_DAY, SECOND_DAY, THIRD_DAY = "2026-03-01", "2026-03-02", "2026-03-03"
UNITS = ("khien-ca", "khien-server")
BODY = "mẫu thử, không có thật: 7a1c09"
STATE = "/var/lib/khien/agent"


@pytest.fixture(scope="session")
def centre(computers):
    return computers[0]


@pytest.fixture(scope="session")
def pc(computers):
    return computers[1]


def khien(computer, *words, input=None):
    return computer.run("khien", *words, input=input).stdout


def status(computer):
    return dict(line.split("\t", 1) for line in khien(computer, "status", "--format", "tsv").splitlines())


def installed(centre, day, known_at=None):
    """What the report says of the unit SNV at that day's end."""
    report = json.loads(khien(centre, "report", "figures", "--as-of", day, *(["--known-at", known_at] if known_at else []), "--format", "json"))
    return {row["code"]: row["counts"]["installed"] for group in report["groups"] for row in group["rows"]}["SNV"]


def detections(centre, engine="test"):
    found = json.loads(khien(centre, "detections", "--format", "json"))["detections"]
    return sorted((d["detection"]["name"], d["detection"]["path"]["display"]) for d in found if (d["detection"]["engine"] == "test") == (engine == "test"))


def check_units(computer, *names):
    for name in names:
        assert computer.unit(name, "ActiveState") == "active", computer.journal(name)
        assert computer.unit(name, "NRestarts") == "0", computer.journal(name)


def contents(computer, folder):
    """The files below it, each with its digest."""
    found = computer.run("find", folder, "-type", "f", "!", "-name", "lock", "-exec", "sha256sum", "{}", "+", check=False).stdout.splitlines()
    return {path: digest for digest, path in (line.split(None, 1) for line in found)}


def main_pid(computer, name):
    return computer.unit(name, "MainPID")


def test_the_centre_is_installed_and_nothing_of_it_starts_by_itself(centre):
    centre.install(OLD, "khien", "khien-server")
    for name in UNITS:
        assert centre.unit(name, "ActiveState") == "inactive"
    assert centre.run("stat", "-c", "%a %U", "/var/lib/khien/server", "/var/lib/khien/ca").stdout.split() == ["700", "khien", "700", "khien-ca"]


def test_one_command_makes_a_centre(centre, network):
    said = centre.run("khien-setup", f"--simulation={FIRST_DAY}T08:00:00+07:00", "Tỉnh Đồng Tháp", network.addresses[0]).stdout
    assert re.search(r"one-time password: [a-z2-9]{20} ", said)
    check_units(centre, *UNITS)
    for name, user in zip(UNITS, ("khien-ca", "khien")):
        assert centre.run("stat", "-c", "%U", f"/proc/{main_pid(centre, name)}").stdout.strip() == user
    assert centre.run("stat", "-c", "%a %U %G", "/run/khien/ca.sock").stdout.split() == ["660", "khien-ca", "khien"]
    again = centre.run("khien-setup", "Tỉnh khác", "khac.example", check=False)
    assert again.returncode == 1 and "store could not be made" in again.stderr
    assert network.addresses[0] in centre.run("cat", "/etc/khien/khien-server.conf").stdout
    khien(centre, "units", "add", "SBN", "Các sở, ban, ngành", "--kind", "group", "--from", "2026-01-01")
    khien(centre, "units", "add", "SNV", "Sở Nội vụ", "--below", "SBN", "--from", "2026-01-01")
    khien(centre, "names", "add", "(?<unit>[A-Z]+)-[A-Z0-9]+-[0-9]{3}")
    assert installed(centre, FIRST_DAY) == 0


def test_a_computer_enrols_by_one_command_and_stands_in_the_report(centre, pc, network):
    pc.install(OLD, "khien", "khien-scan", "khien-agent")
    check_units(pc, "khien-agent")
    assert status(pc)["state"] == "not enrolled"
    token = json.loads(khien(centre, "tokens", "create", "--format", "json"))["token"]
    khien(pc, "enrol", f"https://{network.addresses[0]}:7441", input=token + "\n")
    assert token not in pc.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout
    khien(pc, "sync")
    facts = status(pc)
    assert facts["state"] == "enrolled" and facts["agent"] == OLD
    machines = json.loads(khien(centre, "machines", "list", "--unit", "SNV", "--format", "json"))["machines"]
    assert [m["name"] for m in machines] == ["SNV-VP-001"]
    assert installed(centre, FIRST_DAY) == 1
    link = pc.run("pgrep", "-u", "khien-link", "-f", "/usr/libexec/khien/khien-link|khien-link").stdout.split()
    assert len(link) == 1


def test_what_is_detected_travels(centre, pc):
    khien(pc, "detection", "add", "/home/an/bai-tap.exe", "--name", "Test.Life.1", "--engine", "test", "--action", "none")
    khien(pc, "sync")
    assert detections(centre) == [("Test.Life.1", "/home/an/bai-tap.exe")]


def test_an_infected_file_is_found_and_taken(centre, pc):
    """Signatures come from a file that root places here; the scanner is the installed one, in its jail under systemd."""
    content = "hoá đơn, không phải hoá đơn\n" * 100
    digest = hashlib.sha256(content.encode()).hexdigest()
    pc.run("mkdir", "-p", "/home/an")
    pc.run("tee", "/home/an/hoa-don.exe", input=content)
    pc.run("tee", "/home/an/mau.bin", input="x" * 500 + BODY + "x" * 500)
    pc.run("tee", "/home/an/sach.txt", input="sạch\n")
    pc.run("tee", "/root/life.hsb", input=f"{digest}:{len(content.encode())}:Test.Life.Infected\n")
    pc.run("tee", "/root/life.ndb", input=f"Test.Life.Body:0:*:{BODY.encode().hex()}\n")
    khien(pc, "signatures", "load", "/root/life.hsb", "/root/life.ndb")
    pc.run("systemctl", "restart", "khien-agent")
    wait_until(lambda: "clamav: works" in status(pc)["engines"] and not {"no engine", "has not shown"} & set(re.findall("no engine|has not shown", status(pc)["problems"])),
               60, lambda: f"signatures in force: {status(pc)}")
    done = pc.run("khien", "scan", "/home/an", check=False)
    assert done.returncode == 1, f"{done.stdout}{done.stderr}{json.dumps(status(pc), indent=1)}{pc.journal('khien-agent')[-3000:]}"
    assert pc.run("ls", "/home/an").stdout.split() == ["sach.txt"]
    assert "hoa-don.exe" in khien(pc, "quarantine", "list")
    wait_until(lambda: khien(pc, "sync") and len(detections(centre, "ours")) >= 2, 60, lambda: f"the detections at the centre: {detections(centre, 'ours')}")
    found = detections(centre, "ours")
    assert [path for _, path in found] == ["/home/an/mau.bin", "/home/an/hoa-don.exe"]
    assert found[0][0].startswith("Test.Life.Body") and found[1][0].startswith("Test.Life.Infected")
    check_units(pc, "khien-agent")


def test_the_units_are_watched(centre, pc):
    """systemd hears the signs of life, and starts anew what gives none."""
    for computer, name in ((centre, "khien-ca"), (centre, "khien-server"), (pc, "khien-agent")):
        folder = f"/run/systemd/system/{name}.service.d"
        computer.run("mkdir", "-p", folder)
        computer.run("tee", f"{folder}/soon.conf", input="[Service]\nWatchdogSec=4\n")
        computer.run("systemctl", "daemon-reload")
        computer.run("systemctl", "restart", name)
        began, pid = computer.unit(name, "WatchdogTimestampMonotonic"), main_pid(computer, name)
        wait_until(lambda: int(computer.unit(name, "WatchdogTimestampMonotonic")) > int(began) + 5000000, 30,
                   lambda: f"{name}'s signs of life: {computer.journal(name)[-2000:]}")
        assert main_pid(computer, name) == pid
        computer.run("kill", "-STOP", pid)
        wait_until(lambda: main_pid(computer, name) not in (pid, "0") and computer.unit(name, "ActiveState") == "active", 60,
                   lambda: f"{name} anew: {computer.journal(name)[-2000:]}")
        computer.run("rm", "-r", folder)
        computer.run("systemctl", "daemon-reload")
        computer.run("systemctl", "restart", name)
        check_units(computer, name)


def test_an_upgrade_keeps_everything(centre, pc, this_version):
    before = status(pc)
    pc.run("sed", "-i", "$ a collect_s = 30", "/etc/khien/khien-agent.conf")
    khien(centre, "sim", "move", f"{SECOND_DAY}T09:00:00+07:00")
    centre.run("systemctl", "stop", "khien-server")
    khien(pc, "detection", "add", "/home/an/luc-nang-cap.exe", "--name", "Test.Life.2", "--engine", "test")
    pc.install(this_version, "khien", "khien-scan", "khien-agent")
    check_units(pc, "khien-agent")
    assert "collect_s = 30" in pc.run("cat", "/etc/khien/khien-agent.conf").stdout
    centre.run("systemctl", "start", "khien-server")
    pids = [main_pid(centre, name) for name in UNITS]
    centre.install(this_version, "khien", "khien-server")
    check_units(centre, *UNITS)
    assert not set(pids) & {main_pid(centre, name) for name in UNITS}
    assert centre.run("khien-server", "--version").stdout.split()[-1] == this_version
    khien(pc, "sync")
    after = status(pc)
    assert after["agent"] == this_version and after["state"] == "enrolled"
    assert {k: before[k] for k in ("machine", "install id", "server")} == {k: after[k] for k in ("machine", "install id", "server")}
    wait_until(lambda: len(detections(centre)) == 2, 30, "the detection made during the upgrade")
    assert [name for name, _ in detections(centre)] == ["Test.Life.1", "Test.Life.2"]
    assert (installed(centre, FIRST_DAY), installed(centre, SECOND_DAY)) == (1, 1)
    khien(centre, "audit", "verify")


def test_its_removal_is_told_and_the_days_before_stay(centre, pc):
    khien(centre, "sim", "move", f"{THIRD_DAY}T09:00:00+07:00")
    quarantine = contents(pc, f"{STATE}/quarantine")
    pc.run("apt-get", "-q", "-y", "remove", "khien-agent")
    assert pc.run("pgrep", "-f", "khien-(agent|link)", check=False).stdout == ""
    assert [installed(centre, day) for day in (FIRST_DAY, SECOND_DAY, THIRD_DAY)] == [1, 1, 0]
    assert installed(centre, SECOND_DAY, known_at=f"{SECOND_DAY}T23:59:59+07:00") == 1
    assert contents(pc, f"{STATE}/quarantine") == quarantine and f"{STATE}/identity" in contents(pc, STATE)


def test_whoever_comes_back_counts_again(centre, pc, network, this_version):
    pc.install(this_version, "khien", "khien-scan", "khien-agent")
    assert status(pc)["state"] == "not enrolled"
    token = json.loads(khien(centre, "tokens", "create", "--format", "json"))["token"]
    khien(pc, "enrol", f"https://{network.addresses[0]}:7441", input=token + "\n")
    khien(pc, "sync")
    assert installed(centre, THIRD_DAY) == 1


def test_a_centre_that_is_away_does_not_hold_up_a_removal(centre, pc, network):
    quarantine = contents(pc, f"{STATE}/quarantine")
    network.cable(False)
    said = pc.run("apt-get", "-q", "-y", "purge", "khien-agent")
    network.cable(True)
    assert "could not be told" in said.stdout + said.stderr
    assert contents(pc, STATE) == quarantine
    assert pc.run("test", "-e", "/etc/khien/khien-agent.conf", check=False).returncode == 1


def test_the_ledger_outlives_its_packages(centre):
    said = centre.run("apt-get", "-q", "-y", "purge", "khien-server")
    assert "is kept" in said.stdout + said.stderr
    centre.run("test", "-s", "/var/lib/khien/server/khien.db")
