"""The people job: PEOPLE persons in a tree of UNITS organizations, as the API serves them.

Both are read by the hub itself. Requests come at a fixed rate, whatever the answers take (open loop): searches of every
kind in turn (a whole name, a surname that thousands have, pinyin, a number, within a small and within a big
organization), then paths, children and subtrees of organizations.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from bench import serving, visitors
from hub.bootstrap import open_hub
from hub.exchange.ground import Hub
from hub.exchange.pipeline import run_exchange

FILES = {
    "config/hub.yaml": """
hub: bench
api: {rate: 100000, burst: 100000}
people:
  model: person
  receivers: {code: number}
  name: name
  search: [name, latin, number]
  organization: {model: unit, parent: parent, of: unit, name: name}
""",
    "config/models/unit.yaml": """
model: unit
level: L1
key: [code]
fields:
  code: {type: text, required: true}
  name: {type: text}
  parent: {type: ref, model: unit}
""",
    "config/models/person.yaml": """
model: person
level: L1
key: [number]
fields:
  number: {type: text, required: true}
  name: {type: text}
  latin: {type: text}
  unit: {type: ref, model: unit}
""",
    "config/systems/hr.yaml": """
system: hr
connector: files
folder: ../data
resources:
  units: {path: units.ndjson, key: id, fields: {id: text, name: text, parent: text}}
  people: {path: people.ndjson, key: id, fields: {id: text, name: text, latin: text, unit: text}}
""",
    "mappings/units.yaml": """
mapping: units
from: hr.units
into: unit
unmatched: create
fields: {code: id, name: name, parent: "ref('unit', parent)"}
""",
    "mappings/people.yaml": """
mapping: people
from: hr.people
into: person
unmatched: create
fields: {number: id, name: name, latin: latin, unit: "ref('unit', unit)"}
""",
}
SURNAMES = [("王", "wang"), ("李", "li"), ("张", "zhang"), ("刘", "liu"), ("陈", "chen"), ("杨", "yang"),
            ("赵", "zhao"), ("黄", "huang"), ("周", "zhou"), ("吴", "wu"), ("徐", "xu"), ("孙", "sun"),
            ("胡", "hu"), ("朱", "zhu"),
            ("高", "gao"), ("林", "lin"), ("何", "he"), ("郭", "guo"), ("马", "ma"), ("罗", "luo")]  # fmt: skip
GIVEN = [("伟", "wei"), ("娜", "na"), ("敏", "min"), ("静", "jing"), ("强", "qiang"), ("磊", "lei"), ("洋", "yang"),
         ("勇", "yong"), ("杰", "jie"), ("涛", "tao"), ("明", "ming"), ("超", "chao"), ("霞", "xia"), ("平", "ping"),
         ("刚", "gang"), ("英", "ying"), ("华", "hua"), ("文", "wen"), ("建", "jian"), ("国", "guo"), ("春", "chun"),
         ("梅", "mei"), ("兰", "lan"), ("红", "hong"), ("玉", "yu"), ("龙", "long"), ("海", "hai"),
         ("波", "bo")]  # fmt: skip
FANOUT = 8
DRAWN = 3_000


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--units", type=int, default=50_000)
    parser.add_argument("--rate", type=int, default=100, help="requests a second")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--store", required=True, help="postgresql://… (emptied, but with --keep)")
    parser.add_argument("--keep", action="store_true", help="what the last run made is there still")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say it."""
    return serving.measured(measure, arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures of the job."""
    variables = {"COPHUB_STORE": arguments.store}
    serving.written(folder, FILES)
    if not arguments.keep:
        serving.emptied(folder, variables)
        with open_hub(folder, variables=variables) as opened:
            _fill(opened.hub, folder, arguments)
    with open_hub(folder, variables=variables) as opened:
        head = serving.head(opened.hub, ["people:read"])
    result: dict[str, Any] = {"people": arguments.people, "units": arguments.units}
    with serving.served(folder, variables) as address:
        kinds = searches(arguments)
        every = [path for turn in zip(*kinds.values(), strict=True) for path in turn]
        parts = {"search, all kinds": every, **kinds, "trees": trees(arguments)}
        visitors.open_loop(address, every[:200], head, 50, 4)
        for name, paths in parts.items():
            whole = name in ("search, all kinds", "trees")
            seconds = arguments.seconds if whole else max(5, arguments.seconds // 4)
            told = visitors.open_loop(address, paths, head, arguments.rate, seconds)
            result[name] = told
            serving.told(name, told, arguments.rate, seconds)
    return result


def searches(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """Paths by kind."""
    chosen = random.Random(7)
    kinds: dict[str, list[str]] = {
        name: [] for name in ("name", "surname", "pinyin", "number", "in a small unit", "in a big unit", "of a unit")
    }
    for _ in range(DRAWN):
        surname, given = chosen.choice(SURNAMES), [chosen.choice(GIVEN) for _ in range(2)]
        small = f"U{chosen.randrange(arguments.units // 2, arguments.units)}"
        big = f"U{chosen.randrange(1, 9)}"
        kinds["name"].append(f"/v1/people?limit=20&q={quote(surname[0] + given[0][0] + given[1][0])}")
        kinds["surname"].append(f"/v1/people?limit=20&q={quote(surname[0])}")
        kinds["pinyin"].append(f"/v1/people?limit=20&q={surname[1]}%20{given[0][1]}")
        kinds["number"].append(f"/v1/people?limit=20&q=p{chosen.randrange(arguments.people):08}")
        kinds["in a small unit"].append(f"/v1/people?limit=20&organization={small}&q={quote(surname[0])}")
        kinds["in a big unit"].append(f"/v1/people?limit=20&organization={big}&q={surname[1]}%20{given[0][1]}")
        kinds["of a unit"].append(f"/v1/people?limit=20&organization={small}")
    return kinds


def trees(arguments: argparse.Namespace) -> list[str]:
    """Paths, children and subtrees in turn."""
    chosen, asked = random.Random(11), []
    for _ in range(DRAWN):
        one = chosen.randrange(arguments.units)
        asked += [
            f"/v1/organizations/U{one}/path",
            f"/v1/organizations/U{one // FANOUT}/children",
            f"/v1/organizations/U{chosen.randrange(min(600, arguments.units))}/subtree?limit=50",
        ]
    return asked


def _fill(hub: Hub, folder: Path, arguments: argparse.Namespace) -> None:
    begin, chosen = time.perf_counter(), random.Random(3)
    (folder / "data").mkdir(exist_ok=True)
    with (folder / "data/units.ndjson").open("wb") as stream:
        for number in range(arguments.units):
            above = f"U{(number - 1) // FANOUT}" if number else None
            stream.write(orjson.dumps({"id": f"U{number}", "name": f"Unit {number}", "parent": above}) + b"\n")
    with (folder / "data/people.ndjson").open("wb") as stream:
        for number in range(arguments.people):
            surname, one, two = chosen.choice(SURNAMES), chosen.choice(GIVEN), chosen.choice(GIVEN)
            person = {
                "id": f"P{number:08}",
                "name": surname[0] + one[0] + two[0],
                "latin": f"{surname[1]} {one[1]} {two[1]}",
                "unit": f"U{chosen.randrange(arguments.units)}",
            }
            stream.write(orjson.dumps(person) + b"\n")
    for name in ("units", "people"):
        run_exchange(hub, name, "full", f"bench-{name}", initial=True)
        serving.say(f"{name} after {time.perf_counter() - begin:.0f} s")
    with hub.database.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
