"""Keys and certificates that change while the house runs: the server's, the CA's, an agent's; and who was away meanwhile."""
import json
import struct
from datetime import datetime, timezone

import pytest
from cryptography import x509

from processes import environment, program, run, wait_until
from protocol_agent import Agent, PinMismatch, server_chain, spki_hash
from real_agent import RealAgent
from test_ca import CHANGED, RETIRE, Client

OTHER_METAL = {"uuid": "4c4c4544-0042-3510-8051-b4c04f303399", "board": "OTHER-7731", "disk": "OTHER-5521", "mac": "52:54:00:aa:bb:cc"}


def rotate(centre, what):
    centre.admin.post("/api/v1/trust/rotate", {"what": what})


def leaf(centre, name="agents", server=0):
    return server_chain(centre.address(name, server))[0]


def issuers(centre):
    """The name of the CA whose certificate each server shows on each of its ports."""
    return {leaf(centre, name, i).issuer.rfc4514_string() for i in range(len(centre.servers)) for name in centre.ports[i]}


def rotate_ca(centre):
    """A new generation, in force at every server."""
    before = issuers(centre)
    rotate(centre, "ca")
    wait_until(lambda: not issuers(centre) & before, what="the new CA at every server")


def set_anchor(centre, purpose, text, i=0):
    return run([program("khien-server"), "--config", centre.folder / f"server-{i}/khien-server.conf", "--anchor", purpose], stdin=text)


def pem_count(text):
    return text.count("BEGIN CERTIFICATE")


def rows(centre):
    return [d["detection"]["path"]["display"] for d in centre.admin.get("/api/v1/detections", limit=500)["detections"]]


def machine_of(agent):
    return agent.status()["machine"]


def works(centre, agent, path):
    """A detection of a real agent arrives."""
    agent.khien("detection", "add", path, "--name", "N", "--engine", "e")
    wait_until(lambda: path in rows(centre), what=f"the detection of {path}")


@pytest.fixture
def pair(centre, agent, real_agent):
    """A real agent and one of the protocol, both enrolled and known to work."""
    real = real_agent(host_name="SNV-VP-001").enrol(centre.token())
    works(centre, real, "/before")
    return real, agent("SNV-VP-002")


def anchors_of(real):
    """How many CAs the real agent believes, from its disk."""
    path = real.state / "link/anchors"
    return pem_count(path.read_bytes().decode(errors="replace")) if path.exists() else 0


@pytest.mark.stores("sqlite", "two")
def test_a_servers_new_certificate_is_noticed_by_nobody(centre, pair):
    real, protocol = pair
    link, before = real.link_pid(), leaf(centre)
    held = protocol.hold_sync()
    rotate(centre, "server")
    wait_until(lambda: leaf(centre).serial_number != before.serial_number or
               leaf(centre, server=len(centre.servers) - 1).serial_number != before.serial_number, what="another certificate")
    works(centre, real, "/after")
    assert not held.done(), "a held sync was cut by it"
    task = centre.admin.post("/api/v1/tasks/for-machines", {"kind": "report-now", "machines": [protocol.machine]})
    assert task and held.result(30).status == 200 and protocol.tasks
    protocol.detect()
    protocol.send_events()
    assert real.link_pid() == link


@pytest.mark.stores("sqlite", "two")
def test_agents_that_are_there_take_the_new_ca(centre, pair):
    real, protocol = pair
    held = protocol.hold_sync()
    assert anchors_of(real) == 1 and pem_count(protocol.anchors["agents-ca"]) == 1
    version = protocol.anchors["version"]
    rotate_ca(centre)
    assert held.result(30).status == 200
    assert pem_count(protocol.anchors["agents-ca"]) == 2 and protocol.anchors["version"] > version
    wait_until(lambda: anchors_of(real) == 2, what="the new anchors on the agent's disk")
    works(centre, real, "/after")
    protocol.sync().detect()
    protocol.send_events()
    protocol.try_renew().ok()
    renewed = x509.load_pem_x509_certificate(protocol.certificate.encode())
    assert {renewed.issuer.rfc4514_string()} == issuers(centre)
    protocol.sync()
    status = centre.admin.get("/api/v1/trust")
    assert status["ca"]["generation"] == 2 and status["ca"]["pin"] == spki_hash(server_chain(centre.address("console"))[-1])
    entries = [e["action"] for e in centre.admin.get("/api/v1/audit", limit=50)["entries"]]
    assert "trust.rotate" in entries and "trust.anchor" in entries


