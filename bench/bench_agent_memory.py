#!/usr/bin/python3
"""What the agent costs a computer: khien-agent and khien-link together as PSS and as memory of their own (private and
dirty), enrolled, with a held sync, before and after 1.000 detections. Release build, a real centre on this machine.

PSS counts a shared page by its share; so that other processes on this machine do not make us look small, the same is said as if
nobody shared anything with the two of them (Pss of a machine where they run alone: private pages and the two's own sharing)."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests/integration"))

from centre import Centre, running  # noqa: E402
from processes import wait_until  # noqa: E402
from real_agent import RealAgent  # noqa: E402

AIM_KIB = 12 * 1024


def rollup(pid):
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value, _ = line.split()
        found[name.rstrip(":")] = int(value)
    return found


def alone(pids):
    """Each file page of the two counted once, as if nobody else had it mapped."""
    total, files = 0, {}
    for pid in pids:
        name = None
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            head = line.split()
            if "-" in head[0] and not head[0].endswith(":"):
                name = (head[5], head[2]) if len(head) > 5 and head[5].startswith("/") else None
            elif head[0] in ("Private_Dirty:",):
                total += int(head[1])
            elif head[0] in ("Private_Clean:", "Shared_Clean:", "Shared_Dirty:"):
                if name:
                    files.setdefault(name, {}).setdefault(pid, 0)
                    files[name][pid] += int(head[1])
                else:
                    total += int(head[1])
    return total + sum(max(of.values()) for of in files.values())


def say(name, value, **more):
    print(json.dumps({"name": name, "unit": "KiB", "value": value, **more}), flush=True)


def measure(agent, when):
    pids = [agent.process.pid, agent.link_pid()]
    parts = [rollup(pid) for pid in pids]
    pss = sum(p["Pss"] for p in parts)
    say(f"agent: parent + link, PSS, {when}", pss, aim="<= 12 MiB", holds=pss <= AIM_KIB)
    say(f"agent: the same if nobody shared with them, {when}", alone(pids))
    say(f"agent: private and dirty, {when}", sum(p["Private_Dirty"] for p in parts))


def main():
    with tempfile.TemporaryDirectory(prefix="khien-bench-") as folder:
        centre = Centre(Path(folder) / "centre", f"sqlite:{folder}/khien.db")
        with running(centre):
            agent = RealAgent(centre, Path(folder) / "agent", flags=("--link-user", "nobody") if os.geteuid() == 0 else ())
            centre.others.append(agent.process)
            agent.start().enrol(centre.token())
            agent.khien("sync")
            wait_until(lambda: agent.status()["waiting events"] == "0", 30, "an empty spool")
            measure(agent, "a sync held")
            producer = Path(os.environ.get("KHIEN_BUILD", TOP / "build/release")) / "tests/fault/khien-test-producer"
            if producer.exists():
                lists = [Path(folder) / "intents", Path(folder) / "receipts"]
                p = subprocess.Popen([producer, agent.socket, *lists, "bench"], stdin=subprocess.PIPE)
                wait_until(lambda: lists[1].exists() and lists[1].read_text().count("\n") >= 1000, 120, "1.000 receipts")
                p.stdin.close()
                p.wait()
                wait_until(lambda: agent.status()["waiting events"] == "0", 60, "an empty spool")
                measure(agent, "after 1.000 detections")


main()
