"""The agents' listeners from outside: what a hostile, slow, repeated, foreign or untimely call gets, and how soon news come."""
import json
import os
import secrets
import socket
import ssl
import threading
import time

import pytest

from centre import Api, Centre, running
from processes import SOON, wait_until
from protocol_agent import Agent, canonical


@pytest.fixture(scope="module")
def houses(pg, tmp_path_factory):
    """One centre a store for all tests here that change nothing of it but what they made themselves."""
    opened = {}

    def house(kind):
        if kind not in opened:
            folder = tmp_path_factory.mktemp(kind)
            store = f"sqlite:{folder}/khien.db" if kind == "sqlite" else pg.database()
            context = running(Centre(folder / "centre", store, servers=2 if kind == "two" else 1))
            opened[kind] = (context.__enter__(), context)
        return opened[kind][0]

    yield house
    for _, context in opened.values():
        context.__exit__(None, None, None)


@pytest.fixture
def centre(store_kind, houses):
    return houses(store_kind)


@pytest.fixture
def two_centres(houses):
    return houses("two")


def detections(centre, agent):
    return centre.admin.get("/api/v1/detections", machine=agent.machine, limit=100)["detections"]


def connect(agent, address=None):
    raw = socket.create_connection(address or agent.centre.agents_address, timeout=30)
    return agent.context().wrap_socket(raw, server_hostname="127.0.0.1")


def read_answer(s):
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            return None, data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    fields = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head.decode().split("\r\n")[1:])}
    while len(body) < int(fields.get("content-length", 0)):
        body += s.recv(65536)
    return int(head.split()[1]), body


def request_bytes(path, body, *more):
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *more, "", ""]).encode() + body


def code(body):
    return json.loads(body)["error"]["code"]


# What is malformed

def test_what_is_no_call_is_refused(agent):
    a = agent()
    assert a.raw("GET", "/agent/v1/sync", b"").status == 405
    assert a.raw("POST", "/agent/v1/nothing", b"{}").status == 404
    assert a.raw("POST", "/enrol/v1", b"{}").status == 404, "enrolment is not on the agents' listener"
    assert a.raw("BREW", "/agent/v1/sync", b"{}").status == 405
    for path in ("sync", "events", "renew", "goodbye"):
        for body in (b"", b"{", b"[]", b"{}", b"null", b'{"v":2}', b'{"v":"1"}', b"\xff\xfe", b"{" * 5000):
            answer = a.raw("POST", f"/agent/v1/{path}", body)
            assert (answer.status, answer.code) == (400, "bad-request"), (path, body[:20], answer)
    a.sync()


@pytest.mark.parametrize("member, value", [("counter", -1), ("counter", "1"), ("nonce", "zz"), ("install_id", None), ("streams", {}),
                                           ("state_hash", "0"), ("hardware", [{"kind": "1"}]), ("task_seen", 1.5)])
def test_an_ill_typed_member_is_named(agent, member, value):
    a = agent()
    answer = a.try_sync(lost=True, **{member: value})
    assert (answer.status, answer.code) == (400, "bad-request")
    assert member in answer.json["error"]["message"]
    a.sync()


def test_oversized_calls_are_refused_and_their_answer_arrives(agent):
    a = agent()
    with connect(a) as s:
        s.sendall(request_bytes("/agent/v1/events", b"x" * ((1 << 20) + 1)))
        status, body = read_answer(s)
        assert (status, code(body)) == (413, "too-large")
        assert s.recv(10) == b""
    body = a.events_body(count=0, events=[{"id": secrets.token_hex(8), "at_us": 1, "kind": "started", "body": {}}] * 101)
    assert a.call("/agent/v1/events", body).status in (400, 413)
    with connect(a) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"x" * 20000 + b"\r\n\r\n")
        status, body = read_answer(s)
        assert (status, code(body)) == (431, "too-large")
    a.sync()


def test_a_length_told_twice_is_refused(agent):
    a = agent()
    with connect(a) as s:
        s.sendall(b"POST /agent/v1/sync HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n")
        status, body = read_answer(s)
        assert (status, code(body)) == (400, "bad-request")
        assert s.recv(10) == b"", "what was smuggled behind it is not answered"


