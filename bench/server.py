#!/usr/bin/python3
"""What one core of the centre does: khien-server (its events, TLS, JSON and its store, SQLite) on one core, the simulated
fleet on the other. Beside it in the same run, in turns: nginx answering a static file of the size of a sync's answer over
mutual TLS to the same client. Medians of 5.

  bench/server.py [--build build/release] [--computers 1000] [--store URL]"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOP / "tests/integration"), str(TOP / "bench")]


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=str(TOP / "build/release"))
    p.add_argument("--computers", type=int, default=1000)
    p.add_argument("--seconds", type=int, default=5)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--connections", type=int, default=64, help="calls under way at once")
    p.add_argument("--store", default=None)
    p.add_argument("--keep", default=None, help="folder for the centre's state")
    return p.parse_args()


class Fleet:
    """khien-sim reading its phases from us, a line each."""

    def __init__(self, *options, core=1):
        self.process = subprocess.Popen(["taskset", "-c", str(core), program("khien-sim"), *map(str, options), "-"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def phase(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"khien-sim ended in phase {text}")
        return json.loads(line)

    def start(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def end(self):
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


def memory_kib(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1])
    raise RuntimeError("no Pss_Anon")


def say(what, figure, ratio=""):
    print(f"{what:<58} {figure:>18} {ratio}", flush=True)


def enrolments(fleet, n):
    done = fleet.phase("enrol")
    say(f"enrolments, {n} computers", f"{done['enrolled'] / done['seconds']:,.0f}/s")
    first = fleet.phase("sync")
    say("first syncs (state and hardware in them)", f"{first['syncs'] / first['seconds']:,.0f}/s")


def syncs_against_nginx(fleet, peer, a):
    ours, theirs = [], []
    for _ in range(a.rounds):
        done = fleet.phase(f"syncs={a.seconds}")
        ours.append(done["syncs"] / done["seconds"])
        done = peer.phase(f"get={a.seconds}")
        theirs.append(done["syncs"] / done["seconds"])
    m, p = statistics.median(ours), statistics.median(theirs)
    say("nginx, static answer, same client", f"{p:,.0f}/s")
    say("syncs, durable", f"{m:,.0f}/s", f"{m / p:.2f} of nginx")


def events(fleet, server, centre, a):
    per, rates = 200, []
    before = rows(centre)
    sent = 0
    for _ in range(a.rounds):
        done = fleet.phase(f"events={per}")
        sent += done["events"]
        rates.append(done["events"] / done["seconds"])
    stored = rows(centre) - before
    assert stored == sent == per * a.rounds * a.computers, (stored, sent)
    say(f"durable detections, {a.computers} streams, 100 a batch, rows counted", f"{statistics.median(rates):,.0f}/s", f"{stored:,} rows")


def rows(centre):
    text = subprocess.run(["sqlite3", centre.store.removeprefix("sqlite:"), "select count(*) from detection"], check=True,
                          capture_output=True, text=True).stdout
    return int(text)


def connections(fleet, server, a):
    """Idle: connected, nothing asked. Held: a sync that is waiting for news."""
    fleet.start("idle=8")
    time.sleep(5)
    idle = memory_kib(server.process.pid)
    fleet.end()
    fleet.start("hold=8")
    time.sleep(5)
    held = memory_kib(server.process.pid)
    fleet.end()
    fleet.close()
    wait_until(lambda: open_connections(server) == 0, 90, "the end of all connections")
    bare = memory_kib(server.process.pid)
    say("memory a connection, idle", f"{(idle - bare) / a.computers:.1f} KiB")
    say("memory a connection, held", f"{(held - bare) / a.computers:.1f} KiB")
    say("memory of khien-server, no connection (PSS, anonymous)", f"{bare / 1024:.1f} MiB")


def open_connections(server):
    folder = f"/proc/{server.process.pid}/fd"
    sockets = 0
    for fd in os.listdir(folder):
        try:
            sockets += os.readlink(f"{folder}/{fd}").startswith("socket:")
        except OSError:
            pass
    return max(0, sockets - 40)  # listeners, the CA's socket and the like


def main():
    a = arguments()
    os.environ["KHIEN_BUILD"] = a.build
    global program, wait_until
    from processes import program, wait_until
    from centre import Centre, running
    from nginx_static import nginx
    with tempfile.TemporaryDirectory(prefix="khien-bench-") as folder:
        store = a.store or f"sqlite:{folder}/khien.db"
        centre = Centre(a.keep or f"{folder}/centre", store)
        for p in centre.servers:
            p.argv[:0] = ["taskset", "-c", "0"]
        with running(centre):
            tokens = Path(folder) / "tokens"
            tokens.write_text(f"* {centre.token(uses=a.computers)}\n")
            at = ["--enrol", "127.0.0.1:%d" % centre.ports[0]["enrol"], "--agents", "127.0.0.1:%d" % centre.ports[0]["agents"]]
            fleet = Fleet(*at, "--tokens", tokens, "--computers", a.computers, "--concurrency", a.connections)
            enrolments(fleet, a.computers)
            body = b'{"v":1,"server_time_us":1700000000000000,"epoch":"%s","branch":"%s","counter":17,"next_s":60}' % (b"0" * 32, b"0" * 32)
            with nginx(f"{folder}/nginx", body, taskset=0) as (port, d):
                peer = Fleet("--agents", f"127.0.0.1:{port}", "--computers", a.connections, "--concurrency", 0, "--certificate",
                             d / "client.pem", "--key", d / "client.key")
                syncs_against_nginx(fleet, peer, a)
                peer.close()
            events(fleet, centre.servers[0], centre, a)
            fleet_all = fleet
            fleet_all.phase("sync")
            connections(fleet_all, centre.servers[0], a)


if __name__ == "__main__":
    main()
