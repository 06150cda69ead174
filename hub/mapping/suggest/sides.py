"""The two sides of a proposal: fields of a model, and fields of a resource with sampled values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from hub.contract import Field
from hub.mapping.suggest.pairs import Side
from hub.mapping.suggest.values import Expected, sampled
from hub.workspace.draft import expression, proposed_level
from hub.workspace.model import ModelField, ModelFile
from hub.workspace.strict import Title
from hub.workspace.workspace import Workspace

DEPTH: Final = 3
DATES: Final = ("date", "datetime")
PLAIN: Final = frozenset({"value", "text", "id", "code", "name", "key", "number", "display"})
"""Names that say nothing without the object they lie within: ``manager.value``."""
MOST_FIELDS: Final = 1500
"""Fields of a resource, those of its objects counted, that are looked at."""


def of_model(
    model: ModelFile, codes: Mapping[str, Collection[str]], golden: Mapping[str, Collection[str]] | None = None
) -> list[Side]:
    """The fields of a model. ``codes`` are what a code list takes, ``golden`` values that entities have already."""
    return [
        Side(
            text=name,
            type=field.type,
            spellings=(name, *_titles(field.title)),
            many=field.many,
            key=name in model.key,
            required=field.required,
            level=field.level or "",
            expected=_expected(
                field, name in model.key, codes.get(field.list_ or "", ()), (golden or {}).get(name, ())
            ),
        )
        for name, field in model.fields.items()
    ]


def _expected(field: ModelField, key: bool, codes: Collection[str], golden: Collection[str]) -> Expected:
    return Expected(
        type=field.type, format=field.format or "", pattern=field.pattern or "", codes=frozenset(codes),
        golden=frozenset(golden), key=key or field.unique, max_length=field.max_length or 0,
    )  # fmt: skip


def _titles(title: Title) -> tuple[str, ...]:
    if isinstance(title, str):
        return (title,) if title else ()
    return tuple(title.values())


def codes_of(workspace: Workspace, model: ModelFile, system: str) -> dict[str, set[str]]:
    """What each code list of a model takes from a system: its words for the values, or the hub's own."""
    made = {}
    for field in model.fields.values():
        codes = workspace.codes.get(field.list_ or "")
        if codes is not None:
            own = codes.systems.get(system, {})
            made[codes.codes] = {*(own or codes.values)}
    return made


def of_fields(fields: Sequence[Field], key: Sequence[str], rows: Sequence[Mapping[str, Any]] = ()) -> list[Side]:
    """The fields of a resource, with those of its objects and of the first of its lists."""
    made = []
    for field, text, path in _flat(fields, "", (), 0):
        steps = [step for step in path if step != "1"]
        plain = len(steps) > 1 and steps[-1].lower() in PLAIN
        within = " ".join(steps[-2:]) if plain else ""
        made.append(Side(
            text=text,
            type=field.type,
            spellings=tuple(dict.fromkeys(one for one in (steps[-1], field.title, within) if one)),
            many=field.many,
            far=len(steps) - 1,
            key=field.name in key,
            level=(proposed_level(steps[-1]) or ("", ""))[0],
            sample=sampled(rows, path),
        ))  # fmt: skip
        if len(made) == MOST_FIELDS:
            break
    return made


def _flat(
    fields: Sequence[Field], before: str, path: tuple[str, ...], depth: int
) -> Iterator[tuple[Field, str, tuple[str, ...]]]:
    for field in fields:
        text = f"{before}{expression(field.name)}"
        if field.fields and depth < DEPTH:
            step = "[1]" if field.many else ""
            here = (*path, field.name, *(("1",) if field.many else ()))
            yield from _flat(field.fields, f"{text}{step}.", here, depth + 1)
        elif field.type != "binary":
            yield field, text, (*path, *field.name.split("."))
