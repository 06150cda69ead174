"""/v1/todos/SYSTEM/ID: the state of one to-do by the name its source gives it, without a whole report."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field
from starlette.responses import Response

from hub.api.ground import Body, Here
from hub.api.paging import json_bytes
from hub.api.todos import Writes, reported
from hub.errors import RecordRejected
from hub.todos.received import SAYS, Receiver, Said

router = APIRouter(prefix="/todos", tags=["todos"])
Source = Annotated[str, Path(description="The id that the system gives it", max_length=300)]


class State(Body):
    """What became of it. ``assignees`` are those whose part changed; the others stay."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"anyOf": SAYS[1:]})

    tenant: str = Field("", max_length=200)
    version: Said | None = None
    status: Literal["ready", "reserved", "suspended", "completed", "cancelled", "withdrawn"] | None = None
    outcome: str = Field("", max_length=100)
    assignees: list[Receiver] = Field([], max_length=500)


class Withdrawal(Body):
    """When it was withdrawn; without it, now."""

    tenant: str = Field("", max_length=200)
    version: Said | None = None


@router.post("/{system}/{source:path}/state", summary="Change the state of one to-do, or parts of it")
def state(here: Here, who: Writes, system: str, source: Source, body: State) -> Response:
    """The same as a report without content. What comes too late is ignored, and the answer says which part."""
    item: dict[str, Any] = body.model_dump(mode="json", exclude_unset=True)
    return _reported(here, who, item | {"system": system, "id": source, "partial": True})


@router.post("/{system}/{source:path}/withdrawal", summary="Withdraw one to-do: nobody has it any more")
def withdrawal(here: Here, who: Writes, system: str, source: Source, body: Withdrawal) -> Response:
    """For good: what is withdrawn does not come back by any later report."""
    item: dict[str, Any] = body.model_dump(mode="json", exclude_unset=True)
    return _reported(here, who, item | {"system": system, "id": source, "status": "withdrawn"})


def _reported(here: Here, who: Writes, item: dict[str, Any]) -> Response:
    result = reported(here, who, [item])[0]
    if "error" in result:
        error = result["error"]
        raise RecordRejected(error["code"], error["message"], where=error["where"], hint=error["hint"])
    return Response(json_bytes(result), media_type="application/json")
