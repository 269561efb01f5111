"""PostgreSQL is killed under load and comes back: what was acknowledged is there, once, and nobody needs to start a server anew."""
import collections
import secrets
import threading
import time

import pytest

from centre import Centre, running
from processes import wait_until
from protocol_agent import Agent

AGENTS, BATCH = 6, 5


class Sender:
    """An agent that goes on telling of detections, waits when it is told to, and counts what it heard."""

    def __init__(self, agent):
        self.agent, self.acknowledged, self.statuses = agent, 0, collections.Counter()
        self.ends, self.error = threading.Event(), None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while not self.ends.is_set():
                for _ in range(BATCH):
                    self.agent.detect(name=secrets.token_hex(8))
                self.send()
                self.acknowledged += BATCH
        except Exception as error:  # the test tells of it
            self.error = error

    def send(self):
        while True:
            answer = self.agent.try_events()
            self.statuses[answer.status] += 1
            if answer.status == 200:
                return
            assert (answer.status, answer.code) == (503, "busy"), answer
            time.sleep(int(answer.headers["Retry-After"]))

    def check(self):
        if self.error:
            raise self.error
        return True

    def stop(self):
        self.ends.set()
        self.thread.join(60)
        assert not self.thread.is_alive() and self.check()


def rows(centre):
    found, before = collections.Counter(), None
    while True:
        page = centre.admin.get("/api/v1/detections", limit=500, before=before)
        found.update(d["detection"]["name"] for d in page["detections"])
        before = page["next"]
        if before is None:
            return found


def all_more(senders, n=2 * BATCH):
    marks = [s.acknowledged for s in senders]
    wait_until(lambda: all(s.check() and s.acknowledged >= m + n for s, m in zip(senders, marks)), 60, "further acknowledgements")


def health(centre, i):
    return centre.api(i).call("GET", "/healthz").status_code


@pytest.fixture
def centre(mortal_pg, tmp_path):
    with running(Centre(tmp_path / "centre", mortal_pg.database(), servers=2)) as c:
        yield c


def test_a_killed_database_costs_nothing_and_doubles_nothing(centre, mortal_pg):
    senders = [Sender(Agent(centre).enrol(centre.token()).sync()) for _ in range(AGENTS)]
    pids = [s.pid for s in centre.servers]
    for _ in range(2):
        all_more(senders)
        refused = [s.statuses[503] for s in senders]
        mortal_pg.kill()
        wait_until(lambda: all(s.check() and s.statuses[503] > n for s, n in zip(senders, refused)), 60, "refusals of everybody")
        for i in range(2):
            assert health(centre, i) == 503
            answer = centre.admin.call("GET", "/api/v1/machines")
            assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
        mortal_pg.start_again()
        wait_until(lambda: [health(centre, i) for i in range(2)] == [200, 200], 60, "health")
    all_more(senders)
    for s in senders:
        s.stop()
    told = collections.Counter(e["detection"]["name"] for s in senders for e in s.agent.streams[0].events)
    assert rows(centre) == told and set(told.values()) == {1}
    assert [s.pid for s in centre.servers] == pids and all(s.alive() for s in centre.servers)
    centre.admin.get("/api/v1/audit/verify")
