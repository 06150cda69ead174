"""Round trips: a model's field goes out to a system by one expression and comes back by another.

What goes out and comes back must be what it was (the law of put and get): otherwise a value changes by
travelling. Sample values are sent through both expressions; where a value comes back otherwise, that is a
finding with the value as its proof, unless it is declared (``lossy: REASON``) or one-way: the field that comes
back is weak, or another source of it is trusted more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from hub.errors import ConfigError
from hub.mapping.compile import Column, Compiled
from hub.mapping.evaluate import evaluate
from hub.mapping.single import memory, relation
from hub.workspace.shape import FieldRule, ModelField
from hub.workspace.workspace import Workspace

STRENGTH = ("strong", "normal", "weak")
TEXTS = (" Acme ", "acme Ltd", "ACME", "Straße 北京", "a, b; c", "00712", "12.50", "X" * 300)
FORMS = {
    "email": ("Ann.Lee@Example.com", "bob@example.org"),
    "phone": ("+49 30 123-456", "030123456"),
    "url": ("https://example.com/A?b=C",),
}
VALUES: Mapping[str, tuple[Any, ...]] = {
    "integer": (0, 7, -12, 1234567),
    "decimal": ("0.1", "-12.3456", "98765.4321"),
    "boolean": (True, False),
    "date": ("1999-12-31", "2026-02-28"),
    "datetime": ("2026-02-28T13:14:15Z",),
}


@dataclass(frozen=True, slots=True)
class Trip:
    """A field of a model that goes out (``out`` in ``sent``) and comes back (``back`` in ``read``)."""

    sent: Compiled
    out: Column
    read: Compiled
    back: Column

    @property
    def field(self) -> str:
        return self.back.name

    @property
    def there(self) -> str:
        """The foreign field on the way."""
        return f"{self.sent.output}.{self.out.name}"


def trips(compilations: Mapping[str, list[Compiled]]) -> Iterator[Trip]:
    """All round trips through the same field of the same resource."""
    outputs = [one for several in compilations.values() for one in several]
    for sent in (one for one in outputs if one.direction == "outbound"):
        for read in outputs:
            if read.direction != "inbound" or read.source != sent.output or read.output != sent.source:
                continue
            for back in read.columns:
                for out in sent.columns:
                    if out.name in back.inputs and back.name in _plain(out.inputs):
                        yield Trip(sent, out, read, back)


def _plain(paths: Sequence[str]) -> set[str]:
    return {path.replace("[]", "") for path in paths}


def lossy(workspace: Workspace, compilations: Mapping[str, list[Compiled]]) -> Iterator[tuple[Trip, str]]:
    """Trips that lose something and neither say so nor go one way only; with what is lost."""
    found = [trip for trip in trips(compilations) if not _settled(workspace, compilations, trip)]
    found = [trip for trip in found if not (_bare(trip.out) and _bare(trip.back))]
    if not found:
        return
    with memory() as con:
        for trip in found:
            several = sorted(_plain(trip.out.inputs))
            if len(several) > 1:
                yield trip, f"it is made of several fields ({', '.join(several)}) on its way out"
            elif loss := _doubled(workspace, trip) or _broken_law(con, workspace, trip):
                yield trip, loss


def _bare(column: Column) -> bool:
    return column.expression.plain


def _rule(workspace: Workspace, compiled: Compiled, column: Column) -> FieldRule:
    return workspace.mappings[compiled.mapping].outputs[compiled.number].fields[column.name]


def _settled(workspace: Workspace, compilations: Mapping[str, list[Compiled]], trip: Trip) -> bool:
    """Declared, or one-way: what comes back can only fill what is empty, or is outranked."""
    if _rule(workspace, trip.sent, trip.out).lossy or _rule(workspace, trip.read, trip.back).lossy:
        return True
    if trip.back.strength == "weak":
        return True
    mine = _claim(workspace, trip.read, trip.back)
    return any(
        one.output == trip.read.output
        and one.mapping != trip.read.mapping
        and column.name == trip.field
        and _claim(workspace, one, column) < mine
        for several in compilations.values()
        for one in several
        for column in one.columns
    )


def _claim(workspace: Workspace, compiled: Compiled, column: Column) -> tuple[int, int]:
    rank = column.field.rank if column.field else []
    names = (compiled.mapping, compiled.source.partition(".")[0])
    place = min((rank.index(one) for one in names if one in rank), default=len(rank))
    return STRENGTH.index(column.strength), place


def _doubled(workspace: Workspace, trip: Trip) -> str:
    """A code list in which the system has two values for one of the hub's: one of them comes back as the other."""
    system = trip.sent.output.partition(".")[0]
    for name in sorted(set(trip.out.expression.codes) & set(trip.back.expression.codes)):
        theirs: dict[str, list[str]] = {}
        for value, ours in workspace.codes[name].systems.get(system, {}).items():
            theirs.setdefault(ours, []).append(value)
        for ours, values in theirs.items():
            if len(values) > 1:
                return f"the code list {name} has {' and '.join(values)} of {system} for {ours}"
    return ""


