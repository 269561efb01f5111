#!/usr/bin/python3
"""What one core of the centre does: khien-server (its events, TLS, JSON and its store, SQLite) on one core, the simulated
fleet on the other. Beside it in the same run, in turns: nginx answering a static file of the size of a sync's answer over
mutual TLS to the same client. Medians of five.

  bench/bench_server.py [--build build/release] [--computers 1000] [--store URL]"""
import argparse
import http.client
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOP / "tests/integration"), str(TOP / "bench")]
AIM_CONNECTION_KIB, AIM_EVENTS, AIM_OF_NGINX, PROVINCE = 30, 20000, 0.5, 5007


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=os.environ.get("KHIEN_BUILD", str(TOP / "build/release")))
    p.add_argument("--computers", type=int, default=1000)
    p.add_argument("--seconds", type=int, default=5)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--connections", type=int, default=64, help="calls under way at once")
    return p.parse_args()


def say(name, unit, values, **more):
    values = values if isinstance(values, list) else [values]
    print(json.dumps({"name": name, "unit": unit, "values": [round(v, 1) for v in values], **more}), flush=True)


class Fleet:
    """khien-sim reading its phases from us, a line each."""

    def __init__(self, *options, core=1):
        self.process = subprocess.Popen(["taskset", "-c", str(core), program("khien-sim"), *map(str, options), "-"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def end(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("khien-sim has ended")
        return json.loads(line)

    def phase(self, text):
        self.start(text)
        return self.end()

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


def fleet_of(centre, folder, computers, *options):
    tokens = Path(tempfile.mkstemp(prefix="tokens-", dir=folder)[1])
    tokens.write_text(f"* {centre.token(uses=computers)}\n")
    ports = centre.ports[0]
    return Fleet("--enrol", f"127.0.0.1:{ports['enrol']}", "--agents", f"127.0.0.1:{ports['agents']}", "--tokens", tokens,
                 "--computers", computers, *options)


class Store:
    def __init__(self, centre):
        self.path = centre.store.removeprefix("sqlite:")

    def number(self, sql):
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as db:
            return db.execute(sql).fetchone()[0]


def memory_kib(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1])
    raise RuntimeError("no Pss_Anon")


def enrolments(fleet, computers):
    done = fleet.phase("enrol")
    assert done["enrolled"] == computers, done
    say("enrolments (key, CSR, TLS, khien-ca, store)", "/s", done["enrolled"] / done["seconds"])
    done = fleet.phase("sync")
    say("first syncs (state and hardware in them)", "/s", done["syncs"] / done["seconds"])


def syncs_against_nginx(fleet, peer, store, a):
    ours, theirs, ratios = [], [], []
    for _ in range(a.rounds):
        began = time.time()
        done = fleet.phase(f"syncs={a.seconds}")
        ours.append(done["syncs"] / done["seconds"])
        seen = store.number(f"select count(*) from machine_live where last_seen >= {int(began * 1e6)}")
        assert seen >= a.connections, f"{seen} machines have their last-seen of this round in the store"
        done = peer.phase(f"get={a.seconds}")
        assert done["syncs"], done
        theirs.append(done["syncs"] / done["seconds"])
        ratios.append(ours[-1] / theirs[-1])
    ratio = statistics.median(ratios)
    say("nginx, static answer, same client", "/s", theirs)
    say("syncs, durable, last-seen found in the store", "/s", ours, peer="nginx", ratio=round(ratio, 2), aim=f">= {AIM_OF_NGINX} of nginx",
        holds=ratio >= AIM_OF_NGINX)


def detections(fleet, store, a):
    per, rates = 200, []
    before = store.number("select count(*) from detection")
    sent = 0
    for _ in range(a.rounds):
        done = fleet.phase(f"events={per}")
        sent += done["events"]
        rates.append(done["events"] / done["seconds"])
    stored = store.number("select count(*) from detection") - before
    streams = store.number("select count(distinct stream_num) from detection")
    assert stored == sent == per * a.rounds * a.computers, (stored, sent)
    say(f"durable detections, {streams} streams, 100 a batch, {stored} rows counted", "/s", rates, aim=f">= {AIM_EVENTS}",
        holds=statistics.median(rates) >= AIM_EVENTS)


# An answer may leave only behind the sync of what it acknowledges. One agent sends a batch at a time over one connection,
# so in the trace of the server's calls a request is read, then the log is synced, then its answer is written.
def trace_of_acknowledgements(server, agent, batches, file):
    connection = http.client.HTTPSConnection(*agent.centre.agents_address, context=agent.context(), timeout=60)

    def send():
        agent.detect()
        connection.request("POST", "/agent/v1/events", canonical(agent.events_body()), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        assert answer.status == 200 and told["hwm"] == len(agent.streams[-1].events), told
        agent.streams[-1].acknowledged = told["hwm"]

    send()  # the handshake comes before the trace
    port = connection.sock.getsockname()[1]
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-yy", "-s", "0", "-e", "trace=read,write,sendto,recvfrom,fdatasync,fsync",
                               "-o", file, "-p", str(server.process.pid)])
    wait_until(lambda: "TracerPid:\t0" not in Path(f"/proc/{server.process.pid}/status").read_text(), 20, "strace")
    for _ in range(batches):
        send()
    tracer.terminate()
    tracer.wait()
    connection.close()
    return port


def acknowledgements(centre, folder):
    """Of each thread's lines, a call that was interrupted by another's is written in two; its end is what counts."""
    agent = Agent(centre, "VET-001")
    agent.enrol(centre.token())
    agent.sync()
    batches, file = 50, Path(folder) / "trace"
    port = trace_of_acknowledgements(centre.servers[0], agent, batches, file)
    behind = ahead = syncs = 0
    asked = covered = False
    for line in file.read_text(errors="replace").splitlines():
        if re.search(r"\b(fdatasync|fsync)(\(| resumed).*= 0$", line):
            syncs, covered = syncs + 1, True
        elif f":{port}]" in line and re.search(r" (read|recvfrom)\(.*= [1-9]\d*$", line):
            if not asked:
                asked, covered = True, False
        elif f":{port}]" in line and re.search(r" (write|sendto)\(", line) and asked:
            behind, ahead, asked = behind + covered, ahead + (not covered), False
    say(f"acknowledgements behind a sync of the log, of {batches} traced ({syncs} syncs)", "", behind, aim="all",
        holds=behind == batches and ahead == 0)


def connections(centre, folder, server, a):
    """Idle: connected, nothing asked. Held: a sync that is waiting for news. All computers of a fleet at once."""
    bare_before = sockets(server)
    fleet = fleet_of(centre, folder, a.computers, "--concurrency", 0, "--seed", 2)
    assert fleet.phase("enrol")["enrolled"] == a.computers
    fleet.phase("sync")
    wait_until(lambda: sockets(server) >= bare_before + a.computers * 0.99, 60, "all connections")
    idle = memory_kib(server.process.pid)
    fleet.start("hold=12")
    wait_until(lambda: held_syncs(server) >= a.computers * 0.99, 60, "all held syncs")
    held = memory_kib(server.process.pid)
    fleet.end()
    fleet.close()
    wait_until(lambda: sockets(server) <= bare_before, 90, "the end of all connections")
    bare = memory_kib(server.process.pid)
    for name, value in (("idle", idle), ("held", held)):
        each = (value - bare) / a.computers
        say(f"memory a connection, {name}", "KiB", each, aim=f"<= {AIM_CONNECTION_KIB} KiB", holds=each <= AIM_CONNECTION_KIB)
    say("memory of khien-server without connections (PSS, anonymous)", "KiB", bare)


def sockets(server):
    folder = f"/proc/{server.process.pid}/fd"
    found = 0
    for fd in os.listdir(folder):
        try:
            found += os.readlink(f"{folder}/{fd}").startswith("socket:")
        except OSError:
            pass
    return found


def held_syncs(server):
    text = server.centre.admin.call("GET", "/metrics").text
    return int(re.search(r"^khien_held_syncs(?:{[^}]*})? (\d+)", text, re.M)[1])


def province(folder):
    """A whole province comes for the first time: every computer enrols and syncs once."""
    with running(Centre(f"{folder}/province", f"sqlite:{folder}/province.db")) as centre:
        began = time.monotonic()
        fleet = fleet_of(centre, folder, PROVINCE)
        assert fleet.phase("enrol")["enrolled"] == PROVINCE
        assert fleet.phase("sync")["syncs"] == PROVINCE
        took = time.monotonic() - began
        fleet.close()
    say(f"{PROVINCE} computers enrolled and synced once, in all", "s", took)


def main():
    a = arguments()
    os.environ["KHIEN_BUILD"] = a.build
    global program, wait_until, Centre, running, Agent, canonical
    from processes import program, wait_until
    from centre import Centre, running
    from nginx_static import nginx
    from protocol_agent import Agent, canonical
    with tempfile.TemporaryDirectory(prefix="khien-bench-") as folder:
        os.chmod(folder, 0o711)  # nginx becomes another user, who must reach its file
        centre = Centre(f"{folder}/centre", f"sqlite:{folder}/khien.db")
        server = centre.servers[0]
        server.centre = centre
        server.argv[:0] = ["taskset", "-c", "0"]
        with running(centre):
            store = Store(centre)
            acknowledgements(centre, folder)
            fleet = fleet_of(centre, folder, a.computers, "--concurrency", a.connections)
            enrolments(fleet, a.computers)
            body = b'{"v":1,"server_time_us":1700000000000000,"epoch":"%s","branch":"%s","counter":17,"next_s":60}' % (b"0" * 32, b"0" * 32)
            with nginx(f"{folder}/nginx", body, taskset=0) as (port, d):
                peer = Fleet("--agents", f"127.0.0.1:{port}", "--computers", a.connections, "--concurrency", 0, "--certificate",
                             d / "client.pem", "--key", d / "client.key")
                syncs_against_nginx(fleet, peer, store, a)
                peer.close()
            detections(fleet, store, a)
            fleet.close()
            connections(centre, folder, server, a)
        province(folder)


if __name__ == "__main__":
    main()
