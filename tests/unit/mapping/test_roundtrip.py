"""What goes out to a system and comes back: lossy round trips, and cycles in which nobody knows the echo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.errors import Finding
from hub.mapping.check import check
from hub.workspace.load import lint
from tests.unit.mapping.bench import COUNTRY, PERSON, workspace
from tests.unit.workspace.desk import CONNECTORS, write

ONE_TO_ONE = {**COUNTRY, "systems": {"hr": {"GER": "DE", "CHN": "CN", "NOR": "NO"}}}
MODEL = {**PERSON, "fields": {**PERSON["fields"], "first": {}}}


def found(
    out: Any, back: Any, field: str = "name", code: str = "roundtrip.lossy", **more: Any
) -> list[Finding]:
    """Findings of one field that goes out to hr.people.X and comes back."""
    sent = {
        "mapping": "out",
        "from": "person",
        "into": "hr.people",
        "key": "Id",
        "fields": {"Id": "no", "X": out},
    }
    read = {
        "mapping": "back",
        "from": "hr.people",
        "into": "person",
        "match": [["no"]],
        "fields": {"no": "Id", field: back},
        "unmatched": "create",
    }
    return [one for one in check(workspace(sent, read, models=(MODEL,), **more)) if one.code == code]


@pytest.mark.parametrize(
    ("field", "out", "back"),
    [
        ("name", "name", "X"),
        ("name", "'no. ' || name", "substr(X, 5)"),
        ("born", "strftime(born, '%Y%m%d')", "parse_date(X, '%Y%m%d')"),
        ("active", "if(active, 'Y', 'N')", "X = 'Y'"),
        ("count", "count + 1", "CAST(X AS INTEGER) - 1"),
    ],
)
def test_what_comes_back_as_it_was_is_no_finding(field: str, out: str, back: str) -> None:
    assert found(out, back, field) == []


@pytest.mark.parametrize(
    ("field", "out", "back", "proof"),
    [
        ("name", "name", "trim(X)", '" Acme " arrives as " Acme " and comes back as "Acme"'),
        ("name", "upper(name)", "X", "comes back as"),
        ("name", "substr(name, 1, 40)", "X", "(300 characters)"),
        ("name", "name || ' ' || first", "X", "several fields (first, name)"),
        ("pay", "round(pay, 0)", "X", "comes back as"),
        ("count", "count / 10", "X", "comes back as"),
        ("born", "year(born)", "make_date(CAST(X AS INTEGER), 1, 1)", "comes back as"),
    ],
)
def test_a_value_that_comes_back_otherwise_is_the_proof(field: str, out: str, back: str, proof: str) -> None:
    (one,) = found(out, back, field)
    assert one.level == "error"
    assert proof in one.message
    assert f"person.{field} goes out as hr.people.X" in one.message


def test_a_code_list_must_be_one_to_one() -> None:
    expressions = ("code('country', country)", "code('country', X)", "country")
    assert found(*expressions, codes=(ONE_TO_ONE,)) == []
    twice = {**COUNTRY, "systems": {"hr": {"GER": "DE", "D": "DE"}}}
    (one,) = found(*expressions, codes=(twice,))
    assert "the code list country has GER and D of hr for DE" in one.message


def test_what_is_declared_or_goes_one_way_is_no_finding() -> None:
    assert found({"value": "upper(name)", "lossy": "the HR has capitals only"}, "X") == []
    assert found("upper(name)", {"value": "X", "lossy": "known"}) == []
    assert found("upper(name)", {"value": "X", "strength": "weak"}) == []


def test_another_source_that_is_trusted_more_makes_it_one_way() -> None:
    strong = {
        "mapping": "owner",
        "from": "crm.people",
        "into": "person",
        "fields": {"name": {"value": "N", "strength": "strong"}},
    }
    base = {"mapping": "out", "from": "person", "into": "hr.people", "key": "Id"}
    sent = {**base, "fields": {"Id": "no", "X": "upper(name)"}}
    read = {"mapping": "back", "from": "hr.people", "into": "person", "fields": {"name": "X"}}
    codes = [one.code for one in check(workspace(sent, read, strong))]
    assert "roundtrip.lossy" not in codes


def test_the_message_tells_both_files_and_lines(tmp_path: Path) -> None:
    out = "mapping: out\nfrom: supplier\ninto: erp.Supplier\nkey: NO\nfields:\n  NO: code\n  NAME: upper(name)\n"
    back = "mapping: back\nfrom: erp.Supplier\ninto: supplier\nfields:\n  name: NAME\n"
    files = {"mappings/out.yaml": out, "mappings/back.yaml": back}
    there, problems = lint(write(tmp_path, files), connectors=CONNECTORS)
    assert there is not None, problems
    (one,) = [one for one in check(there) if one.code == "roundtrip.lossy"]
    assert (one.path, one.line) == ("mappings/back.yaml", 5)
    assert "mappings/out.yaml:7" in one.message


# ---------------------------------------------------------------- cycles


def circle(**read: Any) -> list[str]:
    sent = {
        "mapping": "out",
        "from": "person",
        "into": "hr.people",
        "key": "Ext",
        "fields": {"Ext": "no", "N": "name"},
    }
    back = {
        "mapping": "back",
        "from": "hr.people",
        "into": "person",
        "fields": {"no": "Nr", "name": "N"},
        "unmatched": "create",
    }
    return [one.message for one in check(workspace(sent, {**back, **read})) if one.code == "exchange.cycle"]


def test_an_echo_that_is_known_by_its_key_or_a_match_rule_is_no_cycle() -> None:
    assert circle() == []  # by the resource's own key, which the target answers to a create
    assert circle(key="Ext") == []
    assert circle(key="Other", match=[["name"]]) == []
    assert circle(key="Other", unmatched="ignore") == []


def test_an_echo_that_nobody_knows_is_a_cycle() -> None:
    (message,) = circle(key="Other")
    assert "person → hr.people" in message
    assert "second entity" in message
    assert len(circle(key="Other", match=[["no"]])) == 1  # no comes back from another field


def test_a_way_back_through_another_model_is_a_cycle() -> None:
    note = {"model": "note", "key": ["no"], "fields": {"no": {}, "text": {}}}
    ways = [
        ("a", "person", "hr.p", {"Id": "no", "N": "name"}, {"key": "Id"}),
        ("b", "hr.p", "note", {"no": "Id", "text": "N"}, {}),
        ("c", "note", "crm.n", {"Id": "no", "T": "text"}, {"key": "Id"}),
        ("d", "crm.n", "person", {"name": "T"}, {}),
    ]
    mappings = [
        {"mapping": name, "from": start, "into": end, "fields": fields, **more}
        for name, start, end, fields, more in ways
    ]
    messages = [
        one.message
        for one in check(workspace(*mappings, models=(PERSON, note)))
        if one.code == "exchange.cycle"
    ]
    assert "a cycle: person.name → hr.p.N → note.text → crm.n.T → person.name" in messages
    mappings.pop()
    assert "exchange.cycle" not in [one.code for one in check(workspace(*mappings, models=(PERSON, note)))]
