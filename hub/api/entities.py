"""/v1/models and /v1/entities: golden records as the caller may see them."""

from __future__ import annotations

import datetime as dt
import difflib
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from hub.api.ground import Here, Reason, allowed, sight
from hub.api.paging import LIMIT, MOST, Next, after, answered, listed
from hub.api.problems import Refused
from hub.errors import ConfigError
from hub.exchange.keytokens import Keys
from hub.exchange.shown import Values, looked_up
from hub.literals import MOST as LARGEST
from hub.literals import exact, instant, integer
from hub.security.access import Caller
from hub.security.masking import is_classified
from hub.store import listing
from hub.store.listing import Wanted
from hub.store.reports import Entity
from hub.store.reports import entities as by_key
from hub.workspace.shape import ModelField, ModelFile

router = APIRouter(tags=["entities"])
Reads = Annotated[Caller, allowed("entities:read")]
OWN = frozenset({"limit", "cursor", "fields", "state", "order", "unmask_reason"})


@router.get("/models", summary="The models that the key may see")
def models(request: Request, here: Here, who: Reads) -> Response:
    """With their fields, types and levels."""
    shapes = here.hub.workspace.models
    found = [
        {
            "model": name,
            "title": shapes[name].title,
            "key": shapes[name].key,
            "fields": {
                field: {"type": one.type, "many": one.many, "level": one.level, "model": one.model}
                for field, one in shapes[name].fields.items()
            },
        }
        for name in sorted(who.models(here.hub.workspace))
    ]
    return answered(request, {"items": found, "next": None})


@router.get("/entities/{model}", summary="Golden records of a model")
def entities(
    request: Request,
    here: Here,
    who: Reads,
    model: str,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
    cursor: Next = None,
    fields: Annotated[str | None, Query(description="Only these, by comma: id,values.name")] = None,
    state: Annotated[Literal["active", "disabled", "deleted", "merged", "all"], Query()] = "active",
    order: Annotated[
        Literal["created", "changed"],
        Query(description="changed lists by commit: keep the last next to get only what changed since"),
    ] = "created",
    unmask_reason: Reason = None,
) -> Response:
    """Any other parameter is a field and the value it must have: ``?country=DE``."""
    shape = _model(here, who, model)
    wanted = Wanted(_equal(request, shape), None if state == "all" else state, order)
    kinds: tuple[Any, ...] = (integer, uuid.UUID) if order == "changed" else (uuid.UUID,)
    rows = listing.entities(here.hub.database, model, wanted, after(request, cursor, *kinds), limit)
    eyes = sight(here, who, _models(shape), f"model:{model}", unmask_reason)
    values, keys = Values(here.of(who), shape.fields, eyes), Keys(here.hub, eyes)
    values.learn([one.values for _, one in rows])
    place = None
    if rows:
        seq, last = rows[-1]
        place = [seq, last.id] if order == "changed" else [last.id]
    return listed(request, [_told(one, seq, values, keys) for seq, one in rows], limit, place, fields)


@router.get("/entities/{model}/{key}", summary="One golden record, by its key or its id")
def entity(request: Request, here: Here, who: Reads, model: str, key: str, unmask_reason: Reason = None) -> Response:
    """Who was merged away is shown as what it went into. Asking by a classified key is recorded."""
    shape, hub = _model(here, who, model), here.of(who)
    looked_up(hub, shape, key)
    found = by_key(hub.database, model, key, 2, gone=True)
    if not found:
        raise ConfigError("entity.unknown", f"there is no such {model}", hint=f"see /v1/entities/{model}")
    if len(found) > 1:
        raise ConfigError("id.ambiguous", f"several {model}s are called so", hint="ask by id")
    eyes = sight(here, who, _models(shape), f"entity:{found[0].id}", unmask_reason)
    values = Values(hub, shape.fields, eyes)
    values.learn([found[0].values])
    return answered(request, _told(found[0], None, values, Keys(hub, eyes)))


def _model(here: Here, who: Caller, model: str) -> ModelFile:
    there = who.models(here.hub.workspace)
    if model not in there:
        near = difflib.get_close_matches(model, there, 1)
        raise ConfigError(
            "model.unknown",
            f"there is no model {model!r}",
            hint=f"did you mean {near[0]}?" if near else "see /v1/models",
        )
    return here.hub.workspace.models[model]


def _models(shape: ModelFile) -> set[str]:
    return {shape.model, *(field.model for field in shape.fields.values() if field.model)}


def _equal(request: Request, shape: ModelFile) -> dict[str, Any]:
    """What fields must be, out of the query. A classified field is refused: who may ask whether a value is
    there learns it."""
    found = {}
    for name, text in request.query_params.multi_items():
        if name in OWN:
            continue
        field = shape.fields.get(name)
        if field is None:
            near = difflib.get_close_matches(name, [*shape.fields, *OWN], 1)
            raise Refused(
                "query.unknown",
                f"{shape.model} has no field {name!r}, and lists know no such parameter",
                where=name,
                hint=f"did you mean {near[0]}?" if near else "",
            )
        if is_classified(field.level):
            raise Refused(
                "query.classified",
                f"{name} is classified ({field.level}): nothing is looked for by it",
                where=name,
                hint="ask for one record by its key; each such question is recorded",
            )
        found[name] = _value(name, field, text)
    return found


def _value(name: str, field: ModelField, text: str) -> Any:
    if field.many or field.type == "json":
        raise Refused("query.type", f"{name} is a list or JSON: it cannot be compared", where=name)
    try:
        match field.type:
            case "ref":
                return uuid.UUID(text)
            case "text" | "code":
                return text
            case _:
                return _parsed(field.type, text)
    except ValueError:
        raise Refused(
            "query.type", f"{name} is of type {field.type}", where=name, hint="ISO 8601 for dates, ids for references"
        ) from None


def _parsed(kind: str, text: str) -> Any:
    match kind:
        case "integer":
            return integer(text, -LARGEST - 1)
        case "decimal":
            return exact(text)
        case "boolean":
            if text not in ("true", "false"):
                raise ValueError(text)
            return text == "true"
        case "date":
            return dt.date.fromisoformat(text)
        case "datetime":
            return instant(text)
    return text


def _told(one: Entity, seq: int | None, values: Values, keys: Keys) -> Mapping[str, Any]:
    told = {
        "id": one.id,
        "state": one.state,
        "version": one.version,
        "updated_at": one.updated_at,
        "values": {name: values.shown(name, value) for name, value in one.values.items()},
        "origins": one.origins,
        "links": [{"exchange": exchange, "key": keys.shown(exchange, key)} for exchange, key in one.links],
    }
    return told if seq is None else told | {"seq": seq}


