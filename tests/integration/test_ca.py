"""khien-ca's process: who may ask, what it signs, what it survives. Speaks its messages from here: 8 bytes of frame, a type, fields."""
import base64
import os
import socket
import stat
import struct
import tempfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from processes import Process, environment, program, run

SIGN_AGENT, SIGN_SERVER, GET_TRUST, GET_STATUS, ROTATE, RETIRE = range(1, 7)
FAILED, CERTIFICATE, SAME, NEW, STATUS, CHANGED = range(100, 106)
MACHINE = "0123456789abcdef0123456789abcdef"


def text(s):
    raw = s if isinstance(s, bytes) else s.encode()
    return struct.pack("<I", len(raw) + 1) + raw + b"\0"


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))

    def send(self, kind, fields=b""):
        message = struct.pack("<H", kind) + fields
        self.socket.sendall(struct.pack("<IBBH", len(message), 1, 0, 0) + message)

    def exactly(self, n):
        got = b""
        while len(got) < n:
            part = self.socket.recv(n - len(got))
            if not part:
                raise EOFError
            got += part
        return got

    def receive(self):
        n = struct.unpack("<IBBH", self.exactly(8))[0]
        message = self.exactly(n)
        return struct.unpack("<H", message[:2])[0], message[2:]

    def ask(self, kind, fields=b""):
        self.send(kind, fields)
        return self.receive()


def first_text(fields):
    n = struct.unpack("<I", fields[:4])[0]
    return fields[4:4 + n - 1].decode(), fields[4 + n:]


def failure(answer):
    kind, fields = answer
    assert kind == FAILED
    return struct.unpack("<q", fields[:8])[0], first_text(fields[8:])[0]


def csr(key=None):
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "administrator")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256())
    return key, request.public_bytes(serialization.Encoding.PEM).decode()


class Ca:
    def __init__(self, folder, **more):
        self.folder, self.socket = folder / "state", folder / "ca.sock"
        self.config = folder / "ca.conf"
        folder.mkdir(mode=0o755, exist_ok=True)
        pairs = {"state": self.folder, "socket": self.socket, "names": "127.0.0.1, khien.test", **more}
        self.config.write_text("".join(f"{k} = {v}\n" for k, v in pairs.items()))
        self.options = []

    def start(self):
        self.process = Process("khien-ca", [program("khien-ca"), "--config", self.config, *self.options], self.folder.parent / "ca.log",
                               env=environment(leaks=False))
        self.process.start()
        self.process.wait_for(self.accepts)  # the file may be of a process before
        return self

    def accepts(self):
        try:
            return self.client()
        except OSError:
            return None

    def client(self):
        return Client(self.socket)


@pytest.fixture
def ca(tmp_path):
    made = Ca(tmp_path).start()
    yield made
    made.process.stop()


def certificate(answer):
    kind, fields = answer
    assert kind == CERTIFICATE, failure(answer)
    return x509.load_pem_x509_certificate(first_text(fields)[0].encode())


def trust(client):
    kind, fields = client.ask(GET_TRUST, struct.pack("<q", -1))
    assert kind == NEW
    version, generation = struct.unpack("<qq", fields[:16])
    issuers, rest = first_text(fields[16:])
    root, rest = first_text(rest)
    return version, generation, issuers, root, first_text(rest)[0]


def test_an_agents_certificate_says_nothing_that_the_request_wanted(ca):
    key, request = csr()
    c = certificate(ca.client().ask(SIGN_AGENT, text(request) + text(MACHINE)))
    assert c.subject.rfc4514_string() == f"CN={MACHINE}"
    assert c.public_key().public_numbers() == key.public_key().public_numbers()
    assert not c.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(c.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert 16 * 8 - 2 <= c.serial_number.bit_length() < 16 * 8
    line = (ca.folder / "signed.log").read_text().splitlines()[-1]
    assert f"serial={c.serial_number:032x}" in line and MACHINE in line


def test_a_servers_names_are_those_of_the_configuration(ca):
    client = ca.client()
    c = certificate(client.ask(SIGN_SERVER, text(csr()[1]) + text("127.0.0.1, khien.test")))
    names = c.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(n.value) for n in names] == ["127.0.0.1", "khien.test"]
    code, why = failure(client.ask(SIGN_SERVER, text(csr()[1]) + text("bank.test")))
    assert code == -13 and "ca.conf" in why


def test_batches_are_answered_in_order(ca):
    client, machines = ca.client(), [f"{i:032x}" for i in range(32)]
    for machine in machines:
        client.send(SIGN_AGENT, text(csr()[1]) + text(machine))
    got = [certificate(client.receive()) for _ in machines]
    assert [c.subject.rfc4514_string() for c in got] == [f"CN={m}" for m in machines]
    assert len({c.serial_number for c in got}) == 32