@pytest.mark.stores("two")
def test_who_was_off_through_two_generations_comes_back(centre, pair):
    real, protocol = pair
    machine = machine_of(real)
    real.stop()
    for _ in range(2):
        rotate_ca(centre)
    real.start()
    works(centre, real, "/back")
    wait_until(lambda: anchors_of(real) == 3, what="the anchors of three generations")
    assert machine_of(real) == machine
    assert pem_count(protocol.anchors["agents-ca"]) == 1, "it has not been heard meanwhile"
    protocol.sync()
    assert pem_count(protocol.anchors["agents-ca"]) == 3
    assert len(centre.admin.get("/api/v1/machines")["machines"]) == 2


@pytest.mark.stores("sqlite")
def test_a_token_outlives_a_rotation(centre, pair, real_agent):
    token = centre.token(uses=2)
    for _ in range(2):
        rotate_ca(centre)
    newcomer = Agent(centre, "SNV-VP-003").enrol(token).sync()
    assert newcomer.machine
    late = real_agent(host_name="SNV-VP-004", **OTHER_METAL).enrol(token)
    works(centre, late, "/late")
    fresh = Agent(centre, "SNV-VP-005").enrol(centre.token()).sync()
    assert fresh.machine


@pytest.mark.stores("sqlite")
def test_a_certificate_that_ran_out_is_renewed_by_itself(centre_factory, tmp_path):
    centre = centre_factory(ca_settings={"agent_seconds": 8})
    centre.admin.put("/api/v1/units/1/policy/sync.interval_s", {"value": 5})  # a held sync may outlast so short a life
    real = RealAgent(centre, tmp_path / "agent").start()
    centre.others.append(real.process)
    real.enrol(centre.token())
    works(centre, real, "/first")
    machine = machine_of(real)

    def end():
        return x509.load_pem_x509_certificate((real.state / "link/credentials").read_bytes()).not_valid_after.replace(tzinfo=timezone.utc)
    began = end()
    wait_until(lambda: end() > began, what="a renewal in time")
    works(centre, real, "/renewed")
    real.stop()
    old = end()
    wait_until(lambda: datetime.now(timezone.utc) > old, what="the end of its certificate")
    real.start()
    works(centre, real, "/ran out")
    assert end() > old and machine_of(real) == machine and real.status()["state"] == "enrolled"


@pytest.mark.stores("sqlite")
def test_khien_goes_on_behind_a_rotation(centre, tmp_path):
    """The CA's file that its configuration names is the one from before."""
    config = tmp_path / "cli.conf"
    config.write_text(f"api = {centre.url()}\nca = {centre.ca_file}\ntoken = token\nca_socket = {centre.run_folder}/ca.sock\n")
    config.chmod(0o600)
    (tmp_path / "token").write_text(centre.admin.script_token("read-units", "read-trust", "change-trust") + "\n")

    def khien(*words, code=0):
        done = run([program("khien"), "--config", config, *words], env=environment(LANG="C.UTF-8"))
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout
    before = issuers(centre)
    khien("ca", "rotate", "ca")
    wait_until(lambda: not issuers(centre) & before, what="the new CA at every server")
    assert json.loads(khien("ca", "status"))["ca"]["generation"] == 2
    listed = json.loads(khien("ca", "list", "--format", "json"))["generations"]
    assert [(g["generation"], g["state"]) for g in listed] == [(2, "signing"), (1, "trusted")]
    assert listed[1]["pin"] == centre.pin
    serials = {leaf(centre, server=i).serial_number for i in range(len(centre.servers))}
    khien("ca", "rotate", "server")
    wait_until(lambda: {leaf(centre, server=i).serial_number for i in range(len(centre.servers))} != serials, what="another certificate")
    khien("ca", "retire", "2", code=1)
    khien("ca", "retire", "7", code=1)
    khien("ca", "retire", "1")
    khien("units", "list")
    assert json.loads(khien("ca", "list", "--format", "json"))["generations"][1]["state"] == "retired"


