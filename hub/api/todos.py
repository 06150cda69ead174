"""/v1/todos: reports of to-dos from any system, and what one person has of all of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, overload

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from starlette.responses import Response

from hub.api.direct import Direct
from hub.api.ground import Ground, Here, allowed
from hub.api.paging import CURSOR, LIMIT, MOST, Next, after, answered, json_bytes, listed
from hub.errors import AuthError, ConfigError, HubError, RecordRejected
from hub.security.access import Caller
from hub.store import acts, todos
from hub.store.dashboards import Scope, contains
from hub.store.substitutes import Whose
from hub.todos import feed, substitutes
from hub.todos.acted import brief, shown
from hub.todos.inbox import Taken, take
from hub.todos.people import known
from hub.todos.received import Item, Moment, key_of, read
from hub.todos.reports import Report
from hub.workspace.people import People

router = APIRouter(prefix="/todos", tags=["todos"])
often = APIRouter(prefix="/todos", tags=["todos"], route_class=Direct)
Reads = Annotated[Caller, allowed("todos:read")]
Writes = Annotated[Caller, allowed("todos:write")]
AT_ONCE = 500


class Items(BaseModel):
    """Each is checked by itself: see the schema of an item."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"properties": {"items": {
        "type": "array", "maxItems": AT_ONCE, "items": {"anyOf": [{"$ref": "#/components/schemas/Item"}, {
            "description": "What is no item: its result is rejected, and tells why"}]}}}})  # fmt: skip
    items: list[Any] = Field(max_length=AT_ONCE)


def _form(value: Any) -> str:
    return "many" if isinstance(value, Mapping) and "items" in value else "one"


OneOrMany = Annotated[
    Annotated[Item, Tag("one")] | Annotated[Items, Tag("many")], Discriminator(_form), Body()
]


@router.post("", summary="Report to-dos: one or many, a result for each")
def report(here: Here, who: Writes, body: OneOrMany) -> Response:
    """An item that is wrong is told and harms no other. Reported twice it changes nothing; reported late it is
    ignored and the result says so. The answer has the items' order."""
    given = body.items if isinstance(body, Items) else [body.model_dump(mode="json", exclude_unset=True)]
    return Response(json_bytes({"items": reported(here, who, given)}), media_type="application/json")


def reported(here: Ground, who: Caller, given: Sequence[Any]) -> list[Mapping[str, Any]]:
    """Take what is right of the items; one result each."""
    moment = here.hub.clock()
    results: list[Mapping[str, Any]] = [{}] * len(given)
    good: list[tuple[int, Report]] = []
    for number, value in enumerate(given):
        try:
            found = read(value, moment, number)
            _system(here, who, found.key.system)
        except HubError as error:
            results[number] = {**key_of(value), "result": "rejected", "error": told(error)}
        else:
            good.append((number, found))
    taken = take(here.of(who), [found for _, found in good], f"key:{who.name}")
    for (number, _), one in zip(good, taken, strict=True):
        results[number] = _result(one)
    return results


def _system(here: Ground, who: Caller, name: str) -> None:
    if name not in here.hub.workspace.systems or not who.place(here.hub.workspace, name):
        raise RecordRejected(
            "system.unknown",
            f"the hub has no system {name!r} that this key may speak for",
            where="system",
            hint="declare it in config/systems, or use a key that is not confined to others",
        )


def told(error: HubError) -> Mapping[str, Any]:
    """An error among results."""
    return {"code": error.code, "message": error.message, "where": error.where, "hint": error.hint}


def _result(one: Taken) -> Mapping[str, Any]:
    if one.error is not None:
        return {**one.key._asdict(), "result": one.result, "error": told(one.error)}
    found: dict[str, Any] = {**one.key._asdict(), "todo": one.id, "result": one.result}
    if one.ignored:
        found["ignored"] = [{"part": part.part, "code": part.code} for part in one.ignored]
    return found


# ------------------------------------------------------------ what a person has


Person = Annotated[str, Query(description="Id or key of the person", max_length=200)]
Several = Annotated[list[str] | None, Query(max_length=50)]


class Asked(BaseModel):
    """Whose list is asked for."""

    person: Person


class Page(Asked):
    """What of it is asked for."""

    box: Literal["to_do", "to_read", "initiated", "done"] = "to_do"
    system: Several = None
    definition: Several = None
    priority: Literal["low", "medium", "high", "very_high"] | None = None
    read: bool | None = None
    due_before: Moment | None = None
    q: Annotated[str, Field(description="A part of the title", max_length=200)] = ""
    order: Literal["newest", "oldest", "due", "priority"] = "newest"
    language: Annotated[str, Field(description="Of titles; without it all of them", max_length=20)] = ""
    limit: Annotated[int, Field(ge=1, le=MOST)] = LIMIT
    cursor: Annotated[str | None, Field(description="next of the page before", json_schema_extra=CURSOR)] = None
    fields: Annotated[str | None, Field(description="Only these, by comma: id,title,links.pc")] = None


