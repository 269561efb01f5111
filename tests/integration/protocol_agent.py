"""An agent of the protocol in PROTOCOL.md, written from that page alone: it shares no code with what it tests.

Agent keeps its whole state in plain attributes, so that a test may copy a disk (`clone`), restore a snapshot (`restore`),
lose a reply (`lost=True`: the centre has answered, the agent has not heard it) or send whatever bytes it likes (`raw`)."""
import base64
import copy
import datetime
import hashlib
import http.client
import json
import secrets
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import nacl.public
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SMBIOS_UUID, BOARD_SERIAL, DISK_SERIAL, MAC, MACHINE_ID = 1, 2, 3, 4, 5
DETECTION = {"engine": "clamav", "name": "Eicar-Test-Signature", "type": "test",
             "path": {"form": "bytes", "raw": base64.b64encode(b"/home/a/x").decode(), "display": "/home/a/x"},
             "md5": "0" * 32, "sha256": "0" * 64, "device": "fixed", "action": "quarantined"}


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest16(value):
    return hashlib.blake2b(canonical(value).encode(), digest_size=16).hexdigest()


def hardware(**values):
    """hardware(uuid="A", board="B", disk=["C"], mac=["D"]): the list of an enrolment. What is left out is absent."""
    kinds = {"uuid": SMBIOS_UUID, "board": BOARD_SERIAL, "disk": DISK_SERIAL, "mac": MAC, "machine_id": MACHINE_ID}
    pairs = sorted({(kinds[name], hashlib.blake2b(bytes([kinds[name]]) + v.encode(), digest_size=16).hexdigest())
                    for name, value in values.items() for v in ([value] if isinstance(value, str) else value)})
    return [{"kind": kind, "digest": digest} for kind, digest in pairs]


def some_hardware(seed=None):
    seed = seed or secrets.token_hex(8)
    return hardware(uuid=f"uuid-{seed}", board=f"board-{seed}", disk=f"disk-{seed}", mac=f"mac-{seed}")


class Token:
    def __init__(self, text):
        self.text = text.strip()
        prefix, self.id, secret, self.pin = self.text.split("_")
        assert prefix == "khien1" and len(self.id) == 12 and len(secret) == 32 and len(self.pin) == 64
        self.auth_key = hashlib.blake2b(b"khien-token-1" + bytes.fromhex(secret), digest_size=32).digest()


class Answer(NamedTuple):
    status: int
    json: dict
    headers: dict

    @property
    def code(self):
        return self.json.get("error", {}).get("code")

    def ok(self):
        assert self.status == 200, f"{self.status} {self.json}"
        return self.json


class PinMismatch(Exception):
    pass


