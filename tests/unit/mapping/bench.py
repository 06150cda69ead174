"""A workspace small enough for one test, and records run through one of its mappings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.contract import Field, Resource, Settings, Spec
from hub.mapping.compile import Compiled, compile_mapping
from hub.mapping.evaluate import Evaluated, evaluate
from hub.mapping.lookups import Provider
from hub.mapping.single import memory, relation
from hub.workspace.shape import CodesFile, HubFile, MappingFile, ModelFile, TestCase
from hub.workspace.workspace import System, Workspace

COUNTRY: dict[str, Any] = {
    "codes": "country",
    "values": {"DE": "Germany", "CN": "China", "NO": "Norway"},
    "systems": {"hr": {"GER": "DE", "D": "DE"}, "crm": {"276": "DE"}},
}
PERSON: dict[str, Any] = {
    "model": "person",
    "key": ["no"],
    "level": "L1",
    "fields": {
        "no": {"required": True},
        "name": {},
        "born": {"type": "date"},
        "count": {"type": "integer"},
        "pay": {"type": "decimal", "digits": 8, "scale": 2, "level": "L3"},
        "country": {"type": "code", "list": "country"},
        "seen": {"type": "datetime"},
        "boss": {"type": "ref", "model": "person"},
        "tags": {"many": True},
        "more": {"type": "json"},
        "active": {"type": "boolean"},
    },
}


def workspace(
    *mappings: dict[str, Any],
    models: Sequence[dict[str, Any]] = (PERSON,),
    codes: Sequence[dict[str, Any]] = (COUNTRY,),
    fields: Mapping[str, tuple[Field, ...]] | None = None,
    tests: Mapping[str, Sequence[dict[str, Any]]] | None = None,
) -> Workspace:
    """Systems hr and crm whose resources have the key Id and the fields given (any, where none are)."""

    def describe(context: Any, settings: Any, name: str, resource: Any) -> Resource:
        return Resource(name, ("Id",), fields=(fields or {}).get(name, ()), writable=True)

    spec = Spec("desk", "Desk", "", Settings, Settings, lambda *_: None, describe, writes=True)
    systems = {
        name: System(name, "", "on", "desk", spec, Settings(), {}, Path()) for name in ("hr", "crm", "erp")
    }
    return Workspace(
        folder=Path(),
        environment=None,
        hub=HubFile(hub="test"),
        models={one["model"]: ModelFile.model_validate(one) for one in models},
        systems=systems,
        mappings={one["mapping"]: MappingFile.model_validate(one) for one in mappings},
        codes={one["codes"]: CodesFile.model_validate(one) for one in codes},
        tests={
            name: tuple(TestCase.model_validate(case) for case in cases)
            for name, cases in (tests or {}).items()
        },
        hash="",
    )


def inbound(fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A mapping from hr.people into person that gives the number and the fields named."""
    return {
        "mapping": "people",
        "from": "hr.people",
        "into": "person",
        "fields": {"no": "Id", **fields},
        **more,
    }


@dataclass(frozen=True)
class Ran:
    """What came of some records: counts, outputs and problems."""

    counts: Evaluated
    rows: list[dict[str, Any]]
    problems: list[dict[str, Any]] = field(default_factory=list)

    @property
    def codes(self) -> list[tuple[str, str, str]]:
        """Key, field and code of each problem."""
        return sorted((one["key"], one["field"], one["code"]) for one in self.problems)


def compiled(mapping: dict[str, Any], output: int = 0, **more: Any) -> Compiled:
    there = workspace(mapping, **more)
    return compile_mapping(there.mapping(mapping["mapping"]), there)[output]


def run(
    mapping: dict[str, Any],
    *records: dict[str, Any],
    output: int = 0,
    provider: Provider | None = None,
    **more: Any,
) -> Ran:
    """Run records through one output; rows and problems are as JSON, in the order of their keys."""
    there = workspace(mapping, **more)
    one = compile_mapping(there.mapping(mapping["mapping"]), there)[output]
    with memory() as con:
        counts = evaluate(con, one, relation(con, one, there, records), provider)
        rows, problems = (
            [
                json.loads(text)
                for (text,) in con.execute(f"SELECT to_json(t) FROM {name} t ORDER BY ALL").fetchall()
            ]
            for name in ("mapped", "rejected")
        )
    return Ran(counts, rows, problems)


def values(rules: dict[str, Any], record: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The output of one record that must be mapped."""
    ran = run(inbound(rules), {"Id": "1", **record}, **more)
    assert ran.problems == []
    return ran.rows[0]
