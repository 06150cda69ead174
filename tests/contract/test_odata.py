"""The OData connector keeps the contract in both versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from connectors.odata import SPEC
from hub.contract import Context
from hub.testing import failures, run_contract
from tests.contract.test_rest import EXEMPT, case
from tests.contract.web import SECRET, Batched, ODataWeb, ODataWebV2, Web
from tests.unit.http.fake import running

pytestmark = pytest.mark.against("odata", "a small OData service", "simulator")

ORDER = {"cursor_order": "full reads go by key, so that a change while reading moves no record"}


@pytest.fixture
def start() -> Iterator[Callable[[Web], Web]]:
    with ExitStack() as stack:

        def started(web: Web) -> Web:
            stack.enter_context(running(web.fake))
            return web

        yield started


def opened(web: Web, password: str = SECRET) -> Any:
    auth = {"basic": {"username": "hub", "password": password}}
    settings = {"url": f"{web.fake.url}/kit", "auth": auth, "limits": {"retries": 0}, "page_size": 9}
    resources = {"people": SPEC.resource.model_validate({"cursor": "at"})}
    return SPEC.open(Context(f"kit {web.fake.url}"), SPEC.settings.model_validate(settings), resources)


def test_odata_keeps_the_contract_in_batches(start: Callable[[Web], Web]):
    exempt = {name: why for name, why in EXEMPT.items() if not name.startswith("answers_")}
    given = case(
        Batched,
        opened,
        start,
        name="batched",
        exempt=exempt | ORDER,
        misanswer=lambda web, how: setattr(web, "misanswers", how),
    )
    assert failures(run_contract(given)) == []


@pytest.mark.parametrize("web", [ODataWebV2, ODataWeb])
def test_odata_keeps_the_contract(web: type[Web], start: Callable[[Web], Web]):
    verdicts = run_contract(case(web, opened, start, name=web.__name__, exempt=EXEMPT | ORDER))
    assert failures(verdicts) == []
