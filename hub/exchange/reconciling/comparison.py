"""A review side by side: what the record says, beside what each candidate is now.

Values of level 3 and above are masked, as declared or derived from what a field reads (P10).
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.errors import HubError
from hub.exchange.ground import Hub
from hub.exchange.keytokens import Keys
from hub.exchange.quarantine import read_original
from hub.mapping.compile import Compiled, compile_mapping
from hub.mapping.evaluate import evaluate
from hub.mapping.lineage import lineage
from hub.mapping.single import memory, relation
from hub.security.masking import NOBODY, Sight, level_in, mask
from hub.store import reviews
from hub.store.meant import referred_entities
from hub.store.reports import Entry, find_entry, key_texts, values_of
from hub.store.reviews import Candidate, Review
from hub.workspace.shape import ModelFile


@dataclass(frozen=True, slots=True)
class Cell:
    """A candidate's value of one field; ``likeness`` is None where the rule did not compare it."""

    value: Any
    differs: bool
    likeness: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One field: what the record says, and the candidates beside it."""

    field: str
    level: str
    incoming: Any
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One candidate as people name it."""

    number: int
    entity: uuid.UUID | None
    other_key: str | None
    called: str
    rule: str
    score: float


@dataclass(frozen=True, slots=True)
class Compared:
    """Everything one needs to decide. ``note`` says why the record's values are not there."""

    review: Review
    entry: Entry
    sides: tuple[Side, ...]
    lines: tuple[Line, ...]
    note: str
    said: tuple[Mapping[str, Any], ...]


def compare(hub: Hub, review: Review, sight: Sight = NOBODY) -> Compared:
    """The record and its candidates, field by field, as ``sight`` may see them."""
    entry = find_entry(hub.database, str(review.id))
    found = reviews.candidates(hub.database, review.id)
    model = hub.workspace.model(review.model)
    mapping = hub.workspace.mapping(review.exchange)
    compiled = next(one for one in compile_mapping(mapping, hub.workspace) if one.output == review.model)
    incoming, note = _incoming(hub, compiled, review.key, entry.original)
    golden = values_of(hub.database, review.model, [one.entity for one in found if one.entity])
    others = _others(hub, compiled, review, found)
    names = key_texts(hub.database, review.model, golden)
    system = compiled.source.partition(".")[0]
    rows = [_row(golden, others, one) for one in found]
    levels = {one.field: one.level for one in lineage(compiled, hub.workspace)}
    lines = _Lines(hub, model, system, levels, sight).compare(incoming, rows, found)
    keys = Keys(hub, sight)
    other = {one.number: keys.shown(review.exchange, one.other_key or "") for one in found}
    sides = tuple(
        Side(
            one.number,
            one.entity,
            other[one.number] or None,
            names.get(one.entity, "") if one.entity else f"record {other[one.number]}",
            one.rule,
            one.score,
        )
        for one in found
    )
    said = tuple(reviews.decisions(hub.database, review.source, review.key))
    review = dataclasses.replace(review, key=keys.shown(review.exchange, review.key))
    return Compared(review, entry, sides, tuple(lines), note, said)


def _row(
    golden: Mapping[uuid.UUID, Mapping[str, Any]], others: Mapping[str, Mapping[str, Any]], one: Candidate
) -> Mapping[str, Any]:
    if one.entity is not None:
        return golden.get(one.entity, {})
    return others.get(one.other_key or "", {})


def _others(
    hub: Hub, compiled: Compiled, review: Review, found: Sequence[Candidate]
) -> dict[str, Mapping[str, Any]]:
    """What other records of the same source say, where they are held back too."""
    keys = [one.other_key for one in found if one.other_key]
    originals = reviews.originals(hub.database, review.source, keys)
    return {key: _incoming(hub, compiled, key, original)[0] for key, original in originals.items()}


def _incoming(hub: Hub, compiled: Compiled, key: str, original: str | None) -> tuple[dict[str, Any], str]:
    """The record as its mapping gives it, or why it cannot be shown."""
    if not original:
        return {}, "the original of the record was not kept"
    try:
        record = json.loads(read_original(hub.keep, original))
    except HubError as error:
        return {}, f"the original of the record cannot be read: {error.message}"
    with memory() as con:
        evaluate(con, compiled, relation(con, compiled, hub.workspace, [record]))
        cursor = con.execute("SELECT * FROM mapped")
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    mine = [row for row in rows if row["_key"] == key] or (rows if len(rows) == 1 else [])
    if not mine:
        return {}, "the mapping gives no such output of the record any more"
    return {name: value for name, value in mine[0].items() if not name.startswith("_")}, ""


@dataclass(frozen=True, slots=True)
class _Lines:
    """Values as people may see them, compared as they are."""

    hub: Hub
    model: ModelFile
    system: str
    levels: Mapping[str, str]
    sight: Sight

    def compare(
        self, incoming: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], found: Sequence[Candidate]
    ) -> list[Line]:
        likeness = [json.loads(one.why or "{}") for one in found]
        lines = []
        for name, field in self.model.fields.items():
            said = self._resolved(name, incoming.get(name)) if name in incoming else None
            cells = []
            for row, why in zip(rows, likeness, strict=True):
                value = _plain(row.get(name), field.many or field.type == "json")
                if not isinstance(value, uuid.UUID):
                    value = self._resolved(name, value)
                told = why.get(name)
                cells.append(
                    Cell(
                        self._shown(name, value),
                        name in incoming and not _same(said, value),
                        told.get("likeness") if isinstance(told, dict) else None,
                    )
                )
            if said is not None or any(cell.value is not None for cell in cells):
                level = self.levels.get(name) or field.level or ""
                lines.append(Line(name, level, self._shown(name, said), tuple(cells)))
        return lines

    def _resolved(self, name: str, value: Any) -> Any:
        """A reference by its source key becomes the entity, where that is known."""
        field = self.model.fields[name]
        if field.type != "ref" or field.many or not field.model or not isinstance(value, str):
            return value
        return referred_entities(self.hub.database, self.system, field.model, [value]).get(value, value)

    def _shown(self, name: str, value: Any) -> Any:
        field = self.model.fields[name]
        if isinstance(value, uuid.UUID) and field.model:
            value = key_texts(self.hub.database, field.model, [value]).get(value, str(value))
        level = max(self.levels.get(name) or "", level_in(self.hub.workspace.models, field))
        return mask(value, level, field, self.sight)


def _plain(value: Any, listed: bool) -> Any:
    return json.loads(value) if listed and isinstance(value, str) else value


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or (one is not None and other is not None and str(one) == str(other))
