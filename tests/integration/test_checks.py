"""The checks of tools/ can fail: each is given a tree with one fault."""
import os
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]


def check(name, tmp_path, files):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for path, text in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return subprocess.run([TOP / "tools" / name, tmp_path], capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})


def function(lines):
    return "int f(void)\n{\n" + "\tg();\n" * (lines - 3) + "}\n"


SIZES = [
    ({"src/a/a.c": function(70)}, None),
    ({"src/a/a.c": function(71)}, "src/a/a.c:f: 71 lines"),
    ({"src/a/a.c": "int x;\n" * 701}, "src/a/a.c: 701 lines"),
    ({"src/a/a.c": function(80), "tools/size-exceptions": "src/a/a.c:f 80\n"}, None),
    ({"src/a/a.c": function(75), "tools/size-exceptions": "src/a/a.c:f 80\n"}, "lower the entry"),
]
INCLUDES = [
    ({"src/a/a_int.h": "", "src/a/a.c": '#include "a_int.h"\n'}, None),
    ({"src/a/a_int.h": "", "src/b/b.c": '#include "a_int.h"\n'}, "private to src/a"),
    ({"src/a/a.h": "", "src/b/a.h": ""}, "the same name"),
    ({"src/a/a.c": "", "tests/unit/t.c": '#include "a.c"\n'}, "includes the source"),
    ({"src/a/a.c": '#include "../b/b.h"\n'}, "by a path"),
]
TREE = [
    ({"a.txt": "/var/lib/khien\n"}, None),
    ({"a.txt": "see /wo" + "rk/main\n"}, "a.txt:1: a path"),
    ({"a.txt": "\n// TO" + "DO later\n"}, "a.txt:2: a word that postpones"),
    ({"a.txt": "http://deb.debi" + "an.org/\n"}, "a host of a package registry"),
    ({"a.txt": "X5O!P%@AP[4\\PZX5" + "4(P^)7CC)7}$"}, "the test virus"),
]


@pytest.mark.parametrize("name, files, complaint", [(n, *case) for n, cases in
                         (("check-sizes", SIZES), ("check-includes", INCLUDES), ("check-tree", TREE)) for case in cases])
def test_check(name, files, complaint, tmp_path):
    result = check(name, tmp_path, files)
    if complaint:
        assert result.returncode == 1 and complaint in result.stdout, result.stdout + result.stderr
    else:
        assert result.returncode == 0, result.stdout + result.stderr
