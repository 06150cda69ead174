"""/v1/explain: why something is as it is."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from hub.api.ground import Here
from hub.api.paging import answered
from hub.api.todos import Person, Reads, people_seen, person_seen, systems_seen
from hub.todos.explain import explain

router = APIRouter(prefix="/explain", tags=["explain"])


@router.get("/todo", summary="Why a person sees a to-do, or does not")
def todo(
    request: Request,
    here: Here,
    who: Reads,
    person: Person,
    system: Annotated[str, Query(max_length=200)],
    id: Annotated[str, Query(description="What its system calls it", min_length=1, max_length=300)],
    tenant: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """`box` says where it lies in the person's list, or nothing. Every reason has a stable code and a remedy; the
    first is the decisive one."""
    people_seen(here, who)
    whom = person_seen(here, who, person)
    found = explain(here.hub, system, tenant, id, whom, systems_seen(here, who))
    return answered(request, dataclasses.asdict(found))
