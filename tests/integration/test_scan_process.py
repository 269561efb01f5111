"""The jailed scanner as khien-agent has it: what its state says when a mechanism is missing, an engine misses, a worker or the
template ends; a content that ends a worker costs that worker. The engine of khien-scan-fault does what a content tells it."""
import errno
import os
import re
import signal
import socket
import struct
import subprocess
from pathlib import Path

import pytest

import real_agent
from processes import BUILD, TOP, program, wait_until

FAULT = BUILD / "tests/fault/khien-scan-fault"
WITHOUT = BUILD / "tests/fault/khien-test-without"
NAMESPACES = ("user", "pid", "mount", "net", "ipc", "uts", "cgroup")
MECHANISMS = ("no-new-privs", "no-core", "landlock", "seccomp", "limits", "no-capabilities", "closed-descriptors", "empty-root",
              *(f"{n}-namespace" for n in NAMESPACES))


def enum_values(header, name):
    """The numbers of a C enum."""
    body = re.search(rf"enum {name} {{(.*?)}};", re.sub(r"/\*.*?\*/", "", (TOP / header).read_text(), flags=re.S), re.S).group(1)
    values, following = {}, 0
    for word in filter(None, (w.strip() for w in body.split(","))):
        word, _, number = (p.strip() for p in word.partition("="))
        following = int(number) if number else following
        values[word] = following
        following += 1
    return values


CONTROL = enum_values("src/agent/control/control_messages.h", "control_message")
VERDICT = {v: k for k, v in enum_values("src/model/scan_result.h", "scan_verdict").items()}
REASON = {v: k for k, v in enum_values("src/model/scan_result.h", "scan_reason").items()}


class Control:
    """control.sock, spoken by hand."""

    def __init__(self, agent):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(agent.socket))
        self.socket.settimeout(60)

    def send(self, kind, fds=()):
        message = struct.pack("<H", CONTROL[kind])
        frame = struct.pack("<IBBH", len(message), 1, len(fds), 0) + message
        socket.send_fds(self.socket, [frame], list(fds)) if fds else self.socket.sendall(frame)
        return self

    def receive(self):
        head = self.exactly(8)
        message = self.exactly(struct.unpack("<I", head[:4])[0])
        return struct.unpack("<H", message[:2])[0], message[2:]

    def exactly(self, n):
        got = b""
        while len(got) < n:
            more = self.socket.recv(n - len(got))
            assert more, "the agent ended the connection"
            got += more
        return got


def scan_later(agent, content, folder):
    path = Path(folder) / f"content-{os.urandom(4).hex()}"
    path.write_bytes(content)
    with open(path, "rb") as f:
        return Control(agent).send("CONTROL_SCAN_FILE", [f.fileno()])


def result(control):
    kind, body = control.receive()
    assert kind == CONTROL["CONTROL_FILE_SCANNED"], (kind, body)
    return VERDICT[body[0]], REASON[body[1]]


def scan(agent, content, folder):
    return result(scan_later(agent, content, folder))


def reload(agent):
    kind, body = Control(agent).send("CONTROL_SIGNATURES").receive()
    return None if kind == CONTROL["CONTROL_DONE"] else body[12:].rstrip(b"\0").decode()


def generation(agent, n, *words):
    """Signatures on the disk: for the fault engine only the names of files say how it loads."""
    folder = agent.state / "signatures" / str(n)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    for word in words:
        (folder / word).touch(mode=0o644)
    new = folder.parent / "new"
    new.symlink_to(str(n))
    new.rename(folder.parent / "current")


class NoCentre:
    others = []


@pytest.fixture
def scanner(tmp_path):
    """scanner("miss", scan=…, before=[…]): khien-agent with a scanner, not enrolled, its signatures of generation 1."""
    agents = []

    def make(*words, scan=FAULT, before=(), user="nobody", flags=("--heartbeat-ms", "500", "--check-s", "1")):
        users = ["--scan-user", user] if user and os.geteuid() == 0 else []
        a = real_agent.RealAgent(NoCentre, tmp_path / f"agent-{len(agents)}", flags=["--scan", scan, *users, *flags])
        a.process.argv = [*map(str, before), *a.process.argv]
        generation(a, 1, *words)
        agents.append(a)
        return a.start()

    yield make
    for a in agents:
        a.stop()


