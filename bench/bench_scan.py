#!/usr/bin/python3
"""Scanning 4.000 files, about 280 MB, of /usr against clamscan and clamdscan of this computer, in turns, with the same signatures
(bench/signatures.py: a million digests, 100.000 .ndb, 50.000 .ldb). Ours is the pipeline in as many workers as there are cores
(bench-scan-pipeline), nothing allowed by a package and no memory of earlier scans: the dearest case there is. Wall time says what
somebody waits, and only on a quiet machine; processor time says what it costs.

    bench/bench_scan.py [--files 4000] [--megabytes 280] [--without-clamscan]
"""
import argparse
import json
import os
import random
import resource
import signal
import subprocess
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
PARTS = TOP / "build/bench-parts"
TREES = ("/usr/bin", "/usr/lib", "/usr/share")


def say(name, value, unit, **more):
    print(json.dumps({"name": name, "unit": unit, "value": value, **more}), flush=True)


def build():
    if not (PARTS / "build.ninja").exists():
        subprocess.run(["meson", "setup", "--buildtype=release", PARTS, TOP], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", PARTS, "bench/bench-scan-pipeline", "src/cli/khien"], check=True, stdout=subprocess.DEVNULL)


def pick(count, total):
    """The same files each time on the same computer: nine in ten at random, the others of such sizes that the sum is right."""
    found = []
    for tree in TREES:
        for folder, _, names in os.walk(tree):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path) and "\n" not in path:
                    found.append((path, os.path.getsize(path)))
    found.sort()
    chance = random.Random(1)
    chance.shuffle(found)
    some, rest = found[:count * 9 // 10], found[count * 9 // 10:]
    wanted = (total - sum(size for _, size in some)) / max(1, count - len(some))
    some += sorted((f for f in rest if f[1] < 16 << 20), key=lambda f: abs(f[1] - wanted))[:count - len(some)]
    chance.shuffle(some)
    return some


def children_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(command, **how):
    before, began = children_s(), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **how)
    return done, time.monotonic() - began, children_s() - before


def process_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_kib(pid):
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))


class Clamd:
    def __init__(self, folder, signatures):
        self.conf = folder / "clamd.conf"
        socket = folder / "clamd.sock"
        temporary = folder / "clamd-temporary"
        temporary.mkdir()
        self.conf.write_text(f"LocalSocket {socket}\nDatabaseDirectory {signatures}\nForeground true\nUser root\n"
                             f"MaxThreads {os.cpu_count()}\nTemporaryDirectory {temporary}\nLogFile {folder}/clamd.log\n")
        self.process = subprocess.Popen(["clamd", "-c", self.conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not socket.exists():
            if self.process.poll() is not None:
                raise SystemExit("clamd does not start: " + (folder / "clamd.log").read_text()[-500:])
            time.sleep(0.1)

    def scan(self, names):
        before, began = process_s(self.process.pid), time.monotonic()
        subprocess.run(["clamdscan", "-c", self.conf, "--multiscan", "--fdpass", "--no-summary", "-f", names],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.monotonic() - began, process_s(self.process.pid) - before

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def ours(generation, temporary, paths):
    command = [PARTS / "bench/bench-scan-pipeline", generation, temporary, str(os.cpu_count())]
    # Twice, with files and without: what loading costs is taken off.
    done, _, load_cpu = timed(command, input=b"", check=True)
    done, _, cpu = timed(command, input=b"".join(p.encode() + b"\0" for p, _ in paths), check=True)
    told = json.loads(done.stdout)
    return told, cpu - load_cpu


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--files", type=int, default=4000)
    a.add_argument("--megabytes", type=int, default=280)
    a.add_argument("--without-clamscan", action="store_true")
    a = a.parse_args()
    build()
    # In memory, as the jail's temporary folder is; the peer gets the same.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        signatures, generations, temporary = folder / "signatures", folder / "generations", folder / "temporary"
        for made in (signatures, temporary):
            made.mkdir()
        subprocess.run(["/usr/bin/python3", TOP / "bench/signatures.py", signatures], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([PARTS / "src/cli/khien", "signatures", "load", "--untried", "--folder", generations, signatures], check=True,
                       stdout=subprocess.DEVNULL)
        paths = pick(a.files, a.megabytes * 1000000)
        names = folder / "names"
        names.write_text("".join(p + "\n" for p, _ in paths))
        for path, _ in paths:
            Path(path).read_bytes()  # nobody pays for the disk
        what = f"{len(paths)} files, {sum(s for _, s in paths) // 1000000} MB"

        clamd = Clamd(folder, signatures)
        cold, cold_cpu = clamd.scan(names)
        warm, warm_cpu = clamd.scan(names)
        peak = peak_kib(clamd.process.pid)
        clamd.stop()
        told, cpu = ours(generations / "current", temporary, paths)
        first = told["rounds"][0]
        if first["clean"] + first["infected"] + first["suspicious"] + first["not_scanned"] != len(paths):
            raise SystemExit(f"files are missing: {told}")
        say(f"scan, no package known, first: {what}", first["s"], "s", peer="clamdscan cold", ratio=first["s"] / cold,
            aim="<= 1/2 of clamdscan cold", holds=first["s"] <= cold / 2, verdicts=first, reasons=told["reasons"])
        say("scan, the same, processor time", round(cpu, 1), "s", peer="clamd cold", ratio=cpu / cold_cpu)
        say("scan, clamdscan --multiscan cold", round(cold, 1), "s", processor_s=round(cold_cpu, 1))
        say("scan, clamdscan --multiscan warm", round(warm, 1), "s", processor_s=round(warm_cpu, 1))
        say("scan, loaded with body signatures, PSS", told["pss_kib"], "KiB", peer="clamd, peak", ratio=told["pss_kib"] / peak)
        say("scan, load of the generation", told["load_s"], "s")
        if not a.without_clamscan:
            _, wall, used = timed(["clamscan", "-d", signatures, "--no-summary", "-f", names])
            say("scan, clamscan", round(wall, 1), "s", processor_s=round(used, 1))


main()
