"""Canaries: a secret and classified values go through everything the hub does, and are then looked for in
everything it leaves behind: tables, run store, scratch, crash files, what it said."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.simulators.wire import Refused
from tests.faults.conftest import Make
from tests.faults.forker import Ran
from tests.faults.landscape import Landscape, party

SECRET = "canary-secret-7f3a"
PHONE = "+49 30 7777777"  # L3
SALARY = "7654321"  # L4
BAD_SALARY = "x7654321x"
# Where a classified value may stand: the golden row itself, its history, and what others said of it.
OWN = {("e_party", "phone"), ("e_party", "salary"), ("h_party", "phone"), ("h_party", "salary")}


def tables(made: Landscape) -> list[tuple[str, str, str]]:
    """Every text of every table: table, column, value."""
    found = []
    with closing(sqlite3.connect(made.folder / ".cophub" / "hub.sqlite")) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for name in names:
            cursor = connection.execute(f'SELECT * FROM "{name}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor:
                found += [(name, column, _shown(value)) for column, value in zip(columns, row, strict=True)]
    return found


def _shown(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def files(folder: Path) -> dict[str, bytes]:
    """What lies in the hub's own folder, the database aside."""
    own = folder / ".cophub"
    paths = [path for path in own.rglob("*") if path.is_file() and not path.name.startswith("hub.sqlite")]
    return {str(path.relative_to(own)): path.read_bytes() for path in paths}


def looked_through(made: Landscape, said: list[Ran], canary: str, *, own: bool = False) -> list[str]:
    """Where a canary stands that should not."""
    found = [f"table {table}.{column}" for table, column, value in tables(made) if canary in value
             and not (own and (table, column) in OWN)]  # fmt: skip
    found += [f"file {name}" for name, content in files(made.folder).items() if canary.encode() in content]
    found += [f"said {number}" for number, ran in enumerate(said) if canary in ran.out + ran.err]
    return found


@pytest.fixture
def lived(landscape: Make) -> tuple[Landscape, list[Ran]]:
    """A landscape in which much went well and much went wrong."""
    made = landscape("crm")
    crm = made.simulators["crm"]
    crm.product.keys = {SECRET: "cophub"}  # type: ignore[attr-defined]
    said = [made.cophub("secrets", "set", "crm/key", given=SECRET)]
    made.write([
        party(1, phone=PHONE, salary=SALARY), party(2, salary=BAD_SALARY), party(3, phone=PHONE, name=None),
        party(4, phone=PHONE, credit="a lot"), party(5, phone=PHONE, parent="P9", salary=SALARY),
    ])  # fmt: skip
    said.append(made.cophub("plan", "files-parties", "--initial"))
    said.append(made.cophub("apply", said[-1].answer["plan"]))
    said.append(made.run("files-parties", "--initial", kill="after_map"))
    said.append(made.cophub("plan", "to-crm", "--initial"))
    crm.faults.set("partial,method=POST", "unavailable,method=POST")
    said.append(made.run("to-crm", "--initial"))
    crm.product.keys = {}  # type: ignore[attr-defined]
    said.append(made.run("to-crm", "--full", "--initial"))
    said.append(made.run("crm-parties", "--initial"))
    said.append(made.run("crm-parties", "--initial", kill="after_fetch=raise"))
    said += [made.cophub("quarantine"), made.cophub("runs"), made.cophub("entities", "party")]
    said += [made.cophub("systems", "check", "crm"), made.cophub("secrets", "list")]
    said += [made.cophub("audit", "list", "--limit", "500"), made.cophub("review"), made.cophub("events")]
    said += [made.cophub("audit", "export", str(made.folder / ".cophub" / "chain.jsonl"))]
    said += [made.cophub("entities", "party", "--key", "P0001", "--unmask", "--reason", "no role, no value")]
    said += [made.cophub("plan", "to-crm", "--full"), made.cophub("check")]
    assert said[-3].status == 77
    return made, said


def test_a_secret_stands_nowhere(lived: tuple[Landscape, list[Ran]]):
    assert looked_through(*lived, SECRET) == []


@pytest.mark.parametrize("canary", [PHONE, SALARY])
def test_a_classified_value_stands_in_its_own_column_only(lived: tuple[Landscape, list[Ran]], canary: str):
    made, said = lived
    assert made.select(f"SELECT count(*) FROM e_party WHERE phone = '{PHONE}' AND salary = {SALARY}") == [
        (1,)
    ]
    assert looked_through(made, said, canary)  # else this would prove nothing
    assert looked_through(made, said, canary, own=True) == []


def test_a_target_that_repeats_a_classified_value_is_not_quoted_with_it(landscape: Make):
    made = landscape("crm")
    accounts = made.simulators["crm"].product.tables["accounts"]

    def refuse(row: Any, old: Any) -> None:
        raise Refused(422, "VALIDATION", f"the phone {row['phone']} of {row['external_id']} is taken")

    accounts._check = refuse
    made.write([party(1, phone=PHONE)])
    assert made.run("files-parties", "--initial").status == 0
    ran = made.run("to-crm", "--initial")
    assert ran.counts["quarantined"] == 1
    assert "the phone *** of P0001 is taken" in made.select("SELECT message FROM quarantine")[0][0]
    assert looked_through(made, [ran, made.cophub("quarantine")], PHONE, own=True) == []


def test_a_crash_tells_no_secret(landscape: Make):
    made = landscape("crm")
    made.simulators["crm"].product.keys = {SECRET: "cophub"}  # type: ignore[attr-defined]
    assert made.cophub("secrets", "set", "crm/key", given=SECRET).status == 0
    (made.folder / ".cophub" / "runs").write_text("no folder")
    ran = made.run("crm-parties", "--initial")
    assert ran.status != 0
    assert "Traceback" not in ran.err
    assert looked_through(made, [ran], SECRET) == []
