"""The proof on real input: the computers of the appendix of May 2022 enrol over the real protocol, and the report's
figures are those of the appendix: every row, every total. And the same with other counts."""
import csv
import json
import random
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from processes import TOP, program

UNITS, SIZES = TOP / "data/units-dong-thap.csv", TOP / "data/dong-thap-2022-05-12.csv"
GROUPS = {"so-ban-nganh": "Các Sở, ban, ngành Tỉnh", "uy-ban-nhan-dan-cap-huyen": "UBND các huyện, thành phố"}
POOL = 5137
DAY = "2022-05-12"


def rows(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def number(text):
    return int(text) if text else None


def percent(r):
    """One decimal, half up, the Vietnamese way."""
    tenths = int(r * 1000 + Fraction(1, 2))
    return f"{tenths // 10:,}".replace(",", ".") + f",{tenths % 10}%"


def expected_group(units, sizes):
    """Rows in the report's order and the total, from the lists alone."""
    installed = {s["unit"]: int(s["installed"]) for s in sizes}
    order = {u["name"]: i for i, u in enumerate(units)}
    out = [(u["code"], number(u["allocated"]), installed[u["name"]]) for u in units]
    rated = [r for r in out if r[1] is not None]
    rated.sort(key=lambda r: -Fraction(r[2], r[1]))  # sorted() keeps the units' own order among equals
    misnamed = sum(n for name, n in installed.items() if name not in order)
    return {
        "rows": rated + [r for r in out if r[1] is None],
        "misnamed": misnamed,
        "installed": sum(r[2] for r in out) + misnamed,
        "allocated": sum(r[1] or 0 for r in out),
        "within": sum(min(r[1], r[2]) for r in rated),
    }


def check_group(group, want):
    got = [(r["code"], r["counts"]["allocated"], r["counts"]["installed"]) for r in group["rows"] if r["kind"] == "unit"]
    assert got == want["rows"]
    misnamed = [r["counts"]["installed"] for r in group["rows"] if r["kind"] == "misnamed"]
    assert misnamed == ([want["misnamed"]] if want["misnamed"] else [])
    if misnamed:
        assert group["rows"][-1]["kind"] == "misnamed"
    for r in group["rows"]:
        rate = r["counts"]["rates"]["installed"]
        if r["counts"]["allocated"] is None:
            assert rate is None
        else:
            assert rate["text"] == percent(Fraction(r["counts"]["installed"], r["counts"]["allocated"]))
    check_total(group["total"], want)


def check_total(total, want):
    assert total["installed"] == total["active"] == want["installed"]
    assert total["silent"] == 0
    assert total["allocated"] == want["allocated"]
    assert total["within"] == want["within"]
    assert total["rates"]["installed"]["text"] == percent(Fraction(want["installed"], want["allocated"]))
    assert total["rates"]["within"]["text"] == percent(Fraction(want["within"], want["allocated"]))
    assert total["existing"] is None and total["rates"]["protected"] is None  # nobody has declared: unknown, not zero


def load_units(admin, units_path):
    groups = "code,name\n" + "".join(f'{code},"{name}"\n' for code, name in GROUPS.items())
    csv_type = {"Content-Type": "text/csv"}
    admin.post("/api/v1/units/import", data=groups.encode(), headers=csv_type, kind="groups")
    pool = admin.post("/api/v1/pools", {"contract": "01/HD-2022", "supplier": "Nhà cung cấp mẫu", "quantity": POOL,
                                        "start_day": "2022-01-01", "end_day": "2023-12-31"})["id"]
    admin.post("/api/v1/units/import", data=Path(units_path).read_bytes(), headers=csv_type, kind="units", pool=pool,
               document="12/QD-STTTT", document_day="2022-05-01")
    admin.post("/api/v1/naming-rules", {"priority": 10, "pattern": "(?<unit>[A-Z]{2,8})-[A-Z]{2,4}-[0-9]{3}", "note": "CODE-ROOM-NNN"})
    return {u["code"]: u["id"] for u in admin.get("/api/v1/units")["units"]}


def write_tokens(centre, nodes, path):
    path.write_text("".join(f"{g} {centre.token(nodes[g], uses=5000)}\n" for g in GROUPS))
    path.chmod(0o600)
    return path


def simulate(centre, tokens, sizes, *phases, options=()):
    result = subprocess.run(
        [program("khien-sim"), "--enrol", "127.0.0.1:%d" % centre.ports[0]["enrol"], "--agents", "127.0.0.1:%d" % centre.ports[-1]["agents"],
         "--tokens", tokens, "--units", UNITS, "--sizes", sizes, "--seed", "14", *options, *phases], capture_output=True, text=True, timeout=280)
    assert result.returncode == 0, result.stdout + result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def enrol_and_ask(centre_factory, tmp_path, units_path, sizes_path):
    centre = centre_factory(simulation=True)
    centre.admin.put("/api/v1/simulation/clock", {"now": "2022-05-10T08:00:00+07:00"})
    nodes = load_units(centre.admin, units_path)
    tokens = write_tokens(centre, nodes, tmp_path / "tokens")
    done = simulate(centre, tokens, sizes_path, "enrol", "sync")
    count = sum(int(s["installed"]) for s in rows(sizes_path))
    assert [p["enrolled"] for p in done] == [count, 0] and done[1]["syncs"] == count
    centre.admin.put("/api/v1/simulation/clock", {"now": "2022-06-01T08:00:00+07:00"})
    return centre, centre.admin.get("/api/v1/report/figures", as_of=DAY)


def check_all(figures, units, sizes):
    want = {g: expected_group([u for u in units if u["group"] == g], [s for s in sizes if s["group"] == g]) for g in GROUPS}
    assert figures["simulation"] is True and figures["day"] == DAY
    assert [g["code"] for g in figures["groups"]] == list(GROUPS)
    for group in figures["groups"]:
        check_group(group, want[group["code"]])
    whole = {k: sum(w[k] for w in want.values()) for k in ("installed", "allocated", "within")}
    check_total(figures["total"], whole)
    assert figures["pool"]["quantity"] == POOL and figures["pool"]["unallocated"] == POOL - whole["allocated"]
    assert figures["pool"]["rate"]["text"] == percent(Fraction(whole["installed"], POOL))
    return whole


def check_golden(figures):
    """The right totals of the appendix, figure by figure."""
    def line(c):
        return c["installed"], c["allocated"], c["rates"]["installed"]["text"], c["within"], c["rates"]["within"]["text"]
    departments, districts = figures["groups"]
    assert line(departments["total"]) == (1177, 1121, "105,0%", 1082, "96,5%")
    assert line(districts["total"]) == (3830, 3960, "96,7%", 3830, "96,7%")
    assert line(figures["total"]) == (5007, 5081, "98,5%", 4912, "96,7%")
    assert (figures["pool"]["rate"]["text"], figures["pool"]["unallocated"]) == ("97,5%", 56)
    names = [(r["code"], r["counts"]["rates"]["installed"] and r["counts"]["rates"]["installed"]["text"]) for r in departments["rows"]]
    assert names[0] == ("SXD", "112,7%") and ("SGDDT", "98,2%") in names and names[-2] == ("TTTHDL", None)
    assert names.index(("STP", "71,4%")) < names.index(("STNMT", "70,5%"))
    assert departments["rows"][-1]["counts"]["installed"] == 59


@pytest.mark.stores("sqlite", "pg", "two")
def test_the_appendix_of_may_2022(centre_factory, tmp_path):
    centre, figures = enrol_and_ask(centre_factory, tmp_path, UNITS, SIZES)
    check_all(figures, rows(UNITS), rows(SIZES))
    check_golden(figures)
    for unit, count in (("SNNPTNT", 198), ("TTTHDL", 17), ("HLVG", 257), ("HLV", 318)):
        behind = centre.admin.get("/api/v1/report/machines", as_of=DAY, unit=unit)
        assert behind["count"] == len(behind["machines"]) == count
        assert all(m["name"].startswith(unit + "-") for m in behind["machines"])
    misnamed = centre.admin.get("/api/v1/report/machines", as_of=DAY, unit="so-ban-nganh", what="misnamed")
    assert misnamed["count"] == 59 and all(m["name"].startswith("DESKTOP-") for m in misnamed["machines"])
    before = centre.admin.get("/api/v1/report/figures", as_of="2022-05-09")
    assert before["total"]["installed"] == 0


def test_other_counts_give_other_figures(centre_factory, tmp_path):
    """Every count changed by a seed; fewer machines, so that a second fleet does not cost a second five minutes."""
    draw, units, sizes = random.Random(2018), rows(UNITS), rows(SIZES)
    for s in sizes:
        s["installed"] = str(draw.randrange(1, max(2, int(s["installed"]) // 4)))
    for u in units:
        u["allocated"] = str(draw.randrange(5, 60)) if u["code"] not in ("TTTHDL", "SNV") else ""
    for path, table in ((tmp_path / "units.csv", units), (tmp_path / "sizes.csv", sizes)):
        with open(path, "w", encoding="utf-8", newline="") as f:
            w = csv.DictWriter(f, table[0].keys())
            w.writeheader()
            w.writerows(table)
    _, figures = enrol_and_ask(centre_factory, tmp_path, tmp_path / "units.csv", tmp_path / "sizes.csv")
    whole = check_all(figures, units, sizes)
    assert whole["installed"] != 5007
