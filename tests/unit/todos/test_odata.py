"""The OData feed of to-dos, read by the hub's own connector and by hand."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import uvicorn

from connectors.odata import SPEC
from hub.contract import Context, Query
from hub.todos import odata
from tests.unit.todos.conftest import Desk, forget
from tests.unit.todos.test_dashboards import FOLK, keyed
from tests.unit.todos.test_dashboards import world as world
from tests.unit.todos.test_lists import at, to, todo

FEED = "/v1/todos/odata/"


@pytest.fixture(scope="module")
def office(world: Desk) -> Desk:
    forget(world)
    world.report(*(todo(f"A-{n}", to(code=person), version=at(n), priority="high" if n % 2 else "low")
                   for n, (person, _) in enumerate(FOLK * 3)))  # fmt: skip
    return world


@pytest.fixture(scope="module")
def address(office: Desk) -> Iterator[str]:
    """Where the application is served by HTTP."""
    server = uvicorn.Server(uvicorn.Config(office.client.app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def read(address: str, headers: dict[str, str], since: str | None = None, **resource: Any) -> list[dict[str, Any]]:
    """What the connector reads, page by page, complete."""
    key = headers["authorization"].removeprefix("Bearer ")
    settings = {"url": f"{address}{FEED}", "auth": {"bearer": {"token": key}}, "page_size": 5, "limits": {"retries": 0}}
    made = SPEC.settings.model_validate(settings)
    declared = SPEC.resource.model_validate({"cursor": "ChangedAt", **resource})
    source = SPEC.open(Context("feed"), made, {"Todos": declared})
    try:
        pages = list(source.read(Query(source.resource("Todos"), since=since)))
    finally:
        source.close()
    assert pages[-1].last
    return [orjson.loads(line) for page in pages for line in page.records.splitlines()]


def test_the_connector_reads_all_pages_and_only_what_changed(office: Desk, address: str):
    found = read(address, office.all, count=True)
    assert len({one["Id"] for one in found}) == len(found) == 12
    assert {one["Organization"] for one in found} == {"plant", "sales", "line", ""}
    since = sorted(one["ChangedAt"] for one in found)[0]
    office.report(todo("B-1", to(code="3"), version=at(30)))
    newer = read(address, office.all, since)
    assert len(newer) == 13
    last = max(one["ChangedAt"] for one in newer)
    assert [one["SourceId"] for one in read(address, office.all, last)] == ["B-1"]
    assert len(read(address, keyed(office, "plant"))) == 7


def get(office: Desk, headers: dict[str, str] | None = None, **options: str) -> Any:
    asked = {f"${name}": value for name, value in options.items()}
    answer = office.client.get(f"{FEED}Todos", params=asked, headers=headers or office.all)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_options_say_what_is_wanted(office: Desk):
    wanted = "Priority eq 'high' and (Box eq 'to_do' or Due ne null)"
    some = get(office, filter=wanted, count="true", top="2", select="Id")
    assert some["@odata.count"] == 6
    assert [list(one) for one in some["value"]] == [["Id"], ["Id"]]
    assert "@odata.nextLink" not in some
    everything = get(office)["value"]
    assert get(office, skip="3", top="2")["value"] == everything[3:5]
    backwards = get(office, orderby="ChangedAt desc,Id desc")["value"]
    assert sorted(one["Id"] for one in backwards) == sorted(one["Id"] for one in everything)
    assert [one["ChangedAt"] for one in backwards] == sorted((one["ChangedAt"] for one in everything), reverse=True)
    assert len(get(office, filter="Due ne 2026-11-02T08:00:00Z")["value"]) == len(everything), "none is no such day"
    count = office.client.get(f"{FEED}Todos/$count", params={"$filter": "Read eq false"}, headers=office.all)
    assert int(count.text) == len(everything)


def test_links_lead_through_all_pages_of_any_order(office: Desk):
    for order in ("Id", "Since desc", "ChangedAt,Id"):
        found, link = [], f"{FEED}Todos?$orderby={order}&$top=11"
        while link:
            page = office.client.get(link, headers=office.all | {"prefer": "odata.maxpagesize=4"}).json()
            found += [one["Id"] for one in page["value"]]
            link = page.get("@odata.nextLink", "")
        assert len(set(found)) == len(found) == 11, order


@pytest.mark.parametrize("size", ["²", "-1", "9" * 5000, "4.0", ""])
def test_a_size_of_pages_that_is_no_number_is_no_wish(office: Desk, size: str):
    headers: Any = office.all | {"prefer": f"odata.maxpagesize={size}".encode("latin-1")}
    answer = office.client.get(f"{FEED}Todos?$top=5", headers=headers)
    assert (answer.status_code, len(answer.json()["value"])) == (200, 5)


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "Title eq 'x'"},
        {"filter": "Box eq"},
        {"filter": "Box eq 'a' or"},
        {"filter": "(Box eq 'a'"},
        {"filter": "Box eq 'a') "},
        {"filter": "Box like 'a'"},
        {"filter": "Urges gt 99999999999"},
        {"filter": "Urges gt ²"},
        {"filter": "Since gt yesterday"},
        {"filter": "Since gt 0001-01-01T00:00:00+14:00"},
        {"filter": "Since lt 9999-12-31T23:59:59-14:00"},
        {"filter": "Due gt null"},
        {"filter": "Priority eq 'urgent'"},
        {"filter": "startswith(System,'o')"},
        {"filter": "(" * 40 + "Box eq 'a'" + ")" * 40},
        {"filter": "Box eq 'a' and " * 400 + "Box eq 'a'"},
        {"orderby": "Title"},
        {"orderby": "Id asc,Since desc"},
        {"select": "Secret"},
        {"skiptoken": "nonsense"},
        {"expand": "Person"},
        {"apply": "aggregate($count as n)"},
        {"format": "xml"},
    ],
)
def test_what_is_not_understood_is_refused(office: Desk, options: dict[str, str]):
    asked = {f"${name}": value for name, value in options.items()}
    answer = office.client.get(f"{FEED}Todos", params=asked, headers=office.all)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "odata.option"), answer.text


def test_quotes_and_brackets_in_texts_are_texts():
    assert odata.filtered("SourceId eq 'it''s (a) or b'") == [("source_id", "eq", "it's (a) or b")]
    both = odata.filtered("Box eq 'a' or Box eq 'b' and Read eq true")
    assert both == [("", "or", [("box", "eq", "a"), ("", "and", [("box", "eq", "b"), ("read", "eq", True)])])]


def test_excel_logs_in_with_the_key_as_password(office: Desk):
    key = office.all["authorization"].removeprefix("Bearer ")
    basic = {"authorization": "Basic " + base64.b64encode(f"excel:{key}".encode()).decode()}
    assert json.dumps(get(office, basic)) == json.dumps(get(office))
    assert office.client.get(FEED, headers=basic).json()["value"][0]["name"] == "Todos"
    for path in ("", "$metadata", "Todos", "Todos/$count"):
        stranger = office.client.get(f"{FEED}{path}")
        assert stranger.status_code == 401, path
        assert stranger.headers["www-authenticate"].startswith("Basic")
    wrong = {"authorization": "Basic " + base64.b64encode(b"excel:guess").decode()}
    assert office.client.get(f"{FEED}Todos", headers=wrong).status_code == 401
    writes = office.key("odata-writes", "todos:write")
    assert office.client.get(f"{FEED}Todos", headers=writes).json()["error"]["code"] == "key.grant"
