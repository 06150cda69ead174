"""Weaver's SOAP service for to-dos, at the address where e-cology has it."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hub.api.dropins import told_by_weaver
from hub.api.ground import Ground, Here
from hub.errors import RecordRejected
from hub.todos import ofs

router = APIRouter(include_in_schema=False)
PLACE: Final = "/services/OfsTodoDataWebService"
XML: Final = "text/xml; charset=utf-8"


@router.get(PLACE)
def described(request: Request) -> Response:
    """The WSDL, with or without ?wsdl."""
    return Response(ofs.wsdl(f"{str(request.base_url).rstrip('/')}{PLACE}"), media_type=XML)


@router.post(PLACE)
async def call(request: Request, here: Here) -> Response:
    """One call: what it says is what ``/rest/ofs`` takes, and so is who may."""
    return await run_in_threadpool(_called, request, here, await request.body())


def _called(request: Request, here: Ground, body: bytes) -> Response:
    try:
        found = ofs.called(body)
    except RecordRejected as error:
        return Response(ofs.fault(f"{error.code}: {error.message}"), 500, media_type=XML)
    status, said = told_by_weaver(request, here, found.call, found.given)
    if status != 200:
        return Response(ofs.fault(said["message"], found.envelope), status, media_type=XML)
    return Response(ofs.answer(found, said), media_type=XML)
