"""What somebody may see of people and organizations, and on which day."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.exchange.shown import Values
from hub.identity.trees import Tree, Trees
from hub.security.masking import NOBODY, Sight
from hub.store import directory, versions
from hub.workspace.organization import LINE, Dimension
from hub.workspace.people import People

Id = uuid.UUID
Row = Mapping[str, Any]
STATES: Final = {0: "active", 1: "disabled", 2: "deleted", 3: "merged"}


@dataclass(frozen=True, slots=True)
class View:
    """``models`` and ``systems`` that the reader may see, ``roots`` the organizations to which he is confined (None: to
    none), ``moment`` the end of the day that is asked for (None: now). ``sight`` is what he sees in the clear."""

    hub: Hub
    trees: Trees
    models: frozenset[str]
    systems: frozenset[str]
    roots: frozenset[Id] | None = None
    sight: Sight = NOBODY
    moment: dt.datetime | None = None
    day: dt.date | None = None
    seen: dict[tuple[str, str | None], Tree] = field(default_factory=dict)

    @property
    def today(self) -> dt.date:
        """The day that is asked for."""
        return self.day or self.hub.today()

    @property
    def people(self) -> People:
        """ConfigError ``people.undeclared``; ``model.unknown`` where the reader may not see them."""
        people = declared(self.hub)
        if people.model not in self.models:
            raise ConfigError("model.unknown", "the key may not see the model of people", hint="use another key")
        return people

    def dimension(self, name: str) -> Dimension:
        """ConfigError ``dimension.unknown``: there is none, or the reader may not see it."""
        trees = declared(self.hub).trees
        found = trees.get(name)
        if found is None or found.model not in self.models:
            seen = ", ".join(one for one, tree in trees.items() if tree.model in self.models)
            raise ConfigError(
                "dimension.unknown",
                f"there is no dimension {name!r} of organizations",
                where="config/hub.yaml: people",
                hint=f"one of {seen}" if seen else "declare people.organization",
            )
        return found

    def tree(self, dimension: Dimension) -> Tree:
        """The tree of the day, the same all the while that this view lasts."""
        key = (dimension.model, dimension.parent)
        if key not in self.seen:
            self.seen[key] = self.trees.of(dimension, self.moment)
        return self.seen[key]

    def may(self, name: str, tree: Tree, one: Id) -> bool:
        """Whether an organization is one that the reader may see; who is confined sees those of the line alone."""
        return self.roots is None or (name == LINE and tree.inside(one, self.roots))

    def rows(self, model: str, ids: Iterable[Id]) -> dict[Id, Row]:
        """Records as they were on the day."""
        return dict(versions.rows_of(self.hub.database, model, ids, self.moment))

    def values(self, model: str, rows: Sequence[Row]) -> Values:
        """Shows the values of these rows, as far as the reader may see them."""
        fields = self.hub.workspace.models[model].fields
        shown = Values(self.hub, fields, self.sight)
        shown.learn([{name: row.get(name) for name in fields} for row in rows])
        return shown

    def plain(self, model: str, rows: Sequence[Row] = ()) -> Values:
        """Shows values that are no references; those of keys among them, where ``rows`` are given."""
        shape = self.hub.workspace.models[model]
        shown = Values(self.hub, shape.fields, self.sight)
        if any(shape.fields[name].type == "ref" for name in shape.key):
            shown.learn([{name: row.get(name) for name in shape.key} for row in rows])
        return shown

    def key(self, model: str, row: Row, values: Values) -> str:
        """What people call a record: the values of its key, as far as the reader may see them."""
        keys = self.hub.workspace.models[model].key
        return " ".join(str(values.shown(name, row[name])) for name in keys if row[name] is not None)

    def heads(self, name: str, ids: Iterable[Id | None]) -> dict[Id, dict[str, Any]]:
        """Organizations of a dimension in short, as far as the reader may see them: id, key, name, external."""
        dimension = declared(self.hub).trees[name]
        if dimension.model not in self.models:
            return {}
        wanted = {one for one in ids if one is not None}
        if self.roots is not None:
            tree = self.tree(dimension)
            wanted = {one for one in wanted if self.may(name, tree, one)}
        if not wanted:
            return {}
        return self.heads_of(dimension, list(self.rows(dimension.model, wanted).values()))

    def heads_of(self, dimension: Dimension, rows: Sequence[Row]) -> dict[Id, dict[str, Any]]:
        """The same of records at hand: of their id, key, name and what tells that they are external."""
        if dimension.model not in self.models:
            return {}
        values = self.plain(dimension.model, rows)
        return {row["_id"]: self.head(dimension, row, values) for row in rows}

    def head(self, dimension: Dimension, row: Row, values: Values) -> dict[str, Any]:
        """One organization in short; ``values`` has learned its row."""
        key = self.key(dimension.model, row, values)
        name = values.shown(dimension.name, row[dimension.name]) if dimension.name else None
        outside = dimension.external
        external = bool(row[outside]) if isinstance(outside, str) else outside
        return {"id": row["_id"], "key": key, "name": name or key, "external": external}

    def places(self, rows: Sequence[Row]) -> dict[Id, set[Id]]:
        """The organizations of the line that these persons belong to on the day, by themselves and by posts."""
        people, found = self.people, {row["_id"]: set[Id]() for row in rows}
        if people.organization is not None:
            for row in rows:
                if (unit := row[people.organization.of]) is not None:
                    found[row["_id"]].add(unit)
        if people.posts is not None:
            with self.hub.database.begin(reading=True) as connection:
                pairs = directory.places(connection, self.hub.database, people.posts, LINE, found, self.today)
            for person, unit in pairs:
                found[person].add(unit)
        return found


def declared(hub: Hub) -> People:
    """ConfigError ``people.undeclared``."""
    people = hub.workspace.hub.people
    if people is None:
        raise ConfigError(
            "people.undeclared",
            "this hub does not say who is a person",
            where="config/hub.yaml: people",
            hint="declare people: {model: …, receivers: {…}}",
        )
    return people


def moment_of(hub: Hub, day: dt.date | None) -> dt.datetime | None:
    """The end of a day in the hub's zone; None of today, which is as it is now. ConfigError ``as_of.future``: what is
    to be is nobody's to see before its day."""
    if day is None or day == hub.today():
        return None
    if day > hub.today():
        raise ConfigError(
            "as_of.future", f"{day} is not yet", where="as_of", hint="ask for today, or for a day before"
        )
    start = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ZoneInfo(hub.workspace.hub.zone))
    return start.astimezone(dt.UTC) - dt.timedelta(microseconds=1)
