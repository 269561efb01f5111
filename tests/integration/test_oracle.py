"""An event for which the agent gave its receipt is one row at the centre; one without a receipt is one row or none. Said by
producers outside the programs, while server, link and parent are killed at random."""
import collections
import os
import random
import signal
import subprocess
import time

from processes import BUILD, environment, wait_until

KILLS = int(os.environ.get("KHIEN_ORACLE_KILLS", "200"))
PRODUCERS = 2


class Producer:
    def __init__(self, agent, folder, number):
        self.intents_file, self.receipts_file = folder / f"intents-{number}", folder / f"receipts-{number}"
        self.log = open(folder / f"producer-{number}.log", "wb")
        program = BUILD / "tests/fault/khien-test-producer"
        self.process = subprocess.Popen([program, agent.socket, self.intents_file, self.receipts_file, f"oracle-{number}"],
                                        stdin=subprocess.PIPE, stdout=self.log, stderr=self.log, env=environment())

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0, self.log.name
        self.log.close()

    def intents(self):
        return self.intents_file.read_text().split()

    def receipts(self):
        return [tuple(line.split()) for line in self.receipts_file.read_text().splitlines()]


def kill_link(agent, _centre):
    pid = agent.link_pid()
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def kill_parent(agent, _centre):
    """The parent alone: its link must see that itself."""
    os.kill(agent.process.pid, signal.SIGKILL)
    agent.process.process.wait()
    agent.start()


def kill_server(_agent, centre):
    centre.restart_server(random.randrange(len(centre.servers)), kill=True)


def rows(centre):
    found, before = [], None
    while True:
        page = centre.admin.get("/api/v1/detections", limit=500, before=before)
        found += [d["detection"]["name"] for d in page["detections"]]
        before = page["next"]
        if before is None:
            return collections.Counter(found)


def test_nothing_is_lost_and_nothing_doubled(centre, real_agent, tmp_path):
    agent = real_agent()
    agent.enrol(centre.token())
    centre.admin.put("/api/v1/units/1/policy/sync.interval_s", {"value": 5, "locked": True})
    producers = [Producer(agent, tmp_path, n) for n in range(PRODUCERS)]
    chance = random.Random(20220512)
    killed = collections.Counter()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.02, 0.5))  # the moment of the kill is what is tried out here
        kill = chance.choice((kill_link, kill_parent, kill_server))
        kill(agent, centre)
        killed[kill.__name__] += 1
    for p in producers:
        p.stop()
    wait_until(lambda: agent.status().get("waiting events") == "0" and agent.status()["link"] == "running", 120, "an empty spool")

    seen = rows(centre)
    intents = [name for p in producers for name in p.intents()]
    receipts = [r for p in producers for r in p.receipts()]
    lost = [name for name, _, _ in receipts if seen[name] == 0]
    doubled = [name for name in intents if seen[name] > 1]
    print(f"{dict(killed)}: {len(intents)} intents, {len(receipts)} receipts, {sum(seen.values())} rows")
    assert len(intents) == len(set(intents)) and set(seen) <= set(intents)
    assert not lost, f"{len(lost)} lost: {lost[:5]}"
    assert not doubled, f"{len(doubled)} doubled: {doubled[:5]}"
    assert len({(stream, seq) for _, stream, seq in receipts}) == len(receipts), "one place was given to two events"
    assert len(receipts) > KILLS, "too few events to say anything"
    assert sum(killed.values()) == KILLS
