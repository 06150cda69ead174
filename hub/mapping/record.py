"""The shape of the record an expression reads, and which parts of it are read.

A path is a tuple of field names in which ``"[]"`` stands for "each element of this list":
``("to_Address", "[]", "Country")``. Its text is ``to_Address[].Country``.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from hub.contract import Field
from hub.workspace.shape import ModelField, ModelFile

Path = tuple[str, ...]
Structure: TypeAlias = "str | list[Structure] | dict[str, Structure]"
ELEMENT = "[]"
WHOLE = "{}"
"""At the end of a path: the whole object, as JSON."""

SQL_TYPES = {
    "integer": "BIGINT",
    "decimal": "DECIMAL(18,6)",
    "float": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "datetime": "TIMESTAMPTZ",
}
"""DuckDB's types of a foreign record's fields where they are not text, as an expression sees them."""


@dataclass(frozen=True, slots=True)
class Node:
    """One place of a record: its type (``any`` where nobody declared it, ``object`` with fields), and
    whether it is a list. ``fields`` is None where any name is accepted."""

    type: str = "any"
    many: bool = False
    fields: Mapping[str, Node] | None = None
    level: str = ""
    model: str = ""

    @property
    def element(self) -> Node:
        """What one element of this list is; a list nobody declared has elements nobody declared."""
        return replace(self, many=False)

    @property
    def nested(self) -> bool:
        return self.fields is not None or self.type in ("any", "object")


def of_fields(fields: Iterable[Field]) -> Node:
    """The shape of a resource; open where it declares no fields."""
    known = {field.name: _of_field(field) for field in fields}
    return Node("object", fields=known or None)


def _of_field(field: Field) -> Node:
    if field.fields:
        return Node("object", field.many, {inner.name: _of_field(inner) for inner in field.fields})
    return Node("any" if field.type == "json" else field.type, field.many)


def of_model(model: ModelFile) -> Node:
    """The shape of a golden record: typed, with ``id`` where no field has that name."""
    known = {
        name: Node(field.type, field.many, level=field.level or "", model=field.model or "")
        for name, field in model.fields.items()
    }
    return Node("object", fields={"id": Node("id", model=model.model)} | known)


def model_type(field: ModelField) -> str:
    """The DuckDB type of a model's field."""
    types = {
        "text": "VARCHAR",
        "integer": "BIGINT",
        "decimal": f"DECIMAL({field.digits},{min(field.scale, field.digits)})",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "datetime": "TIMESTAMPTZ",
        "code": "VARCHAR",
        "ref": "VARCHAR",
        "content": "VARCHAR",
        "json": "JSON",
    }
    return types[field.type] + ("[]" if field.many else "")


def path_text(path: Path) -> str:
    """``to_Address[].Country`` of a path."""
    text = ""
    for part in path:
        if part == WHOLE:
            continue
        text += part if part == ELEMENT or not text else f".{part}"
    return text


def dotted(paths: Iterable[Path]) -> tuple[str, ...]:
    """The fields to ask a source for, as ``hub.contract.Query`` names them: dotted, without the signs of
    lists, and a list or object not beside fields of its own.

    >>> dotted([("a", "[]"), ("a", "[]", "b"), ("c",)])
    ('a.b', 'c')
    """
    names = {tuple(part for part in path if part not in (ELEMENT, WHOLE)) for path in paths}
    outer = {name[:length] for name in names for length in range(1, len(name))}
    return tuple(sorted(".".join(name) for name in names - outer))


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or a few of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1, 0.6) or [
        other for other in names if other.lower() == name.lower()
    ]
    if near:
        return f"did you mean {near[0]}?"
    shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
    return f"known: {shown}" if names else ""


class OpenFields(dict[str, Node]):
    """Known fields of a record that may have others: any name is accepted."""

    def get(self, key: str, default: object = None) -> Node:
        return super().get(key) or Node()


class Clash(ValueError):
    """The same place is read as a list and as an object, or two names differ only in case."""


@dataclass(frozen=True, slots=True)
class _Tree:
    """Paths grouped by their first part."""

    parts: dict[str, _Tree]


def structure(paths: Iterable[Path]) -> Structure:
    """The paths as the nested structure DuckDB's ``json_transform`` takes; every leaf is VARCHAR, so
    that a value that does not fit its type fails in its own expression and row, not the batch."""
    tree = _Tree({})
    leaves = set(paths)
    for path in leaves:
        here = tree
        for part in path:
            here = here.parts.setdefault(part, _Tree({}))
    return _built(tree.parts, (), leaves)


def _built(tree: Mapping[str, _Tree], at: Path, leaves: set[Path]) -> Structure:
    if not tree:
        return "VARCHAR"
    if WHOLE in tree:
        if len(tree) > 1:
            raise Clash(f"{path_text(at)} is read as a whole and in parts")
        return "JSON"
    if ELEMENT in tree:
        if len(tree) > 1:
            raise Clash(f"{path_text(at)} is read as a list and as an object")
        return [_built(tree[ELEMENT].parts, (*at, ELEMENT), leaves)]
    if at in leaves and at[-1] != ELEMENT:
        raise Clash(f"{path_text(at)} is read as a value and as an object")
    lowered: dict[str, str] = {}
    for name in tree:
        other = lowered.setdefault(name.lower(), name)
        if other != name:
            raise Clash(f"{path_text((*at, other))} and {path_text((*at, name))} differ only in case")
    return {name: _built(tree[name].parts, (*at, name), leaves) for name in sorted(tree)}


def structure_text(shape: Structure) -> str:
    return json.dumps(shape, ensure_ascii=False, separators=(",", ":"))


def structure_type(shape: Structure) -> str:
    """The same structure as a DuckDB type, for empty tables that types are checked against."""
    if isinstance(shape, str):
        return shape
    if isinstance(shape, list):
        return f"{structure_type(shape[0])}[]"
    inner = ", ".join(f"{quoted(name)} {structure_type(part)}" for name, part in shape.items())
    return f"STRUCT({inner})"


def quoted(name: str) -> str:
    """A name as SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL literal."""
    return "'" + text.replace("'", "''") + "'"