# ---------------------------------------------------------------- put and get


def _broken_law(con: duckdb.DuckDBPyConnection, workspace: Workspace, trip: Trip) -> str:
    """A value that comes back otherwise, as a sentence; empty where none does or none can be tried."""
    samples = _samples(workspace, trip.back.field)
    lookups = (*trip.out.guards, *trip.back.guards)
    if not samples or trip.sent.each or trip.read.each or any(one.lookup.pairs is None for one in lookups):
        return ""
    try:
        sent = _through(con, workspace, trip.sent, trip.out, [{trip.field: one} for one in samples])
        records = [_nested(trip.out.name, value) for value in sent]
        came = _through(con, workspace, trip.read, trip.back, records)
        kept = _through(con, workspace, trip.sent, None, [{trip.field: one} for one in samples], trip.field)
    except (ConfigError, duckdb.Error):  # what does not run is found by the checks of types
        return ""
    for value, there, back in zip(kept, sent, came, strict=True):
        if back != value and value is not REJECTED and there is not REJECTED:
            return f"{_shown(value)} arrives as {_shown(there)} and comes back as {_shown(back)}"
    return ""


REJECTED = object()


def _through(
    con: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    compiled: Compiled,
    column: Column | None,
    records: Sequence[Mapping[str, Any]],
    own: str = "",
) -> list[Any]:
    """What each record becomes in one column, or its ``own`` field as it is; REJECTED where it does not."""
    lookups = tuple(dict.fromkeys(guard.lookup for guard in column.guards)) if column else ()
    alone = replace(
        compiled,
        columns=(column,) if column else (),
        checks=(),
        where="",
        conditions=(),
        joins=(),
        lookups=lookups,
    )
    rows = relation(con, alone, workspace, records)
    hashes = [hash_ for (hash_,) in con.execute("SELECT hash(raw) FROM given").fetchall()]
    if column is None:
        found = dict(con.execute(f'SELECT hash, r."{own}" FROM ({rows})').fetchall())
    else:
        evaluate(con, alone, rows)
        found = dict(con.execute(f'SELECT _hash, "{column.name}" FROM mapped').fetchall())
    return [found.get(one, REJECTED) for one in hashes]


def _nested(path: str, value: Any) -> dict[str, Any]:
    """A foreign record that holds the value alone."""
    record: Any = None if value is REJECTED else value
    for part in reversed(path.split(".")):
        record = {part: record}
    return dict(record)


def _samples(workspace: Workspace, field: ModelField | None) -> list[Any]:
    if field is None or field.many:
        return []
    if field.type == "code" and field.list_ and field.list_ in workspace.codes:
        return list(workspace.codes[field.list_].values)
    if field.type != "text":
        return list(VALUES.get(field.type, ()))
    texts = FORMS.get(field.format or "", TEXTS)
    texts = tuple(text[: field.max_length] for text in texts)
    return [text for text in texts if field.pattern is None or re.fullmatch(field.pattern, text)]


def _shown(value: Any) -> str:
    text = (
        "nothing"
        if value is None or value is REJECTED
        else json.dumps(value, ensure_ascii=False, default=str)
    )
    return text if len(text) <= 40 else f"{text[:20]}…{text[-8:]} ({len(text) - 2} characters)"
