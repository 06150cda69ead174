"""The REST connector keeps the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from connectors.rest import SPEC
from hub.contract import Context
from hub.testing import Case, failures, run_contract
from hub.testing.writing import BATCH, exempting
from tests.contract.web import SECRET, RestWeb, Web
from tests.unit.http.fake import running

pytestmark = pytest.mark.against("rest", "a small JSON API", "simulator")

PEOPLE = {
    "path": "/people", "records": "people", "total": "total", "key": "code",
    "cursor": {"field": "at", "param": "since"},
    "paging": {"offset": {"param": "skip", "size_param": "top", "size": 9, "overlap": 1}},
    "fields": {"code": "text", "name": "text", "amount": "decimal", "at": "datetime"},
    "write": {
        "create": {"method": "POST", "path": "/people", "id": "code"},
        "update": {"method": "PATCH", "path": "/people/{id}", "without": ["code"]},
        "delete": {"method": "DELETE", "path": "/people/{id}"},
        "find": {"params": {"code": "{code}"}, "id": "code", "version": "version"},
        "etag": True,
    },
}  # fmt: skip


def opened(web: Web, token: str = SECRET) -> Any:
    settings = {"url": web.fake.url, "auth": {"bearer": {"token": token}}, "limits": {"retries": 0}}
    resources = {"people": SPEC.resource.model_validate(PEOPLE)}
    return SPEC.open(Context(f"kit {web.fake.url}"), SPEC.settings.model_validate(settings), resources)


@pytest.fixture
def start() -> Iterator[Callable[[Web], Web]]:
    with ExitStack() as stack:

        def started(web: Web) -> Web:
            stack.enter_context(running(web.fake))
            return web

        yield started


def case(
    make: Callable[[Any], Web], open_: Callable[..., Any], start: Callable[[Web], Web], **more: Any
) -> Case:
    return Case(
        fresh=lambda records: start(make(records)),
        open=open_,
        resource="people",
        key=("code",),
        record=lambda n: {"code": f"P{n:03}", "name": f"Name {n}", "at": f"2026-01-01T00:{n:02}:00Z"},
        cursor="at",
        exact={"name": 'O\'Neil "安" 😀\n\\', "code": "a/b'c ü&1"},
        stored=lambda web: list(web.rows.values()),
        change=lambda web, record: web.put(record),
        refused={"name": "!"},
        locked_out=lambda web: open_(web, "wr0ng-" + SECRET[::-1]),
        throttle=lambda web, seconds: setattr(web, "pause", seconds),
        lose_answer=lambda web: setattr(web, "lose", True),
        secrets=(SECRET, "wr0ng-" + SECRET[::-1]),
        **more,
    )


EXEMPT = {
    **exempting("each record is a request of its own", BATCH),
    "deletes_seen": "the source tells no deletions",
    "replace_stands": "records are written one by one",
    "replace_whole_or_not": "records are written one by one",
    "replace_only": "records are written one by one",
}


def test_rest_keeps_the_contract(start: Callable[[Web], Web]):
    class Versioned(RestWeb):
        def serve(self, asked: Any) -> Any:
            for code, row in self.rows.items():
                row["version"] = self.etag(code)
            return super().serve(asked)

    assert failures(run_contract(case(Versioned, opened, start, name="rest", exempt=EXEMPT))) == []