def test_other_keys_and_foreign_signatures_are_refused(ca):
    client = ca.client()
    assert "P-256" in failure(client.ask(SIGN_AGENT, text(csr(ec.generate_private_key(ec.SECP384R1()))[1]) + text(MACHINE)))[1]
    der = bytearray(x509.load_pem_x509_csr(csr()[1].encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    body = base64.encodebytes(bytes(der)).decode()
    forged = f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"
    assert failure(client.ask(SIGN_AGENT, text(forged) + text(MACHINE)))[0] in (-129, -22)


@pytest.mark.parametrize("frame", [
    struct.pack("<IBBH", 3 << 20, 1, 0, 0),                                     # longer than any message
    struct.pack("<IBBH", 2, 1, 0, 0) + struct.pack("<H", 77),                   # no such call
    struct.pack("<IBBH", 6, 1, 0, 0) + struct.pack("<HI", SIGN_AGENT, 1 << 30),  # a text that is not there
    struct.pack("<IBBH", 2, 9, 0, 0) + struct.pack("<H", GET_STATUS),           # another version
])
def test_nonsense_ends_the_connection_and_nothing_else(ca, frame):
    client = ca.client()
    client.socket.sendall(frame)
    with pytest.raises((EOFError, ConnectionResetError)):
        client.receive()
    assert trust(ca.client())[1] == 1


ASK_AS = """
import os, socket, struct, sys
os.setgroups([])
os.setgid(65534)
os.setuid(int(sys.argv[2]))
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
try:
    s.sendall(struct.pack("<IBBHH", 2, 1, 0, 0, int(sys.argv[3])))
    got = s.recv(10)
except (ConnectionResetError, BrokenPipeError):
    got = b""
print(struct.unpack("<H", got[8:10])[0] if got else "closed")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become others")
def test_others_are_turned_away_and_the_server_may_not_rotate():
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own folders let nobody in
        ca = Ca(Path(folder) / "ca", users="daemon").start()
        try:
            assert stat.S_IMODE(ca.socket.stat().st_mode) == 0o660
            ca.socket.chmod(0o666)  # even where the file would let them in
            Path(folder).chmod(0o755)

            def ask(uid, call):
                return run(["/usr/bin/python3", "-c", ASK_AS, ca.socket, uid, call], check=True).stdout.strip()
            assert ask(65534, ROTATE) == "closed"
            assert ask(1, ROTATE) == str(FAILED)  # daemon: may ask for signatures, not for this
            assert ask(0, ROTATE) == str(CHANGED)
        finally:
            ca.process.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become others")
def test_it_gives_up_root_and_keeps_its_key_to_itself(tmp_path):
    ca = Ca(tmp_path)
    ca.options = ["--user", "nobody"]
    ca.start()
    try:
        trust(ca.client())  # it answers only when it is confined
        status = dict(line.split(":\t", 1) for line in open(f"/proc/{ca.process.pid}/status").read().splitlines() if ":\t" in line)
        assert set(status["Uid"].split()) == {"65534"} and int(status["CapEff"], 16) == 0
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
        key = (ca.folder / "ca-1.key").stat()
        assert stat.S_IMODE(key.st_mode) == 0o600 and key.st_uid == 65534
        assert stat.S_IMODE(ca.folder.stat().st_mode) == 0o700
    finally:
        ca.process.stop()


def test_a_rotation_survives_a_kill(ca):
    client = ca.client()
    before = trust(client)
    assert client.ask(ROTATE)[0] == CHANGED
    after = trust(client)
    assert after[1] == 2 and before[3] in after[4] and after[2].endswith(after[3])
    ca.process.kill()
    ca.start()
    assert trust(ca.client()) == after
    assert ca.client().ask(GET_TRUST, struct.pack("<q", after[0]))[0] == SAME


def test_a_lost_key_is_said_and_replaced_in_steps(ca):
    ca.process.stop()
    (ca.folder / "ca-1.key").unlink()
    ca.start()
    assert "ca-recovery" in failure(ca.client().ask(SIGN_AGENT, text(csr()[1]) + text(MACHINE)))[1]
    ca.process.stop()
    run([program("khien-ca"), "--config", ca.config, "--init"], check=True, leaks=False)
    ca.start()
    client = ca.client()
    version, generation, issuers, root, anchors = trust(client)
    assert generation == 1 and anchors.count("BEGIN") == 2
    assert client.ask(ROTATE)[0] == CHANGED
    certificate(client.ask(SIGN_AGENT, text(csr()[1]) + text(MACHINE)))


def test_a_new_ca_is_not_made_in_silence(ca):
    ca.process.stop()
    (ca.folder / "generations").unlink()
    done = run([program("khien-ca"), "--config", ca.config], leaks=False)
    assert done.returncode == 1 and "ca-recovery" in done.stderr


def test_lives_are_short_when_the_configuration_says_so(tmp_path):
    ca = Ca(tmp_path, agent_seconds=3).start()
    try:
        c = certificate(ca.client().ask(SIGN_AGENT, text(csr()[1]) + text(MACHINE)))
        assert (c.not_valid_after - c.not_valid_before).total_seconds() == 3
    finally:
        ca.process.stop()
