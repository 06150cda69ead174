"""Schemathesis asks a served hub whatever its description allows, and what it does not, and finds nothing.

What the description cannot say is in ``EXCUSED``, each with its reason; anything else is a failure."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any, Final

import orjson
import pytest
import schemathesis
import uvicorn
from hypothesis import strategies as st
from schemathesis.engine import events, from_schema

from hub.security.access import GRANTS
from hub.security.rates import Buckets
from hub.web import application
from tests.stores import SqliteStore
from tests.unit.bus.busworld import until
from tests.unit.todos.conftest import Desk, desk

EXCUSED: Final = {
    "cursor.malformed": "a cursor is what a list answered; a pattern tells its letters, not which there are",
    "odata.option": "expressions of OData are a grammar, and a $skiptoken is what a page answered",
    "fields.unknown": "the fields of an answer are those of the model that is asked for",
    "query.unknown": "so are those that it is filtered by",
    "system.unknown": "which systems there are is said by the workspace",
    "todo.malformed": "no receiver twice, and no time ahead of the clock: neither is a matter of form",
}
"""Valid by the description, and refused."""
NAMES: Final = {"system": "oa", "path.model": "person", "person": "1", "path.name": "people"}
"""What is there, so that more than "unknown" is answered."""
MOMENTS: Final = st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2199, 1, 1), timezones=st.just(dt.UTC))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, str]]:
    """A hub with to-dos, and its address. Streams end at once: the process is ending, as it were."""
    made = desk(tmp_path_factory.mktemp("desk"), SqliteStore())
    to = [{"to": {"mail": "li@example.com"}}, {"to": {"mail": "nobody@example.com"}}]
    made.report(*({"system": "oa", "id": f"A-{n}", "title": "Leave", "assignees": to} for n in range(60)))
    ending = threading.Event()
    ending.set()
    app = application(made.open_hub, ending)
    app.app.api.state.ground.strangers = Buckets(1e6, 1_000_000)  # type: ignore[attr-defined] # wrong keys are meant here
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield made, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
    made.close()


def found(address: str, key: dict[str, str], **how: Any) -> tuple[int, set[str]]:
    """How many requests were judged, and what is wrong with them."""
    schemathesis.openapi.format("date-time", MOMENTS.map(dt.datetime.isoformat))  # of those that the pattern takes
    drawn = {"max-examples": 2, "deterministic": True, "mode": "all"}
    said = {"headers": {"Authorization": key["authorization"]}, "generation": drawn, "request-timeout": 60, **how}
    config = schemathesis.Config.from_dict(said)
    schema = schemathesis.openapi.from_url(f"{address}/v1/openapi.json", config=config)
    asked, wrong = 0, set()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            wrong.add(str(getattr(event, "value", event)))
        recorder: Any = getattr(event, "recorder", None)
        for identity, checks in recorder.checks.items() if recorder is not None else ():
            asked += 1
            response = recorder.interactions[identity].response
            code = _code(response.content) if response is not None else ""
            for check in checks:
                failed = check.failure_info
                if failed is not None and not (check.name == "positive_data_acceptance" and code in EXCUSED):
                    wrong.add(f"{recorder.label}: {failed.failure}\n{failed.code_sample}\n{code}")
    return asked, wrong


def _code(body: bytes) -> str:
    """The code of a problem, or of an error of OData."""
    told = orjson.loads(body) if body.startswith(b"{") else {}
    return str(told.get("error", told).get("code", ""))


def test_every_part_of_the_description_holds(served: tuple[Desk, str]) -> None:
    made, address = served
    only = {"fuzzing": {"enabled": False}, "stateful": {"enabled": False}}
    asked, wrong = found(address, made.key("everything", *GRANTS), parameters=NAMES, phases=only)
    assert sorted(wrong) == []
    assert asked > 1000


@pytest.mark.parametrize(
    "grants",
    [pytest.param(tuple(GRANTS), marks=pytest.mark.soak), ("todos:read", "todos:write")],
    ids=["everything", "little"],
)
def test_nothing_is_found_by_drawn_requests(served: tuple[Desk, str], grants: tuple[str, ...]) -> None:
    made, address = served
    key = made.key(f"drawn-{len(grants)}", *grants, systems=["oa"] if len(grants) == 2 else [])
    asked, wrong = found(address, key, phases={"coverage": {"enabled": False}})
    assert sorted(wrong) == []
    assert asked > 100