@pytest.mark.stores("two")
def test_a_retired_generation_lets_nobody_in(centre, pair):
    real, protocol = pair
    token = centre.token()
    rotate_ca(centre)
    stranger = Agent(centre, "SNV-VP-009").restore(protocol.snapshot())  # has the old certificate for good
    protocol.sync().try_renew().ok()
    client = Client(centre.run_folder / "ca.sock")
    assert client.ask(RETIRE, struct.pack("<q", 1))[0] == CHANGED  # retire
    wait_until(lambda: pem_count(protocol.sync().anchors["agents-ca"]) == 1, what="the anchors without it")

    def refused():
        try:
            stranger.try_sync(lost=True)
        except OSError:
            return True
    wait_until(lambda: all(refused() for _ in centre.servers), what="refusals by every server")
    with pytest.raises(PinMismatch):
        Agent(centre, "SNV-VP-010").try_enrol(token)
    protocol.sync()


@pytest.mark.stores("sqlite", "two")
def test_each_anchor_is_replaced_by_its_purpose(centre, pair):
    real, protocol = pair
    first = protocol.anchors
    assert set(first) == {"version", "agents-ca"}
    version = first["version"]
    for purpose, text in (("updates", "the key of 2026\n"), ("rules", "another\n"), ("updates", "the key of 2027\n"), ("rules", "")):
        held = protocol.hold_sync()
        done = set_anchor(centre, purpose, text, len(centre.servers) - 1)
        assert done.returncode == 0, done.stderr
        assert held.result(30).status == 200
        assert protocol.anchors["version"] == version + 1 and protocol.anchors[purpose] == text
        version += 1
    assert {k: v for k, v in protocol.anchors.items() if k != "version"} == {
        "agents-ca": first["agents-ca"], "updates": "the key of 2027\n", "rules": ""}
    real.khien("sync")  # it was told of the first one, and waits for what is left of its interval
    wait_until(lambda: b"the key of 2027" in (real.state / "link/anchors").read_bytes(), what="the anchor on the agent's disk")
    assert b"the key of 2026" not in (real.state / "link/anchors").read_bytes()
    rotate_ca(centre)
    protocol.sync()
    assert pem_count(protocol.anchors["agents-ca"]) == 2 and protocol.anchors["updates"] == "the key of 2027\n"
    newcomer = Agent(centre, "SNV-VP-003").enrol(centre.token())
    assert newcomer.anchors == protocol.anchors
    version = protocol.anchors["version"]
    for purpose, text in (("agents-ca", "x"), ("No Purpose", "x"), ("", "x"), ("updates", "a\0b"), ("updates", "x" * (64 * 1024 + 1))):
        assert set_anchor(centre, purpose, text).returncode == 1, purpose
    assert set_anchor(centre, "updates", "the key of 2027\n").returncode == 0
    protocol.sync()
    assert protocol.anchors["version"] == version, "what was refused, or is the same, changes nothing"
    works(centre, real, "/after")
    entries = [e["action"] for e in centre.admin.get("/api/v1/audit", limit=100)["entries"]]
    assert entries.count("trust.anchor") == 4 + 2  # and agents-ca's first and second
