"""Conditions of reactions: expressions over the mapped fields, as SQL over the rows of ``mapped``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hub.mapping.expressions import translate
from hub.mapping.record import Node, of_model, quoted
from hub.mapping.scope import Expression, Scope
from hub.mapping.syntax import Issue
from hub.workspace.matching import SITUATIONS
from hub.workspace.shape import ModelFile, Output

LOOKED_UP = "a condition cannot look up"


def condition(text: str, output: Output, model: ModelFile) -> tuple[Expression | None, tuple[Issue, ...]]:
    """One condition in the scope of what the output maps."""
    known = of_model(model).fields or {}
    record = Node("object", fields={name: node for name, node in known.items() if name in output.fields})
    found, issues = translate(text, Scope(record, typed=True))
    if found is not None and (found.guards or found.ref):
        hint = "map the answer to a field, and let the condition read that"
        return None, (*issues, Issue("reaction.lookup", f"{LOOKED_UP}: {text}", hint))
    return found, issues


def record_of(fields: Sequence[str]) -> str:
    """SQL of the struct ``r`` that conditions read, over a row of ``mapped``."""
    return "{" + ", ".join(f"{_key(name)}: {quoted(name)}" for name in fields) + "}"


def _key(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def steps(output: Output) -> Iterator[tuple[str, int, Any]]:
    """situation, number, step of every written step."""
    for situation in SITUATIONS:
        written = getattr(output, situation)
        if isinstance(written, list):
            for number, step in enumerate(written):
                yield situation, number, step


def creates(output: Output) -> bool:
    """Whether a record that matches nobody may become an entity."""
    written = output.unmatched
    return written == "create" or any(
        step.then == "create" for situation, _, step in steps(output) if situation == "unmatched"
    )
