"""A workspace of many mappings, each of about 1.5 kB, for measuring ``cophub check``.

python -m tests.unit.workspace.many DIR 1000
"""

from __future__ import annotations

import sys
from pathlib import Path

FIELDS = [f"field_{index:02d}" for index in range(24)]


def make(folder: Path, count: int) -> None:
    """``count`` mappings with a test each, every one from a resource of its own into a model of its own."""
    for name in ("config/systems", "config/models", "config/codes", "mappings"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    resources = "".join(
        f"  r{index}: {{path: r{index}.csv, key: [SourceField00]}}\n" for index in range(count)
    )
    fields = "".join(f"  {field}: {{type: text}}\n" for field in FIELDS[:-1])
    files = {
        "config/hub.yaml": "hub: many\n",
        "config/systems/src.yaml": "system: src\nconnector: files\nfolder: ../data\nresources:\n" + resources,
        "config/codes/country.yaml": "codes: country\nvalues: {DE: Germany, CN: China}\n",
    }
    for index in range(count):
        files[f"config/models/thing_{index}.yaml"] = (
            f"model: thing_{index}\nkey: [field_00]\nfields:\n"
            f"{fields}  {FIELDS[-1]}: {{type: code, list: country}}\n"
        )
        files[f"mappings/m{index}.yaml"] = mapping(index)
        files[f"mappings/m{index}.test.yaml"] = (
            "- given: {SourceField00: a, Active: '1'}\n  expect: {field_00: A}\n"
        )
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def mapping(index: int) -> str:
    rules = "".join(
        f"  {field}: trim(upper(SourceField{number:02d})) || coalesce(Other{number:02d}, '')\n"
        for number, field in enumerate(FIELDS[:20])
    )
    return f"""\
mapping: m{index}
title: {{en: Mapping {index}, zh: 映射 {index}}}
from: src.r{index}
into: thing_{index}
where: Active = '1'
match:
  - [field_00]
  - {{on: [field_01, field_02], at_least: 0.92, then: review}}
fields:
{rules}  {FIELDS[-1]}: code('country', upper(Country))
unmatched: create
absent: {{reaction: disable, grace: 7d}}
guard: {{delete: 2%, disable: 50}}
schedule: {{every: 15m}}
"""


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