def spki_hash(certificate):
    return hashlib.sha256(certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def server_chain(address):
    """What the server sends, unverified; the root with it (PROTOCOL.md: the whole chain)."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(*address, context=context, timeout=20)
    connection.connect()
    chain = [x509.load_pem_x509_certificate(c.public_bytes().encode()) for c in
             connection.sock._sslobj.get_unverified_chain()]
    connection.close()
    return chain


def pinned_root(address, pin):
    for certificate in server_chain(address):
        if certificate.issuer == certificate.subject and spki_hash(certificate) == pin:
            return certificate.public_bytes(serialization.Encoding.PEM).decode()
    raise PinMismatch(f"no self-signed certificate with the pin {pin}")


def inventory(name, **more):
    return {"host_name": name, "domain": "", "directory_path": "", "os_name": "Debian GNU/Linux 12 (bookworm)", "os_kind": "linux",
            "kernel": "6.1.0", "agent_version": "0.1.0", "addresses": ["10.0.0.7"], "patches_pending": -1,
            "security_patches_pending": -1, "firewall": "unknown", "restart_needed": "unknown", "memory_bytes": 1 << 30, "cpus": 2,
            **more}


def agent_state(name, **more):
    return {"inventory": inventory(name), "engine_ready": False, "problems": "no engine", "providers": [
        {"name": "khien", "ours": True, "on": "no", "on_access": "no", "signature_day": None, "note": "no engine"}], **more}


@dataclass
class Stream:
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    events: list = field(default_factory=list)  # all of them, number 1 first
    acknowledged: int = 0


class Agent:
    """Lives at `centre` (anything with .enrol_address and .agents_address, pairs of host and port)."""

    def __init__(self, centre, name="MAY-001", hw=None):
        self.centre, self.name = centre, name
        self.hardware = some_hardware() if hw is None else hw
        self.state = agent_state(name)
        self.new_identity()

    def new_identity(self):
        """As a fresh installation: key, install id and counter are new, the metal stays."""
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.seal_key = nacl.public.PrivateKey.generate()
        self.install_id = secrets.token_hex(16)
        self.machine = self.certificate = self.secret = None
        self.anchors = {"version": 0}
        self.branch, self.counter, self.nonce = None, 0, None
        self.pending = False  # a sync went out and was not answered: it is repeated as it was
        self.confirmed = {"state": None, "hardware": None}
        self.need = set()
        self.policy = {"version": 0, "hash": "0" * 32, "settings": {}}
        self.task_seen, self.epoch = 0, "0" * 32
        self.tasks = []
        self.allow = {"hash": "0" * 32, "list": []}
        self.streams = [Stream()]
        return self

    # Copies of the disk

    def snapshot(self):
        return {k: copy.deepcopy(v) for k, v in vars(self).items() if k not in ("centre", "key", "seal_key")} | \
            {"key": self.key, "seal_key": self.seal_key}

    def restore(self, snapshot):
        vars(self).update({k: v if k in ("key", "seal_key") else copy.deepcopy(v) for k, v in snapshot.items()})
        return self

    def clone(self, hw=None, name=None):
        """A second computer from this one's disk."""
        other = Agent(self.centre, self.name)
        other.restore(self.snapshot())
        if hw is not None:
            other.hardware = hw
        if name is not None:
            other.rename(name)
        return other

    def rename(self, name):
        self.name = name
        self.state = {**self.state, "inventory": {**self.state["inventory"], "host_name": name}}
        return self

    # Calls

    def context(self, certified=True):
        context = ssl.create_default_context(cadata=self.anchors["agents-ca"])
        if certified:
            self.load_certificate(context, self.certificate, self.key)
        return context

    @staticmethod
    def load_certificate(context, certificate, key):
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as f:
            f.write(certificate + "\n" + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                           serialization.NoEncryption()).decode())
            f.flush()
            context.load_cert_chain(f.name)

    def call(self, path, body, address=None, context=None, headers=None, timeout=90):
        data = body if isinstance(body, bytes) else canonical(body).encode()
        return self.raw("POST", path, data, address=address, context=context,
                        headers={"Content-Type": "application/json", **(headers or {})}, timeout=timeout)

    def raw(self, method, path, data, address=None, context=None, headers=None, timeout=90):
        connection = http.client.HTTPSConnection(*(address or self.centre.agents_address), context=context or self.context(),
                                                 timeout=timeout)
        try:
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            text = response.read()
            return Answer(response.status, json.loads(text) if text else {}, dict(response.getheaders()))
        finally:
            connection.close()

    def csr(self, key=None):
        return x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ignored")])) \
            .sign(key or self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def enrol_body(self, token, **changes):
        csr = self.csr()
        seal = bytes(self.seal_key.public_key)
        proof = hashlib.blake2b(b"khien-enrol-1" + hashlib.sha256(csr.encode()).digest() + bytes.fromhex(self.install_id) + seal,
                                key=token.auth_key, digest_size=32).digest()
        return {"v": 1, "token": token.id, "proof": base64.b64encode(proof).decode(), "csr": csr, "install_id": self.install_id,
                "seal_key": base64.b64encode(seal).decode(), "hardware": self.hardware, "inventory": self.state["inventory"], **changes}

    def try_enrol(self, token, lost=False, **changes):
        """The answer as it came. Taken over when it is a 200 and not lost."""
        token = token if isinstance(token, Token) else Token(token)
        root = pinned_root(self.centre.enrol_address, token.pin)
        answer = self.call("/enrol/v1", self.enrol_body(token, **changes), address=self.centre.enrol_address,
                           context=ssl.create_default_context(cadata=root))
        if answer.status == 200 and not lost:
            self.take_enrolment(answer.json, token)
        return answer

    def take_enrolment(self, answer, token):
        sealed = base64.b64decode(answer["secret"])
        confirm = hashlib.blake2b(b"khien-enrolled-1" + bytes.fromhex(answer["machine"]) + hashlib.sha256(sealed).digest() +
                                  bytes(self.seal_key.public_key), key=token.auth_key, digest_size=32).digest()
        assert base64.b64decode(answer["confirm"]) == confirm, "the secret is not from the centre that made the token"
        self.secret = nacl.public.SealedBox(self.seal_key).decrypt(sealed)
        assert len(self.secret) == 32
        self.machine, self.certificate, self.anchors = answer["machine"], answer["certificate"], answer["anchors"]

    def enrol(self, token):
        self.try_enrol(token).ok()
        return self

    def sync_body(self, **changes):
        if not self.pending:
            self.counter, self.nonce, self.pending = self.counter + 1, secrets.token_hex(16), True
        hashes_now = {"state": digest16(self.state), "hardware": digest16(self.hardware)}
        body = {"v": 1, "branch": self.branch, "counter": self.counter, "nonce": self.nonce, "install_id": self.install_id,
                "hardware_hash": hashes_now["hardware"], "state_hash": hashes_now["state"], "policy_version": self.policy["version"],
                "policy_hash": self.policy["hash"], "allow_hash": self.allow["hash"], "anchors_version": self.anchors["version"], "task_seen": self.task_seen,
                "epoch": self.epoch, "streams": [{"id": s.id, "last": len(s.events)} for s in self.streams],
                "sent_us": time.time_ns() // 1000}
        for what in ("state", "hardware"):
            if self.confirmed[what] != hashes_now[what] or what in self.need:
                body[what] = getattr(self, what)
        return {**body, **changes}

    def try_sync(self, lost=False, hold=False, timeout=90, **changes):
        body = self.sync_body(**changes)
        answer = self.call("/agent/v1/sync", body, headers={} if hold else {"X-Khien-Hold": "0"}, timeout=timeout)
        if answer.status == 200 and not lost:
            self.take_sync(answer.json, body)
        return answer

    def take_sync(self, answer, body):
        assert answer["v"] == 1
        self.pending = False
        self.branch, self.counter = answer["branch"], answer["counter"]
        self.need = set(answer.get("need", []))
        self.confirmed = {"state": body["state_hash"], "hardware": body["hardware_hash"]}
        if answer["epoch"] != self.epoch:
            self.epoch = answer["epoch"]
        if "policy" in answer:
            self.policy = answer["policy"]
        if "allow" in answer:
            self.allow = answer["allow"]
        if "anchors" in answer:
            self.anchors = answer["anchors"]
        for task in answer.get("tasks", []):
            if task["id"] > self.task_seen:
                self.tasks.append(task)
                self.task_seen = task["id"]
        for told in answer.get("streams", []):
            self.compare_stream(told)

    def compare_stream(self, told):
        stream = next((s for s in self.streams if s.id == told["id"]), None)
        if stream is None:
            return
        hwm = told["hwm"]
        if hwm <= len(stream.events) and (hwm == 0 or stream.events[hwm - 1]["id"] == told["hwm_id"]):
            stream.acknowledged = hwm
        else:
            self.open_stream(stream)

    def open_stream(self, old):
        """What the centre has not acknowledged to this agent goes on in a new stream, saying where it stood."""
        fresh = Stream()
        for number, event in enumerate(old.events[old.acknowledged:], old.acknowledged + 1):
            fresh.events.append({**event, "was": event.get("was", {"stream": old.id, "seq": number})})
        self.streams = [s for s in self.streams if s is not old] + [fresh]
        return fresh

    def sync(self, **more):
        self.try_sync(**more).ok()
        return self

    def hold_sync(self, timeout=90):
        """A held sync in a thread: .result() waits for the answer, or raises what the connection ended with."""
        return Held(lambda: self.try_sync(hold=True, timeout=timeout))

    # Events

    def detect(self, **changes):
        event = {"id": secrets.token_hex(8), "at_us": time.time_ns() // 1000, "kind": "detection", "detection": {**DETECTION, **changes}}
        self.streams[-1].events.append(event)
        return event["id"]

    def add_event(self, kind, body, **more):
        event = {"id": secrets.token_hex(8), "at_us": time.time_ns() // 1000, "kind": kind, "body": body, **more}
        self.streams[-1].events.append(event)
        return event["id"]

    def add(self, kind, **content):
        """An event whose content has a member of its own: detection, quarantine, scan."""
        event = {"id": secrets.token_hex(8), "at_us": time.time_ns() // 1000, "kind": kind, kind: content}
        self.streams[-1].events.append(event)
        return event["id"]

    def events_body(self, stream=None, first=None, count=100, **changes):
        stream = stream or self.streams[-1]
        first = stream.acknowledged + 1 if first is None else first
        return {"v": 1, "stream": stream.id, "first": first, "prev_id": stream.events[first - 2]["id"] if first > 1 else "0" * 16,
                "floor": 1, "branch": self.branch, "events": stream.events[first - 1:first - 1 + count], **changes}

    def try_events(self, lost=False, stream=None, **more):
        stream = stream or self.streams[-1]
        answer = self.call("/agent/v1/events", self.events_body(stream, **more))
        if answer.status == 200 and not lost:
            assert answer.json["stream"] == stream.id
            stream.acknowledged = answer.json["hwm"]
        return answer

    def send_events(self):
        """All that waits, in batches; raises at the first refusal."""
        for stream in list(self.streams):
            while stream.acknowledged < len(stream.events):
                before = stream.acknowledged
                self.try_events(stream=stream).ok()
                assert stream.acknowledged > before
        return self

    # The rest

    def try_renew(self, lost=False, new_key=True, **changes):
        key = ec.generate_private_key(ec.SECP256R1()) if new_key else self.key
        answer = self.call("/agent/v1/renew", {"v": 1, "csr": self.csr(key), "install_id": self.install_id, **changes})
        if answer.status == 200 and not lost:
            self.key, self.certificate = key, answer.json["certificate"]
            self.anchors = answer.json.get("anchors", self.anchors)
        return answer

    def try_goodbye(self):
        return self.call("/agent/v1/goodbye", {"v": 1, "reason": "removed"})

    def certificate_end(self):
        return x509.load_pem_x509_certificate(self.certificate.encode()).not_valid_after.replace(tzinfo=datetime.timezone.utc)


class Held:
    def __init__(self, call):
        self.answer = self.error = None
        self.began = time.monotonic()
        self.thread = threading.Thread(target=self.run, args=(call,), daemon=True)
        self.thread.start()

    def run(self, call):
        try:
            self.answer = call()
        except Exception as error:  # the test wants to see whatever it was
            self.error = error
        self.ended = time.monotonic()

    def done(self):
        return not self.thread.is_alive()

    def result(self, timeout=90):
        self.thread.join(timeout)
        assert not self.thread.is_alive(), "still held"
        if self.error:
            raise self.error
        return self.answer

    def seconds(self):
        return self.ended - self.began
