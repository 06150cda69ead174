"""What people and systems get wrong: each is told with a stable code, the place and what to do; nothing is
lost and nobody sees a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.conftest import Make
from tests.faults.landscape import party
from tests.faults.matrix import row

MAPPING = "mappings/crm-parties.yaml"
# What is spoiled: file, text, its replacement; and the finding: line, column, code, a word of the hint.
SPOILED = {
    "an unknown key": (MAPPING, "unmatched:", "unmatchd:", 6, 1, "key.unknown", "unmatched"),
    "an unknown model field": (MAPPING, "name: name", "nmae: name", 4, 20, "reference.field", "name?"),
    "an unknown source field": (MAPPING, "name: name", "name: nmae", 4, 26, "field.unknown", "name?"),
    "an unknown system": (MAPPING, "crm.accounts", "cmr.accounts", 2, 7, "reference.system", "crm?"),
    "an unknown resource": (MAPPING, "crm.accounts", "crm.acounts", 2, 7, "reference.resource", "accounts?"),
    "an unknown function": (MAPPING, "lower(", "lwoer(", 4, 78, "function.unknown", "lower?"),
    "a duplicate key": (MAPPING, "into: party", "into: party\ninto: x", 4, 1, "yaml.duplicate", "remove"),
    "an alias": (MAPPING, "into: party", "into: &a party", 3, 7, "yaml.alias", "write the value out"),
    "a subquery": (
        *(MAPPING, "name: name", 'name: "(SELECT max(name) FROM e_party)"'),
        *(4, 27, "expression.forbidden", "with:"),
    ),
    "a file read": (
        *(MAPPING, "name: name", "name: read_csv('/etc/passwd')"),
        *(4, 26, "expression.forbidden", "one record"),
    ),
    "attach": (MAPPING, "name: name", "name: ATTACH 'x.db'", 4, 26, "expression.forbidden", '"ATTACH"'),
    "set": (MAPPING, "name: name", "name: SET threads = 9", 4, 26, "expression.forbidden", '"SET"'),
    "a comma in braces": (
        *(MAPPING, "lower(email)", "coalesce(email, name)"),
        *(4, 94, "value.type", "quotes"),
    ),
    "a secret in plain text": (
        *("config/systems/crm.yaml", "secret://crm/key", "hunter2"),
        *(4, 44, "secret.plain", "secret://"),
    ),
}
BOMB = "\na: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: [*c, *c, *c, *c]\n"


@pytest.mark.parametrize("what", SPOILED)
def test_a_spoiled_file_is_told_with_line_and_hint(landscape: Make, what: str):
    made = landscape()
    name, old, new, line, column, code, hint = SPOILED[what]
    path = made.folder / name
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1))
    ran = made.cophub("check")
    assert ran.status == 1
    (found,) = [one for one in ran.answer["findings"] if one["level"] == "error"]
    assert (found["path"], found["line"], found["code"]) == (name, line, code)
    assert abs(found["column"] - column) <= 8
    assert hint in found["hint"]
    assert "hunter2" not in ran.out + ran.err
    refused = made.run("crm-parties", "--initial")
    assert refused.status == 65
    assert "Traceback" not in refused.err


def test_an_alias_bomb_is_refused_before_it_grows(landscape: Make):
    made = landscape()
    path = made.folder / "config" / "hub.yaml"
    path.write_text(path.read_text() + BOMB)
    ran = made.cophub("check")
    assert ran.status == 1
    assert {one["code"] for one in ran.answer["findings"]} >= {"yaml.alias"}


def record(**more: Any) -> bytes:
    return json.dumps(party(1, **more)).encode() + b"\n"


# Content of the file; the code and the place of the error.
TORN: dict[str, tuple[bytes, str, str]] = {
    "a torn last line": (record() + b'{"code": "P2", "na', "file.torn", "in/parties.ndjson:2"),
    "a malformed line in the middle": (
        record() + b'\n{"code": "P2", "name": oops}\n' + record(code="P3"),
        *("record.malformed", "in/parties.ndjson:3"),
    ),
    "invalid UTF-8": (
        record() + b'{"code": "P2", "name": "\xff\xfe"}\n' + record(code="P3"),
        *("record.malformed", "in/parties.ndjson:2"),
    ),
    "a record over the cap": (
        record() + b'{"code": "P2", "name": "' + b"x" * (9 << 20) + b'"}\n',
        *("record.large", "in/parties.ndjson:2"),
    ),
    "an array": (b'[{"code": "P2"}]\n', "json.shape", "in/parties.ndjson:1"),
}


@row(31, "a torn or malformed line")
@row(30, "a record over the cap")
@pytest.mark.parametrize("what", TORN)
def test_a_file_that_cannot_be_read_to_its_end_is_not_read_at_all(landscape: Make, what: str):
    made = landscape()
    content, code, where = TORN[what]
    (made.folder / "data" / "in" / "parties.ndjson").write_bytes(content)
    ran = made.run("files-parties", "--initial")
    assert (ran.status, ran.error["code"], ran.error["where"]) == (70, code, where)
    assert ran.error["hint"]
    assert "Traceback" not in ran.err
    assert str(made.folder / ".cophub") not in ran.out + ran.err
    assert made.select("SELECT count(*) FROM e_party") == [(0,)]
    assert made.select("SELECT count(*) FROM watermark") == [(0,)]
    made.write([party(1)])
    assert made.run("files-parties", "--initial").counts["created"] == 1


@row(31, "a torn CSV")
def test_a_csv_with_a_torn_last_line_is_not_read_at_all(landscape: Make):
    made = landscape()
    system = made.folder / "config" / "systems" / "files.yaml"
    system.write_text(system.read_text().replace("in/parties*.ndjson", "in/parties.csv"))
    header = "code,name,country,parent,credit,phone,salary,email\n"
    source = made.folder / "data" / "in" / "parties.csv"
    source.write_text(header + "P1,One,DE,,1,,1,\nP2,Tw")
    ran = made.run("files-parties", "--initial")
    assert (ran.status, ran.error["code"], ran.error["where"]) == (70, "file.torn", "in/parties.csv:3")
    assert ran.error["hint"]
    assert made.select("SELECT count(*) FROM e_party") == [(0,)]
    source.write_text(header + "P1,One,DE,,1,,1,\nP2,Two,DE,,1,,1,\n")
    assert made.run("files-parties", "--initial").counts["created"] == 2


@row(31, "one of several files")
def test_of_several_files_the_one_with_the_bad_line_is_named(landscape: Make):
    made = landscape()
    made.write([party(1), party(2)])
    (made.folder / "data" / "in" / "parties-2.ndjson").write_bytes(record(code="P3") + b"{bad}\n")
    (made.folder / "data" / "in" / "parties-3.ndjson").write_bytes(record(code="P4"))
    ran = made.run("files-parties", "--initial")
    assert (ran.error["code"], ran.error["where"]) == ("record.malformed", "in/parties-2.ndjson:2")


# Fields of one record; the code and the field of its quarantine entry.
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "a number that does not parse": ({"credit": "12,5"}, "value.invalid", "credit"),
    "a missing value": ({"name": None}, "required", "name"),
    "a text too long": ({"country": "GERMANY"}, "value.too_long", "country"),
    "no e-mail address": ({"email": "x"}, "format.email", "email"),
    "a NUL character": ({"name": "a\0b"}, "value.nul", "name"),
    "a reference to nobody": ({"parent": "P9"}, "ref.missing", "parent"),
    "no key": ({"code": None}, "key.missing", "code"),
}


@row(28, "each kind of bad value")
@pytest.mark.parametrize("what", BAD)
def test_a_bad_record_is_set_aside_alone_with_its_place_and_remedy(landscape: Make, what: str):
    made = landscape()
    fields, code, name = BAD[what]
    made.write([party(1), party(2, **fields), party(3)])
    ran = made.run("files-parties", "--initial")
    assert (ran.status, ran.counts["created"]) == (0, 2)
    (held,) = made.select("SELECT code, field, position FROM quarantine")
    assert held == (code, name, "in/parties.ndjson:2")
    told = made.cophub("quarantine", "files-parties").answer
    assert told["causes"][0]["code"] == code
    made.write([party(1), party(2), party(3)])
    again = made.run("files-parties", "--full", "--initial")
    assert (again.status, again.counts["created"], again.counts["quarantined"]) == (0, 1, 0)
    assert made.select("SELECT count(*) FROM quarantine WHERE state <> 'resolved'") == [(0,)]


@row(28, "NUL on PostgreSQL")
def test_a_poison_record_does_not_fail_the_load_on_postgresql(
    landscape: Make, postgres_store: Callable[[], str]
):
    made = landscape(store=postgres_store())
    made.write([party(1), party(2, name="a\0b"), party(3, code="P\0")])
    ran = made.run("files-parties", "--initial")
    assert (ran.status, ran.counts["created"], ran.counts["quarantined"]) == (0, 1, 2)


@row(32, "an empty file")
def test_an_empty_file_takes_nothing_away(landscape: Make):
    made = landscape()
    assert made.run("files-parties", "--initial").status == 0
    before = made.hub()["golden"]
    made.write([])
    ran = made.run("files-parties", "--full")
    assert (ran.status, ran.counts["read"]) == (0, 0)
    assert made.hub()["golden"] == before


def test_a_missing_file_is_waited_for(landscape: Make):
    made = landscape()
    (made.folder / "data" / "in" / "parties.ndjson").unlink()
    ran = made.run("files-parties", "--initial")
    assert (ran.status, ran.error["code"], ran.error["where"]) == (75, "file.missing", "in/parties*.ndjson")
    assert ran.error["hint"]


@row(41, "a closed port")
def test_a_host_that_does_not_answer_is_tried_again_later(landscape: Make):
    ran = landscape().run("crm-parties", "--initial")
    assert (ran.status, ran.error["code"]) == (75, "http.unreachable")
    assert ran.error["where"] == "GET 127.0.0.1:9/api/v2/accounts"
    assert "proxy" in ran.error["hint"]


@row(37, "wrong credentials are tried once")
def test_wrong_credentials_are_told_once_and_not_shown(landscape: Make):
    made = landscape("crm")
    assert made.cophub("secrets", "set", "crm/key", given="canary-of-the-key").status == 0
    ran = made.run("crm-parties", "--initial")
    assert (ran.status, ran.error["code"]) == (77, "auth.refused")
    assert ran.error["hint"]
    assert made.simulators["crm"].log.count("request") == 1
    assert "canary-of-the-key" not in ran.out + ran.err