def up(agent):
    """The scanner runs and a worker has come up: the facts."""
    return wait_until(lambda: (s := agent.status())["jail"] and s["scanner"] == "running" and s, 30, "a worker")


def test_everything_is_there(scanner):
    """On the computers that build this every mechanism must be there."""
    facts = up(scanner())
    jail = dict(word.split(": ") for word in facts["jail"].split(", "))
    assert set(jail) == set(MECHANISMS)
    assert all(state == "in force" or (name == "landlock" and state == "in part") for name, state in jail.items()), jail
    assert facts["engines"] == "fault: works (1 signatures)"
    assert "scan" not in facts["problems"] and "engine" not in facts["problems"]


TAKEN = [  # what the kernel refuses, what the state must name
    (["clone:1:0:0x10000000"], [f"{n}-namespace" for n in NAMESPACES] + ["empty-root"]),
    (["clone:22:0:0x20000000"], ["pid-namespace"]),
    (["unshare:28:0:0x00020000"], ["mount-namespace", "empty-root"]),
    (["unshare:22:0:0x40000000"], ["net-namespace"]),
    (["unshare:22:0:0x08000000"], ["ipc-namespace"]),
    (["unshare:22:0:0x04000000"], ["uts-namespace"]),
    (["unshare:22:0:0x02000000"], ["cgroup-namespace"]),
    (["pivot_root:1"], ["empty-root"]),
    (["landlock_create_ruleset:38"], ["landlock"]),
    (["seccomp:22", "prctl:22:0:22"], ["seccomp"]),
    (["prctl:1:0:38"], ["no-new-privs", "landlock", "seccomp"]),
    (["prlimit64:1:1:4"], ["no-core"]),
    (["prlimit64:1:1:9"], ["limits"]),
    (["capset:1"], ["no-capabilities"]),
]


@pytest.mark.skipif(os.geteuid() != 0, reason="the kernel can be made to refuse by root only")
@pytest.mark.parametrize("refused, missing", TAKEN, ids=[t[1][0] for t in TAKEN])
def test_what_is_taken_away_is_named(scanner, tmp_path, refused, missing):
    agent = scanner(before=[WITHOUT, *refused, "--"])
    facts = up(agent)
    for name in MECHANISMS:
        assert (f"files are scanned without {name}" in facts["problems"]) == (name in missing), facts["problems"]
    assert scan(agent, b"still scanned", tmp_path)[0] == "SCAN_CLEAN"  # the rest goes on


@pytest.mark.skipif(os.geteuid() != 0, reason="another user namespace's limits are set by root")
@pytest.mark.parametrize("kind, name", [("net", "net"), ("ipc", "ipc"), ("uts", "uts"), ("cgroup", "cgroup"), ("mnt", "mount"), ("pid", "pid")])
def test_a_host_that_allows_no_such_namespace(scanner, tmp_path, kind, name):
    """The same by the kernel's own means: user.max_*_namespaces of a user namespace around the agent."""
    script = f'echo 0 >/proc/sys/user/max_{kind}_namespaces && exec "$@"'
    agent = scanner(before=["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"], user=None)
    assert f"files are scanned without {name}-namespace" in up(agent)["problems"]
    assert scan(agent, b"still scanned", tmp_path)[0] == "SCAN_CLEAN"


def test_a_content_costs_its_worker_and_no_more(scanner, tmp_path):
    agent = scanner()
    before = up(agent)
    assert scan(agent, b"KHIEN-FAULT infected", tmp_path) == ("SCAN_INFECTED", "SCAN_REASON_NONE")
    assert scan(agent, b"KHIEN-FAULT crash", tmp_path) == ("SCAN_NOT_SCANNED", "SCAN_CRASHED")
    assert scan(agent, b"KHIEN-FAULT socket", tmp_path) == ("SCAN_NOT_SCANNED", "SCAN_CRASHED")
    assert scan(agent, b"KHIEN-FAULT crash", tmp_path) == ("SCAN_NOT_SCANNED", "SCAN_CRASHED")  # known: nobody dies
    assert scan(agent, b"an ordinary text", tmp_path) == ("SCAN_CLEAN", "SCAN_REASON_NONE")
    facts = agent.status()
    assert facts["scans crashed"] == "2"
    assert facts["scanner pid"] == before["scanner pid"] and facts["scanner restarts"] == "0"
    assert "2 files are not scanned" in facts["problems"]


