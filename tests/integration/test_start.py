"""How khien-server starts, whom it becomes, whom it tells that it serves, and what it does on SIGHUP."""
import os
import secrets
import shutil
import signal
import socket
import tempfile
from pathlib import Path

import pytest

from centre import Centre, running
from processes import environment, listening, program, run, wait_until
from protocol_agent import Agent, server_chain

pytestmark = pytest.mark.stores("sqlite")  # none of it is the store's


def shown(centre):
    """The certificates on all three ports: one and the same, once a change is through."""
    return {server_chain(centre.address(name, 0))[0].serial_number for name in centre.ports[0]}


def hang_up(centre, says):
    """SIGHUP, until the log has one more line that says so."""
    before = centre.servers[0].text().count(says)
    centre.servers[0].process.send_signal(signal.SIGHUP)
    centre.servers[0].wait_for(lambda: centre.servers[0].text().count(says) > before, what=says)


def test_sighup_reads_key_and_chain_anew(centre):
    file = centre.folder / "server-0/server.tls"
    first, kept = shown(centre), file.read_bytes()
    centre.admin.post("/api/v1/trust/rotate", {"what": "server"})
    second = wait_until(lambda: (now := shown(centre)) != first and len(now) == 1 and now, what="another certificate")
    a = Agent(centre).enrol(centre.token()).sync()
    held = a.hold_sync()
    file.write_bytes(kept)
    assert shown(centre) == second, "a file alone changes nothing"
    hang_up(centre, "key and chain read anew")
    assert shown(centre) == first
    assert not held.done(), "who was connected has noticed"
    centre.admin.post("/api/v1/tasks/for-machines", {"kind": "report-now", "machines": [a.machine]})
    assert held.result(30).status == 200 and a.tasks
    a.sync()


@pytest.mark.parametrize("broken", [b"", b"khien server material 1\n", b"\0" * 4096, None])
def test_a_broken_file_is_told_and_changes_nothing(centre, broken):
    file = centre.folder / "server-0/server.tls"
    before, whole = shown(centre), file.read_bytes()
    if broken is None:  # another key's certificate
        centre.admin.post("/api/v1/trust/rotate", {"what": "server"})
        before = wait_until(lambda: (now := shown(centre)) != before and len(now) == 1 and now, what="another certificate")
        other = file.read_bytes()
        begin, end = b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----"
        key = whole[whole.index(begin):whole.index(end)]
        place = other[other.index(begin):other.index(end)]
        assert len(key) == len(place) and key != place
        broken = other.replace(place, key)
    file.write_bytes(broken)
    hang_up(centre, "key and chain cannot be read anew")
    assert shown(centre) == before
    Agent(centre).enrol(centre.token()).sync()
    file.write_bytes(broken)
    centre.restart_server()  # makes what it needs
    Agent(centre).enrol(centre.token()).sync()


@pytest.mark.parametrize("abstract", [False, True])
def test_it_tells_when_it_serves(centre, abstract):
    centre.servers[0].stop()
    folder = tempfile.mkdtemp(prefix="khien-notify-", dir="/tmp")
    name = f"@khien-{secrets.token_hex(8)}" if abstract else f"{folder}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind("\0" + name[1:] if abstract else name)
        s.settimeout(60)
        centre.servers[0].env = environment(NOTIFY_SOCKET=name)
        centre.servers[0].start()
        assert s.recv(4096).split(b"\n")[0] == b"READY=1"
        assert [listening(centre.address(port, 0)) for port in centre.ports[0]] == [True] * 3
        s.settimeout(0.1)
        with pytest.raises(socket.timeout):
            s.recv(4096)
    shutil.rmtree(folder)
    assert centre.api().call("GET", "/healthz").status_code == 200


def test_it_is_ready_only_when_it_serves(centre):
    """Without khien-ca a server that has no certificate waits for one, and says nothing yet."""
    centre.servers[0].stop()
    centre.ca.stop()
    (centre.run_folder / "ca.sock").unlink(missing_ok=True)
    (centre.folder / "server-0/server.tls").unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        name = f"@khien-{secrets.token_hex(8)}"
        s.bind("\0" + name[1:])
        centre.servers[0].env = environment(NOTIFY_SOCKET=name)
        before = centre.servers[0].text().count("waiting for khien-ca")
        centre.servers[0].start()
        centre.servers[0].wait_for(lambda: centre.servers[0].text().count("waiting for khien-ca") > before)
        s.setblocking(False)
        with pytest.raises(BlockingIOError):
            s.recv(4096)
        centre.ca.start()
        s.settimeout(60)
        assert s.recv(4096).split(b"\n")[0] == b"READY=1"
    Agent(centre).enrol(centre.token()).sync()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become others")
def test_it_becomes_the_user_that_it_is_told_to():
    """And then khien-ca gives it certificates, but no other CA: that is root's to ask for."""
    folder = Path(tempfile.mkdtemp(prefix="khien-user-", dir="/tmp"))  # pytest's own folders let nobody in
    folder.chmod(0o755)
    try:
        with running(Centre(folder / "centre", f"sqlite:{folder}/centre/server-0/khien.db", user="nobody",
                            settings={"store_key": folder / "centre/server-0/store.key"}, ca_settings={"users": "nobody"})) as centre:
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{centre.servers[0].pid}/status").read_text().splitlines() if ":\t" in line)
            assert status["Uid"].split() == ["65534"] * 4 and status["Gid"].split() == ["65534"] * 4
            assert status["Groups"].strip() in ("", "65534") and int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
            for tasks in Path(f"/proc/{centre.servers[0].pid}/task").iterdir():
                assert "\nUid:\t65534\t65534\t65534\t65534\n" in (tasks / "status").read_text(), "a thread stayed root"
            for path in (folder / "centre/server-0").iterdir():
                assert path.stat().st_uid == (0 if path.name == "khien-server.conf" else 65534), path
            a = Agent(centre).enrol(centre.token()).sync()
            a.detect()
            a.send_events()
            before = shown(centre)
            centre.admin.post("/api/v1/trust/rotate", {"what": "server"})
            wait_until(lambda: shown(centre).isdisjoint(before), what="another certificate")
            refused = centre.admin.call("POST", "/api/v1/trust/rotate", {"what": "ca"})
            assert refused.status_code == 403 and "khien ca rotate ca" in refused.text, refused.text
            config = folder / "cli.conf"
            config.write_text(f"api = {centre.url()}\nca = {centre.ca_file}\nca_socket = {centre.run_folder}/ca.sock\n")
            config.chmod(0o600)
            run([program("khien"), "--config", config, "ca", "rotate", "ca"], check=True)
            wait_until(lambda: centre.admin.get("/api/v1/trust")["ca"]["generation"] == 2, what="the new CA")
            a.sync()
            assert a.anchors["agents-ca"].count("BEGIN") == 2
            as_nobody = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program("khien"), "--config", config, "ca", "list"])
            assert as_nobody.returncode != 0
    finally:
        shutil.rmtree(folder)


def test_an_unknown_user_is_refused(tmp_path):
    config = tmp_path / "khien-server.conf"
    config.write_text(f"state = {tmp_path}/s\nstore = sqlite:{tmp_path}/k.db\nca_socket = {tmp_path}/c\nenrol = 127.0.0.1:1\n"
                      "agents = 127.0.0.1:2\nconsole = 127.0.0.1:3\nnames = localhost\n")
    done = run([program("khien-server"), "--config", config, "--user", "no-such-user", "--create", "X"])
    assert done.returncode == 1 and "no-such-user" in done.stderr and not (tmp_path / "k.db").exists()
