#!/usr/bin/python3
"""Signatures for measurements: as many as asked for, the same ones each time, in ClamAV's formats, so that the peer loads
the same files. They name no real file: digests and patterns come from a generator with a seed.

    bench/signatures.py [--hashes 1000000] [--ndb 100000] [--ldb 50000] FOLDER

What stands in them in which share follows ClamAV's own databases: of the hashes 60 % are MD5 (.hdb), 25 % SHA-256 (.hsb,
one in a hundred with any size), 14 % of sections of PE files (.mdb), 1 % allow (.fp, .sfp). Nine in ten body signatures
are for PE files, the others for HTML, ELF, OLE2 and for any file; those for any file are what each scanned file costs.
"""
import argparse
import hashlib
import os
import random

CLASSES = ("Win.Trojan", "Win.Malware", "Win.Downloader", "Win.Ransomware", "Unix.Trojan", "Html.Phishing", "Doc.Dropper",
           "Win.Adware", "Win.Worm", "Win.Packed")
# ClamAV's targets: 0 any, 1 PE, 2 OLE2, 3 HTML, 6 ELF
TARGETS = ((1, 900), (3, 30), (6, 30), (2, 30), (0, 10))


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        syllables = ("an", "bo", "cu", "da", "el", "fi", "go", "hu", "ik", "jo", "ka", "lu", "mi", "no", "op", "qua", "ri",
                     "so", "tu", "vi", "xe", "yo", "za")
        self.families = sorted({"".join(self.random.choices(syllables, k=self.random.randint(2, 4))).capitalize()
                                for _ in range(8000)})

    def name(self, number):
        r = self.random
        return f"{CLASSES[int(r.random() ** 2 * len(CLASSES))]}.{self.families[int(r.random() ** 3 * len(self.families))]}" \
               f"-{1000000 + number}-{0 if r.random() < 0.9 else 1}"

    def size(self):
        return int(2 ** (self.random.random() * 14 + 9))

    def target(self):
        values, weights = zip(*TARGETS)
        return self.random.choices(values, weights)[0]

    def pattern(self):
        """Fixed parts of random bytes; some have a wildcard, a gap or an alternative between them. The first bytes, by
        which libclamav sorts, are those that code begins with, in part."""
        r = self.random
        parts = [r.randbytes(r.randint(8, 24)).hex() for _ in range(r.choices((1, 2, 3), (70, 22, 8))[0])]
        if r.random() < 0.3:
            parts[0] = r.choice(("558bec", "e800000000", "4d5a90", "6a00", "8b45")) + parts[0]
        text = parts[0]
        for part in parts[1:]:
            text += r.choice(("??", "{4-40}", "*", "(41|42)", "????")) + part
        return text


def write(folder, name, lines):
    with open(os.path.join(folder, name), "w", buffering=1 << 20) as f:
        for line in lines:
            f.write(line + "\n")


def hashes(g, folder, n):
    def digest(kind, number):
        return hashlib.new(kind, f"{kind} {number}".encode(), usedforsecurity=False).hexdigest()

    share = {"hdb": n * 60 // 100, "hsb": n * 25 // 100, "fp": n // 200, "sfp": n // 200}
    share["mdb"] = n - sum(share.values())
    first = 0
    for kind, count in share.items():
        numbers = range(first, first + count)
        first += count
        if kind in ("hdb", "fp"):
            lines = (f"{digest('md5', i)}:{g.size()}:{g.name(i)}" for i in numbers)
        elif kind == "mdb":
            lines = (f"{g.size()}:{digest('md5', i)}:{g.name(i)}" for i in numbers)
        else:
            lines = (f"{digest('sha256', i)}:" + (f"*:{g.name(i)}:73" if i % 100 == 0 else f"{g.size()}:{g.name(i)}")
                     for i in numbers)
        write(folder, f"generated.{kind}", lines)


def bodies(g, folder, n):
    offsets = ("*", "*", "*", "*", "EP+0", "0", "EOF-512")
    def line(i):
        target = g.target()
        offset = g.random.choice(offsets)
        if offset == "EP+0" and target not in (1, 6):
            offset = "*"
        pattern = g.pattern()
        if offset != "*":
            pattern = pattern.replace("*", "??")
        return f"{g.name(i)}:{target}:{offset}:{pattern}"
    write(folder, "generated.ndb", (line(i) for i in range(n)))


def logical(g, folder, n):
    conditions = {1: ("0", "0>2"), 2: ("0&1", "0|1", "(0&1)"), 3: ("0&1&2", "0&(1|2)", "(0|1|2)>1,2"), 4: ("0&1&2&3", "(0&1)|(2&3)")}
    def line(i):
        parts = g.random.randint(1, 4)
        condition = g.random.choice(conditions[parts])
        return f"{g.name(i)};Engine:51-255,Target:{g.target()};{condition};" + ";".join(g.pattern() for _ in range(parts))
    write(folder, "generated.ldb", (line(i) for i in range(n)))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--hashes", type=int, default=1_000_000)
    p.add_argument("--ndb", type=int, default=100_000)
    p.add_argument("--ldb", type=int, default=50_000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("folder")
    a = p.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    for make, count in ((hashes, a.hashes), (bodies, a.ndb), (logical, a.ldb)):
        if count:
            make(Generator(f"{a.seed} {make.__name__}"), a.folder, count)


if __name__ == "__main__":
    main()
