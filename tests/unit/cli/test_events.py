"""Events by the command line: what is pushed, what cannot be, and what a worker did of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.desk import Desk

PLACE = "erp_files.suppliers"
RECORD = {"number": "1001", "name": "ACME", "country": "DE", "tax_number": None, "phone": None, "active": "1"}
GOOD = json.dumps(RECORD)


def events(work: Desk, *lines: bytes) -> str:
    file = work.folder / "events.ndjson"
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    return str(file)


@pytest.mark.parametrize(
    "line",
    [
        b'{"number": }',
        b'{"number": "1"',
        b'{"number": "\xff"}',
        b"[1]",
        b'{"specversion": "1.0", "id": "1"}',
    ],
)
def test_a_line_that_is_no_event_is_an_error_of_the_file_with_its_line(work: Desk, line: bytes) -> None:
    file = events(work, GOOD.encode(), b"", line)
    said = work.cophub("events", "push", PLACE, file, "--json")
    error = said.json["error"]
    assert (said.code, error["code"], error["where"]) == (65, "event.malformed", f"{file}:3")
    assert list((work.folder / ".cophub").glob("crash-*")) == []
    assert work.cophub("events", "list", "--state", "pending", "--json").json["inbox"] == []


def test_what_came_by_stdin_is_named_so(work: Desk) -> None:
    said = work.cophub("events", "push", PLACE, "-", "--json", stdin=GOOD + "\n{\n")
    assert (said.code, said.json["error"]["where"]) == (65, "stdin:2")


def test_a_worker_says_what_it_did_of_the_inbox(work: Desk) -> None:
    bad = json.dumps(RECORD | {"number": "1002", "name": None})
    work.cophub("events", "push", PLACE, events(work, GOOD.encode(), bad.encode()))
    said = work.cophub("worker", "--once", "--only", "inbox")
    assert "erp-suppliers: 2 events: 2 read, 1 applied, 1 quarantined, 1 created" in said.err
    again = work.cophub("worker", "--once", "--only", "inbox")
    assert "inbox: nothing to apply" in again.err


def test_a_worker_tells_a_program_too(work: Desk, tmp_path: Path) -> None:
    work.cophub("events", "push", PLACE, events(work, GOOD.encode()))
    told = work.cophub("worker", "--once", "--json").json["inbox"]
    assert [(name, one["events"], one["created"]) for name, one in told.items()] == [("erp-suppliers", 1, 1)]
