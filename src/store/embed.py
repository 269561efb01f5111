"""Writes the migrations into the program: embed.py OUT.c FILE.sql … (numbered 0001, 0002, … without a gap)."""
import os
import sys

out, files = sys.argv[1], sorted(sys.argv[2:])
for number, path in enumerate(files, 1):
    if os.path.basename(path) != f"{number:04}.sql":
        sys.exit(f"{path}: migration {number:04}.sql was expected here")
with open(out, "w", encoding="utf-8") as f:
    f.write('#include "migrations.h"\n\nconst char *const migrations[] = {\n')
    for path in files:
        for line in open(path, encoding="utf-8"):
            escaped = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"')
            f.write(f'"{escaped}\\n"\n')
        f.write(",\n")
    f.write("};\nconst int migrations_n = sizeof migrations / sizeof migrations[0];\n")
