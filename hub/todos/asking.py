"""What the source of a to-do is asked about an act, and which of its records that is."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from hub.contract import Change, Found, Resource
from hub.errors import RecordRejected
from hub.exchange.ground import Hub
from hub.mapping.atonce import over, valued
from hub.mapping.check_acts import ADDED, CONDITIONS, SAID
from hub.mapping.record import of_fields
from hub.store import acts
from hub.store.acts import Act
from hub.todos.acting import acted_on, declared
from hub.todos.converge import loaded
from hub.todos.deciding import Step, decide, undone_since
from hub.todos.reports import moment_of
from hub.workspace.acting import Acts, Response
from hub.workspace.strict import seconds


def decided(hub: Hub, one: Act) -> str:
    """A digest of the record that an act decides in its source; "" of an act that is no decision: who has it to read
    only decides nothing, nor does an action that ends it for nobody. The errors of asking."""
    rule = declared(acted_on(hub, one.system))
    response = rule.responses.get(one.response)
    with hub.database.begin(reading=True) as connection:
        has = acts.since(connection, one.todo, one.receiver)
    if response is None or response.ends == "nobody" or (has is not None and has[0] == "to_read"):
        return ""
    told = [one.system, key_of(rule, one, told_of(hub, one.todo))]
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()[:32]


def key_of(rule: Acts, one: Act, todo: Mapping[str, Any]) -> dict[str, Any]:
    """The key of the record that an act is about."""
    return valued(rule.key, SAID, {"todo": todo, "act": said(one)})


def said(one: Act) -> Mapping[str, Any]:
    """An act as expressions see it."""
    return {name: getattr(one, name) for name in ("response", "comment", "reason", "account")}


def told_of(hub: Hub, identity: uuid.UUID) -> Mapping[str, Any]:
    """A to-do as expressions see it. RecordRejected ``todo.unknown``."""
    with hub.database.begin(reading=True) as connection:
        row = acts.todo_row(connection, identity)
    if row is None:
        raise RecordRejected("todo.unknown", "the hub has the to-do no more")
    return known(row)


@dataclass(slots=True)
class Asked:
    """The record that an act is about, as its source shows it."""

    hub: Hub
    rule: Acts
    response: Response
    one: Act
    source: Any
    undone_since: dt.datetime | None = None
    _found: Found | None = None
    _key: Mapping[str, Any] = field(default_factory=dict)
    _resource: Resource | None = None
    _todo: Mapping[str, Any] = field(default_factory=dict)

    def look(self) -> Step:
        """Ask for the record, and decide. Afterwards ``undone_since`` is since when looks follow each other that were
        answered, and show it as not done; None where this is the first of them."""
        moment = self.hub.clock()
        self.undone_since = undone_since(self.one, moment, seconds(self.rule.in_doubt))
        quiet = self.undone_since is not None and (moment - self.undone_since).total_seconds() >= seconds(
            self.rule.in_doubt
        )
        self._resource = self.source.resource(self.rule.find)
        self._todo = self._todo or told_of(self.hub, self.one.todo)
        self._key = key_of(self.rule, self.one, self._todo)
        (self._found,) = self.source.find(self._resource, [self._key])
        if self._found is None:
            return decide(self.one, False, False, None, quiet=quiet)
        written = {name: text for name in CONDITIONS if (text := getattr(self.rule, name)) is not None}
        holds = self._values({"done": self.response.done, **written}, self._found.values)
        unmet = next((name for name in CONDITIONS if name in written and holds[name] is not True), None)
        return decide(self.one, True, holds["done"] is True, unmet, quiet=quiet)

    def look_again(self, one: Act) -> Step:
        """After a call that the source said it had done."""
        self.one = one
        return self.look()

    def change(self) -> Change:
        """What is sent: fenced by the version seen, where the source has one, and always under the same id."""
        assert self._found is not None
        values = self._values(self.response.fields, self._found.values)
        return Change(
            self.response.operation,
            self._key,
            {**self._key, **values},
            self._found.foreign_id,
            self._found.version,
            str(self.one.id),
        )

    def _values(self, expressions: Mapping[str, str], record: Mapping[str, Any]) -> dict[str, Any]:
        assert self._resource is not None
        node = over(of_fields(self._resource.fields), ADDED)
        return valued(expressions, node, {**record, "todo": self._todo, "act": said(self.one)})


def known(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A to-do as expressions see it; ``version`` is from when its content is."""
    content = row["content"] or {}
    told = loaded(row["registers"], row["content"], {}).content
    return {
        "id": row["source_id"],
        "tenant": row["tenant"],
        **{name: content.get(name, "") for name in ("definition", "process", "node")},
        "version": moment_of(told.version).isoformat() if told.known else None,
        "attributes": {name: one["value"] for name, one in content.get("attributes", {}).items()},
    }
