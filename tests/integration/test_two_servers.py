"""The same call at the same moment at two servers on one PostgreSQL: both answer alike, and it is done once."""
import http.client
import json
import ssl
import threading

from protocol_agent import Agent, Token, canonical, pinned_root

TIMES = 50


class Both:
    """A connection to each of the two servers, open before, so that the calls meet in the store and not in a handshake."""

    def __init__(self, centre, name, context):
        self.connections = [http.client.HTTPSConnection(*centre.address(name, i), context=context, timeout=60) for i in range(2)]
        for c in self.connections:
            c.connect()

    def call(self, path, body):
        data, answers, start = canonical(body).encode(), [None, None], threading.Barrier(2)

        def one(i):
            start.wait()
            self.connections[i].request("POST", path, data, {"Content-Type": "application/json", "X-Khien-Hold": "0"})
            response = self.connections[i].getresponse()
            answers[i] = response.status, json.loads(response.read())
        threads = [threading.Thread(target=one, args=(i,)) for i in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert [status for status, _ in answers] == [200, 200], answers
        return [body for _, body in answers]

    def close(self):
        for c in self.connections:
            c.close()


def test_the_same_events(two_centres):
    a = Agent(two_centres).enrol(two_centres.token()).sync()
    both = Both(two_centres, "agents", a.context())
    names = []
    for n in range(TIMES):
        for i in range(1 + n % 7):
            names.append(f"{n}-{i}")
            a.detect(name=names[-1])
        first, second = both.call("/agent/v1/events", a.events_body())
        assert first == second and first["hwm"] == len(names)
        a.streams[0].acknowledged = first["hwm"]
    both.close()
    page = two_centres.admin.get("/api/v1/detections", limit=500)
    assert page["next"] is None and sorted(d["detection"]["name"] for d in page["detections"]) == sorted(names)


def test_the_same_sync(two_centres):
    a = Agent(two_centres).enrol(two_centres.token()).sync()
    both = Both(two_centres, "agents", a.context())
    for n in range(TIMES):
        a.state = {**a.state, "problems": f"problem {n}"}
        body = a.sync_body()
        first, second = both.call("/agent/v1/sync", body)
        assert (first["branch"], first["counter"]) == (second["branch"], second["counter"]) == (a.branch or first["branch"], a.counter)
        a.take_sync(first, body)
    both.close()
    assert two_centres.admin.get(f"/api/v1/machines/{a.machine}")["state"]["problems"] == f"problem {TIMES - 1}"
    assert {d["kind"] for d in two_centres.admin.get("/api/v1/identity-decisions")["decisions"]} <= {"new"}, "no step back, no clone"


def test_the_same_enrolment(two_centres):
    token = Token(two_centres.token(uses=20))
    both = Both(two_centres, "enrol", ssl.create_default_context(cadata=pinned_root(two_centres.enrol_address, token.pin)))
    agents = [Agent(two_centres, f"MAY-{n:03}") for n in range(20)]
    for a in agents:
        first, second = both.call("/enrol/v1", a.enrol_body(token))
        assert first["machine"] == second["machine"]
        a.take_enrolment(first, token)
    both.close()
    assert {m["uid"] for m in two_centres.admin.get("/api/v1/machines", limit=100)["machines"]} == {a.machine for a in agents}
    assert Agent(two_centres).try_enrol(token).code == "token", "twenty uses for twenty agents"
    for a in agents[:3]:
        a.sync()
