"""The SOAP connector keeps the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from connectors.soap import SPEC
from hub.contract import Context
from hub.testing import failures, run_contract
from tests.contract.soapweb import SoapWeb
from tests.contract.test_rest import EXEMPT, case
from tests.contract.web import SECRET, Web
from tests.unit.http.fake import running

pytestmark = pytest.mark.against("soap", "a small SOAP service", "simulator")

PEOPLE = {
    "operation": "GetPeople", "records": "person", "total": "total", "key": "code",
    "cursor": {"field": "at", "param": "since"},
    "paging": {"offset": {"param": "skip", "size_param": "top", "size": 9, "overlap": 1}},
    "write": {
        "create": {"operation": "CreatePerson", "body": "person", "id": "code"},
        "update": {"operation": "UpdatePerson", "body": "person"},
        "delete": {"operation": "DeletePerson", "params": {"code": "{id}"}},
        "find": {"params": {"code": "{code}"}, "id": "code", "version": "version"},
        "version": "person.version",
    },
}  # fmt: skip
FAULTS = [
    {"code": "Client.Missing", "means": "nothing"},
    {"code": "Client.Exists", "means": "conflict"},
    {"code": "Client.Stale", "means": "conflict"},
]


@pytest.fixture
def start() -> Iterator[Callable[[Web], Web]]:
    with ExitStack() as stack:

        def started(web: Web) -> Web:
            stack.enter_context(running(web.fake))
            return web

        yield started


def opened(web: Web, password: str = SECRET) -> Any:
    auth = {"basic": {"username": "hub", "password": password}}
    settings = {"url": web.fake.url, "auth": auth, "limits": {"retries": 0}, "faults": FAULTS}
    resources = {"people": SPEC.resource.model_validate(PEOPLE)}
    return SPEC.open(Context(f"kit {web.fake.url}"), SPEC.settings.model_validate(settings), resources)


def test_soap_keeps_the_contract(start: Callable[[Web], Web]):
    assert failures(run_contract(case(SoapWeb, opened, start, name="soap", exempt=EXEMPT))) == []
