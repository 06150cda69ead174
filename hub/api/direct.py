"""Routes that are asked often. What FastAPI finds out anew for each request, these know from the beginning.

A ``Direct`` route is declared, described and refused like any other of FastAPI's. Its function takes the request, the
hub (``Here``), who asks (``allowed``), texts of its path and one model of its query, and nothing else. It all runs in
one thread of the pool, where FastAPI takes one for each dependency and as long for twelve parameters as the page itself
takes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi import params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.api.ground import Here, ground

Found = Callable[[Request], Any]


class Direct(APIRoute):
    """``APIRouter(route_class=Direct)``: for functions that answer a Response."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        super().__init__(path, endpoint, **more)
        # who asks comes before what: a stranger is not told what is wrong with his query
        found = sorted(_parts(endpoint, self.param_convertors), key=lambda part: part[2])

        def answer(request: Request) -> Response:
            made: Response = endpoint(**{name: find(request) for name, find, _ in found})
            return made

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await run_in_threadpool(answer, Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = app


def _parts(endpoint: Callable[..., Any], path: Container[str]) -> list[tuple[str, Found, bool]]:
    """Of each parameter its name, how it is found, and whether it is of the query."""
    hints = get_type_hints(endpoint, include_extras=True)
    return [(name, *_part(endpoint, name, hints[name], path)) for name in inspect.signature(endpoint).parameters]


def _part(endpoint: Callable[..., Any], name: str, hint: Any, path: Container[str]) -> tuple[Found, bool]:
    if name in path and hint is str:
        return (lambda request: request.path_params[name]), False
    if hint is Request:
        return (lambda request: request), False
    if hint == Here:
        return ground, False
    if get_origin(hint) is Annotated:
        kind, said = get_args(hint)[:2]
        if isinstance(said, params.Depends) and said.dependency is not None:
            return said.dependency, False
        if isinstance(said, params.Query) and issubclass(kind, BaseModel):
            return _query(kind), True
    raise TypeError(f"{endpoint.__name__}: a Direct route does not know {hint}")


def _query(model: type[BaseModel]) -> Found:
    fields = model.model_fields
    many = {name for name, field in fields.items() if list in {get_origin(one) for one in get_args(field.annotation)}}

    def found(request: Request) -> BaseModel:
        asked: QueryParams = request.query_params
        given = {
            name: asked.getlist(name) if name in many else asked[name] for name in asked.keys() & fields.keys()
        }
        try:
            return model.model_validate(given)
        except ValidationError as error:
            told = error.errors(include_url=False)
            raise RequestValidationError([{**one, "loc": ("query", *one["loc"])} for one in told]) from None

    return found