def test_a_truncated_call_does_nothing(agent, centre):
    a = agent()
    a.detect()
    whole = request_bytes("/agent/v1/events", canonical(a.events_body()).encode())
    for cut in (10, len(whole) // 2, len(whole) - 1):
        with connect(a) as s:
            s.sendall(whole[:cut])
    assert detections(centre, a) == []
    a.send_events()
    assert len(detections(centre, a)) == 1


def test_a_slow_call_is_heard(agent):
    a = agent()
    a.detect()
    with connect(a) as s:
        for byte in request_bytes("/agent/v1/events", canonical(a.events_body()).encode()):
            s.send(bytes([byte]))
        status, body = read_answer(s)
        assert status == 200 and json.loads(body)["hwm"] == 1


def test_request_ids_come_back(agent):
    a = agent()
    answer = a.call("/agent/v1/sync", a.sync_body(), headers={"X-Request-Id": "abcd-1234", "X-Khien-Hold": "0"})
    assert answer.headers["X-Request-Id"] == "abcd-1234"
    answer = a.call("/agent/v1/sync", a.sync_body(), headers={"X-Request-Id": "a b\"c", "X-Khien-Hold": "0"})
    assert answer.headers["X-Request-Id"] not in ("", 'a b"c')


# What is repeated, what is somebody else's

def test_replayed_events_are_stored_once(agent, centre):
    a = agent()
    for _ in range(5):
        a.detect()
    body = a.events_body()
    answers = [a.call("/agent/v1/events", body) for _ in range(4)]
    assert {(x.status, canonical(x.json)) for x in answers} == {(200, canonical(answers[0].json))}
    assert len(detections(centre, a)) == 5


def test_replayed_events_at_once_are_stored_once(agent, centre):
    a = agent()
    for _ in range(20):
        a.detect()
    body, answers = a.events_body(), []
    threads = [threading.Thread(target=lambda: answers.append(a.call("/agent/v1/events", body))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [x.status for x in answers] == [200] * 8
    assert len(detections(centre, a)) == 20


def test_another_machines_stream_is_refused(agent, centre):
    a, b = agent(), agent()
    a.detect()
    a.send_events()
    b.detect()
    b.streams[0].id = a.streams[0].id
    answer = b.try_events()
    assert (answer.status, answer.code) == (403, "stream")
    assert len(detections(centre, a)) == 1 and detections(centre, b) == []


def test_a_gap_and_a_fork_tell_the_mark(agent):
    a = agent()
    for _ in range(4):
        a.detect()
    a.try_events(count=2).ok()
    gap = a.call("/agent/v1/events", a.events_body(first=4))
    assert (gap.status, gap.code, gap.json["error"].get("hwm", gap.json.get("hwm"))) == (409, "gap", 2)
    forged = a.events_body(first=1)
    forged["events"] = [{**e, "id": secrets.token_hex(8)} for e in forged["events"]]
    fork = a.call("/agent/v1/events", forged)
    assert (fork.status, fork.code) == (409, "fork")


def test_events_before_any_sync_are_refused(agent):
    a = agent(sync=False)
    a.detect()
    a.branch = "0" * 32
    answer = a.try_events()
    assert (answer.status, answer.code) == (409, "sync-first")


def test_no_certificate_no_answer(agent, centre):
    a = agent()
    context = ssl.create_default_context(cadata=a.anchors["agents-ca"])
    with pytest.raises((ssl.SSLError, ConnectionError)):
        a.call("/agent/v1/sync", a.sync_body(), context=context)


# Held syncs

def news_within_a_second(held, act):
    """The answer comes within a second of the act's end, and does not come before the act."""
    time.sleep(0.5)  # long enough for an answer that ought not to come
    assert not held.done(), "answered without news"
    act()
    began = time.monotonic()
    answer = held.result(timeout=20)
    assert time.monotonic() - began < SOON, "later than soon"
    return answer.ok()


def task_for(api, agent, kind="report-now"):
    return api.post("/api/v1/tasks/for-machines", {"kind": kind, "machines": [agent.machine]})


def test_a_held_sync_gets_a_task_within_a_second(agent, centre):
    a = agent()
    for _ in range(3):
        answer = news_within_a_second(a.hold_sync(), lambda: task_for(centre.admin, a))
        assert [t["kind"] for t in answer["tasks"]] == ["report-now"]


def test_a_task_made_on_one_server_reaches_the_other(two_centres):
    agents = [Agent(two_centres, f"MAY-{i}").enrol(two_centres.token(uses=1)) for i in range(2)]
    for server, a in enumerate(agents):
        a.centre = Pinned(two_centres, server)
        a.sync()
        answer = news_within_a_second(a.hold_sync(), lambda: task_for(Api(two_centres.url("console", 1 - server), two_centres.ca_file,
                                                                          two_centres.admin.token), a))
        assert len(answer["tasks"]) == 1


class Pinned:
    """One certain server of a centre."""

    def __init__(self, centre, server):
        self.enrol_address, self.agents_address = centre.address("enrol", server), centre.address("agents", server)


def test_a_task_for_others_wakes_nobody_else(agent, centre):
    a, b = agent(), agent()
    held = b.hold_sync()
    news_within_a_second(a.hold_sync(), lambda: task_for(centre.admin, a))
    time.sleep(1)
    assert not held.done()
    news_within_a_second(held, lambda: task_for(centre.admin, b))


def test_a_change_of_policy_reaches_everyone_held(agent, centre):
    agents = [agent() for _ in range(5)]
    held = [a.hold_sync() for a in agents]
    time.sleep(0.5)
    centre.admin.put("/api/v1/units/1/policy/sync.interval_s", {"value": 45, "locked": False})
    began = time.monotonic()
    for h in held:
        assert h.result(20).ok()["policy"]["settings"]["sync.interval_s"] == 45
    assert time.monotonic() - began < 2
    centre.admin.delete("/api/v1/units/1/policy/sync.interval_s")


def test_a_hold_ends_with_the_interval(agent, centre):
    centre.admin.put("/api/v1/units/1/policy/sync.interval_s", {"value": 10, "locked": False})
    a = agent()
    a.sync()
    held = a.hold_sync()
    answer = held.result(30).ok()
    assert 9 < held.seconds() < 12 and answer["next_s"] == 0
    unheld = a.try_sync().ok()
    assert 9 <= unheld["next_s"] <= 10
    centre.admin.delete("/api/v1/units/1/policy/sync.interval_s")


def test_holds_are_bounded(centre_factory):
    centre = centre_factory(settings={"max_held": 1})
    agents = [Agent(centre, f"MAY-{i}").enrol(centre.token()).sync() for i in range(6)]
    held = [a.hold_sync() for a in agents]
    wait_until(lambda: sum(h.done() for h in held) >= 6 - len(centre.servers), 10, "the answers beyond the bound")
    answered = [h for h in held if h.done()]
    assert all(h.result().ok()["next_s"] > 0 for h in answered) and len(answered) < 6
    for a, h in zip(agents, held):
        if not h.done():
            task_for(centre.admin, a)
            h.result(10).ok()


def test_who_goes_away_while_held_leaves_room(centre_factory):
    centre = centre_factory(settings={"max_held": 1})
    a = Agent(Pinned(centre, 0), "MAY-1").enrol(centre.token()).sync()
    with connect(a) as s:
        s.sendall(request_bytes("/agent/v1/sync", canonical(a.sync_body()).encode()))
        wait_until(lambda: held_of(centre) == 1, 10, "the hold")
    wait_until(lambda: held_of(centre) == 0, 10, "its end")
    held = a.hold_sync()
    news_within_a_second(held, lambda: task_for(centre.admin, a))


def held_of(centre):
    text = centre.admin.must("GET", "/metrics")
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("khien_held_syncs "))


# Certificates

def revoke(centre, agent):
    centre.admin.post(f"/api/v1/machines/{agent.machine}/revoke", {"reason": "test"})


def test_revocation_closes_what_is_held_and_refuses_the_next_call(agent, centre):
    a, b = agent(), agent()
    held, other = a.hold_sync(), b.hold_sync()
    with connect(a) as idle:
        idle.sendall(request_bytes("/agent/v1/goodbye-not", b"{}"))
        assert read_answer(idle)[0] == 404
        time.sleep(0.5)
        revoke(centre, a)
        began = time.monotonic()
        ended(held)
        assert idle.recv(10) == b""
        assert time.monotonic() - began < 1.5 * SOON
    assert not other.done()
    for answer in (a.try_sync(), a.try_renew()):
        assert (answer.status, answer.code) == (403, "revoked")
    b.detect()
    b.send_events()


def ended(held):
    """Its connection was closed, or it was told."""
    held.thread.join(10)
    assert held.done()
    assert held.error is not None or held.answer.code == "revoked"


def test_revocation_on_one_server_closes_what_the_other_holds(two_centres):
    agents = []
    for server in (0, 1):
        a = Agent(Pinned(two_centres, server), f"MAY-{server}").enrol(two_centres.token())
        agents.append((a.sync(), a.hold_sync()))
    time.sleep(0.5)
    for server, (a, held) in enumerate(agents):
        Api(two_centres.url("console", 1 - server), two_centres.ca_file, two_centres.admin.token) \
            .post(f"/api/v1/machines/{a.machine}/revoke", {"reason": "test"})
        began = time.monotonic()
        ended(held)
        assert time.monotonic() - began < 1.5 * SOON
        assert a.try_sync().code == "revoked"


# Overload and a dead database

@pytest.mark.stores("sqlite")  # another program's lock on the file is the way to make the writer wait
def test_a_full_queue_is_refused_and_nothing_accepted_is_lost(centre_factory, tmp_path):
    import sqlite3
    centre = centre_factory(settings={"queue": 4})
    agents = [Agent(centre, f"MAY-{i}").enrol(centre.token()).sync() for i in range(24)]
    for a in agents:
        a.detect()
    lock = sqlite3.connect(centre.store.removeprefix("sqlite:"), isolation_level=None)
    lock.execute("begin immediate")
    answers = {}
    threads = [threading.Thread(target=lambda a=a: answers.__setitem__(a.machine, a.try_events())) for a in agents]
    for t in threads:
        t.start()
    wait_until(lambda: len(answers) >= 8, 20, "refusals")
    refused = dict(answers)
    assert all(x.status == 503 and x.code == "busy" and int(x.headers["Retry-After"]) > 0 for x in refused.values())
    lock.execute("rollback")
    for t in threads:
        t.join()
    stored = [a for a in agents if answers[a.machine].status == 200]
    assert stored, "who had a place in the queue was served"
    assert len(centre.admin.get("/api/v1/detections", limit=100)["detections"]) == len(stored)
    for a in agents:
        a.send_events()
    assert len(centre.admin.get("/api/v1/detections", limit=100)["detections"]) == len(agents)


def counted(centre):
    total = {}
    for _ in centre.servers:  # each server counts its own
        text = centre.admin.must("GET", "/metrics")
        assert text.endswith("# EOF\n")
        for line in text.splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                total[name] = total.get(name, 0) + float(value)
    return total


def test_metrics_need_an_account_and_count(agent, centre):
    assert centre.api().call("GET", "/metrics").status_code == 401
    before = counted(centre)
    a = agent()
    a.detect()
    a.send_events()
    a.try_events(first=1).ok()
    after = counted(centre)
    for name, more in (("khien_events_stored_total", 1), ("khien_events_repeated_total", 1), ("khien_enrolments_total", 1),
                       ('khien_requests_total{route="/agent/v1/events",status="200"}', 2)):
        assert after[name] - before.get(name, 0) == more, name


# Expiry

def test_an_expired_certificate_may_only_renew(centre_factory):
    centre = centre_factory(ca_settings={"agent_seconds": 5})
    a = Agent(centre).enrol(centre.token()).sync()
    a.detect()
    end = a.certificate_end().timestamp()
    wait_until(lambda: time.time() > end + 0.2, 20, "the certificate's end", step=0.2)
    for answer in (a.try_sync(), a.try_events(), a.try_goodbye()):
        assert (answer.status, answer.code) == (401, "expired")
    a.try_renew().ok()
    a.pending = False
    a.counter -= 1
    a.send_events()