def test_a_template_that_ends_or_hangs_is_started_again(scanner, tmp_path):
    agent = scanner()
    first = int(up(agent)["scanner pid"])
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: agent.status()["scanner pid"] not in ("0", str(first)), 30, "another template")
    second = int(up(agent)["scanner pid"])
    assert scan(agent, b"KHIEN-FAULT infected", tmp_path)[0] == "SCAN_INFECTED"
    os.kill(second, signal.SIGSTOP)
    wait_until(lambda: agent.status()["scanner pid"] not in ("0", str(second)), 30, "another template")
    assert up(agent)["scanner restarts"] == "2"
    assert scan(agent, b"KHIEN-FAULT infected", tmp_path)[0] == "SCAN_INFECTED"


def test_a_job_outlives_the_template(scanner, tmp_path):
    """It is asked of a worker of the next one."""
    agent = scanner()
    first = up(agent)["scanner pid"]
    job = scan_later(agent, b"KHIEN-FAULT wait", tmp_path)
    wait_until(lambda: agent.status()["scans busy"] == "1", 10, "the job at work")
    os.kill(int(first), signal.SIGKILL)
    assert result(job) == ("SCAN_CLEAN", "SCAN_REASON_NONE")
    assert agent.status()["scans crashed"] == "0"


def test_an_engine_that_misses_is_no_protection(scanner):
    agent = scanner("miss")
    facts = up(agent)
    assert "engine fault: misses" in facts["problems"]
    generation(agent, 2)
    assert reload(agent) is None
    wait_until(lambda: up(agent)["problems"].find("misses") < 0, 30, "an engine that finds what is planted")


def test_without_engine_or_program(scanner, tmp_path):
    facts = up(scanner("broken"))
    assert "no engine" in facts["problems"] and "engine fault: broken: told to be broken" in facts["problems"]
    agent = scanner(scan=tmp_path / "there-is-no-such-program")
    wait_until(lambda: "the scanner does not run: the program is not there" in agent.status()["problems"], 30, "the reason")


def test_other_signatures_while_the_old_ones_serve(scanner, tmp_path):
    agent = scanner()
    before = up(agent)
    assert scan(agent, b"KHIEN-FAULT crash", tmp_path) == ("SCAN_NOT_SCANNED", "SCAN_CRASHED")
    generation(agent, 2, "slow")
    waiting = Control(agent).send("CONTROL_SIGNATURES")
    wait_until(lambda: "other signatures" in agent.status()["scanner"], 10, "the second template")
    assert scan(agent, b"KHIEN-FAULT infected", tmp_path)[0] == "SCAN_INFECTED"
    assert waiting.receive()[0] == CONTROL["CONTROL_DONE"]
    assert up(agent)["scanner pid"] != before["scanner pid"]
    assert agent.status()["contents shunned"] == "0"  # what ended a worker may be tried again
    assert scan(agent, b"KHIEN-FAULT infected", tmp_path)[0] == "SCAN_INFECTED"
    assert agent.status()["scanner restarts"] == "0"


def test_signatures_that_cannot_be_used_do_not_come_into_force(scanner, tmp_path):
    agent = scanner()
    before = up(agent)
    generation(agent, 2, "broken")
    assert "told to be broken" in reload(agent)
    facts = agent.status()
    assert facts["scanner pid"] == before["scanner pid"]
    assert "new signatures cannot be loaded, the old ones stay" in facts["problems"]
    assert scan(agent, b"KHIEN-FAULT infected", tmp_path)[0] == "SCAN_INFECTED"
    generation(agent, 3)
    assert reload(agent) is None
    assert "cannot be loaded" not in agent.status()["problems"]


def test_workers_end_with_the_agent(scanner):
    agent = scanner()
    template = int(up(agent)["scanner pid"])
    children = Path(f"/proc/{template}/task/{template}/children").read_text().split()
    assert children
    agent.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in [str(template), *children]), 10, "their end")
    agent.start()
    up(agent)


def test_the_parent_links_no_engine():
    linked = subprocess.run(["ldd", program("khien-agent")], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"clamav|yara|ssl|crypto|jansson|curl", linked), linked