@often.get("", summary="What a person has to do, over all systems and accounts")
def inbox(request: Request, here: Here, who: Reads, asked: Annotated[Page, Query()]) -> Response:
    """One line per to-do, however many accounts of the person have it. A status that the source made final is
    never open again. ``for`` says whose it is, where the person stands in for somebody."""
    order = asked.order
    wanted = todos.Wanted(
        asked.box,
        asked.system or (),
        asked.definition or (),
        feed.priority(asked.priority),
        asked.read,
        asked.due_before,
        asked.q,
        order,
    )
    place = after(request, asked.cursor, *feed.PLACES[order])
    whose = whose_seen(here, who, asked.person)
    rows = todos.listed(here.hub.database, whose, wanted, systems_seen(here, who), place, asked.limit)
    last = todos.place(rows[-1], order) if rows else None
    done = acts.latest(here.hub.database, [row["id"] for row in rows if row["acted"]], whose.person)
    items = [{**feed.shown(row, asked.language, whose), "act": brief(done.get(row["id"]))} for row in rows]
    return listed(request, items, asked.limit, last, asked.fields)


@often.get("/counts", summary="How many a person has, by box, system and priority")
def counts(request: Request, here: Here, who: Reads, asked: Annotated[Asked, Query()]) -> Response:
    """Unread ones are counted among them too."""
    whose = whose_seen(here, who, asked.person)
    rows = todos.counts(here.hub.database, whose, systems_seen(here, who))
    return answered(request, feed.counted(rows))


@router.get("/unresolved", summary="Receivers that no person is known for")
def unresolved(
    request: Request,
    here: Here,
    who: Reads,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
    cursor: Next = None,
) -> Response:
    """With the reason; they have their to-dos as soon as the person appears."""
    people_seen(here, who)
    place = after(request, cursor, str, str)
    rows = todos.unresolved(here.hub.database, systems_seen(here, who), place, limit)
    items = [
        {"system": system, "receiver": feed.masked(receiver), "code": why, "todos": count}
        for system, receiver, why, count in rows
    ]
    return listed(request, items, limit, rows[-1][:2] if rows else None)


@router.get("/{identity:uuid}", summary="One to-do with all its receivers and what was reported of it")
def one(request: Request, here: Here, who: Reads, identity: uuid.UUID) -> Response:
    """The history tells which parts a report had and which came too late, no values."""
    found = visible(here, who, identity)
    done = [shown(act) for act in acts.of_todo(here.hub.database, identity)]
    return answered(request, {**feed.whole(found, todos.history(here.hub.database, identity)), "acts": done})


def visible(here: Ground, who: Caller, identity: uuid.UUID) -> todos.Stored:
    """A to-do that the caller may see; ConfigError ``todo.unknown``."""
    people_seen(here, who)
    found = todos.one(here.hub.database, identity)
    systems = systems_seen(here, who)
    if found is None or (systems is not None and found.row["system"] not in systems):
        raise ConfigError("todo.unknown", f"there is no to-do {identity}", hint="see /v1/todos")
    return found


def person_seen(here: Ground, who: Caller, called: str) -> uuid.UUID:
    """Who is meant, for a caller who may see people, and him among them."""
    return _person_seen(here, who, called)[0]


def _person_seen(here: Ground, who: Caller, called: str) -> tuple[uuid.UUID, bool]:
    people = people_model(here, who, declared=False)
    found, maybe = known(here.hub, called)
    if people is not None and who.organizations is not None:
        scope = Scope(people.model, people.organization, roots=who.organizations)
        if not contains(here.hub.database, scope, found):
            raise ConfigError("person.unknown", f"there is no person {called!r}", hint="use another key")
    return found, maybe


def whose_seen(here: Ground, who: Caller, called: str) -> Whose:
    """Whose to-dos are listed for a person: his, and those of whom he stands in for, unless the key sees only those of
    some organizations, which his principals need not be in."""
    person, maybe = _person_seen(here, who, called)
    if who.organizations is not None:
        return Whose(person, (), {})
    return substitutes.whose(here.hub, person, maybe=maybe)


def people_seen(here: Ground, who: Caller) -> None:
    """Whoever may not see people may not see who has what; nor may who sees only those of some organizations, where
    it is not of one person that he asks."""
    people_model(here, who, declared=False)
    if who.organizations is not None:
        raise AuthError(
            "key.within", f"the key {who.name!r} sees lists of its organizations only", hint="see /v1/todos/all"
        )


@overload
def people_model(here: Ground, who: Caller) -> People: ...
@overload
def people_model(here: Ground, who: Caller, *, declared: bool) -> People | None: ...
def people_model(here: Ground, who: Caller, *, declared: bool = True) -> People | None:
    """Who the hub's people are. ConfigError ``model.unknown`` where the caller may not see them, and
    ``people.undeclared`` where they must be declared."""
    people = here.hub.workspace.hub.people
    if people is None and declared:
        raise ConfigError(
            "people.undeclared",
            "this hub does not say who is a person",
            where="config/hub.yaml: people",
            hint="declare people: {model: …, receivers: {…}}",
        )
    if people is not None and people.model not in who.models(here.hub.workspace):
        raise ConfigError("model.unknown", "the key may not see the model of people", hint="use another key")
    return people


def systems_seen(here: Ground, who: Caller) -> Sequence[str] | None:
    """Systems the caller may see; None: all."""
    seen = who.systems(here.hub.workspace)
    return None if len(seen) == len(here.hub.workspace.systems) else sorted(seen)
