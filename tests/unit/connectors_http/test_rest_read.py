"""Reading JSON APIs: every way of paging, and every way in which it goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from connectors.rest import SPEC
from hub.contract import Context, Page, Query
from hub.errors import Fatal, HubError, Retriable
from tests.faults.matrix import row
from tests.unit.http.fake import Answer, Asked, Fake, as_json, fake, lines

PEOPLE = [{"id": n, "name": f"n{n}"} for n in range(1, 8)]


def rest(url: str, resource: dict[str, Any], **settings: Any) -> Any:
    made = SPEC.settings.model_validate({"url": url, "limits": {"retries": 0}, **settings})
    return SPEC.open(Context("test-" + url), made, {"people": SPEC.resource.model_validate(resource)})


def read(server: Fake, resource: dict[str, Any], since: str | None = None, **settings: Any) -> list[Page]:
    source = rest(server.url, {"path": "/people", **resource}, **settings)
    pages = list(source.read(Query(source.resource("people"), since=since)))
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    return pages


def records(pages: list[Page]) -> list[Any]:
    found = lines(pages)
    assert len(found) == sum(page.count for page in pages)
    return found


def code(server: Fake, resource: dict[str, Any], **settings: Any) -> str:
    with pytest.raises(HubError) as caught:
        read(server, resource, **settings)
    return caught.value.code


def by_page(asked: Asked) -> Answer:
    page, size = int(asked.params.get("page", 1)), int(asked.params.get("size", 3))
    part = PEOPLE[(page - 1) * size : page * size]
    return as_json({"data": part, "pages": 3, "total": 7, "more": page < 3})


def by_offset(asked: Asked) -> Answer:
    skip, top = int(asked.params.get("skip", 0)), min(int(asked.params.get("top", 3)), 3)
    return as_json(PEOPLE[skip : skip + top], X_Total_Count="7")


def by_token(asked: Asked) -> Answer:
    start = int(asked.params.get("cursor", 0))
    following = start + 3 if start + 3 < 7 else None
    link = f"/people?cursor={following}" if following else None
    link_header = f'<{link}>; rel="next", </x>; rel=first' if link else ""
    body = {"data": PEOPLE[start : start + 3], "paging": {"next": following, "url": link}}
    return as_json(body, Link=link_header)


def by_range(asked: Asked) -> Answer:
    first, last = (int(text) for text in asked.headers["range"].removeprefix("records=").split("-"))
    if first >= 7:
        return Answer(416)
    return as_json(PEOPLE[first : last + 1], 206, Content_Range=f"records {first}-{min(last, 6)}/7")


@pytest.mark.parametrize(
    ("reply", "resource"),
    [
        (
            by_page,
            {"records": "data", "paging": {"page": {"param": "page", "size_param": "size", "size": 3}}},
        ),
        (by_page, {"records": "data", "paging": {"page": {"param": "page", "pages": "pages"}}}),
        (by_page, {"records": "data", "paging": {"page": {"param": "page", "more": "more"}}}),
        (by_page, {"records": "data", "total": "total", "paging": {"page": {"param": "page"}}}),
        (by_offset, {"paging": {"offset": {"param": "skip", "size_param": "top", "size": 500}}}),
        (by_offset, {"paging": {"offset": {"param": "skip", "overlap": 1}}}),
        (by_offset, {"total": {"header": "X-Total-Count"}, "paging": {"offset": {"param": "skip"}}}),
        (by_token, {"records": "data", "paging": {"cursor": {"param": "cursor", "from": "paging.next"}}}),
        (by_token, {"records": "data", "paging": {"cursor": {"url": "paging.url"}}}),
        (by_token, {"records": "data", "paging": "link_header"}),
        (by_range, {"paging": {"range_header": {"size": 3}}}),
    ],
)
def test_every_way_of_paging_reads_everything_once(
    reply: Callable[[Asked], Answer], resource: dict[str, Any]
):
    with fake(reply) as server:
        pages = read(server, resource)
    assert records(pages) == PEOPLE
    assert [page.first for page in pages] == [
        1 + sum(one.count for one in pages[:n]) for n in range(len(pages))
    ]


def test_values_stay_as_the_source_wrote_them():
    body = b'{"a": {"b": [\n  {"n": 1.50,\r\n "big": 12345678901234567890123, "t": "\\n\\u00e9"}, {}\n]}}'
    with fake(lambda asked: Answer(200, body)) as server:
        (page,) = read(server, {"records": "a.b"})
    assert page.records == b'{"n": 1.50,   "big": 12345678901234567890123, "t": "\\n\\u00e9"}\n{}'


@row(40, "a page that is none (REST)")
@pytest.mark.parametrize(
    ("body", "resource", "expected"),
    [
        (b'{"data": {"x": 1}}', {"records": "data"}, "records.missing"),
        (b'{"error": "quota"}', {"records": "data"}, "records.missing"),
        (b"[1, 2]", {}, "records.shape"),
        (b'[{"a": "\xff"}]', {}, "http.encoding"),
        (b'[{"a": 1}, {"b"', {}, "page.cut"),
        (b"", {}, "http.empty"),
        (b"<html></html>", {}, "http.html"),
        (b'{"d": [{"a": 1}], "n": 5}', {"records": "d", "total": "n"}, "total.short"),
        (b'[{"a": 1}]', {"paging": {"page": {"param": "p"}}}, "page.repeated"),
        (b'{"d": [{"a": 1}], "n": "t"}', {"records": "d", "paging": {"cursor": {"param": "c", "from": "n"}}},
         "page.repeated"),
    ],
)  # fmt: skip
def test_a_bad_page_is_never_taken_for_the_end(body: bytes, resource: dict[str, Any], expected: str):
    with fake(lambda asked: Answer(200, body)) as server:
        assert code(server, resource) == expected


def test_an_empty_list_is_one_empty_last_page():
    with fake(lambda asked: as_json([])) as server:
        (page,) = read(server, {})
    assert (page.records, page.count, page.last) == (b"", 0, True)


def test_a_next_link_is_not_overlooked_where_no_paging_is_declared():
    with fake(by_token) as server:
        assert code(server, {"records": "data"}) == "page.more"


@row(34, "an empty list in place of the second page")
def test_a_total_that_falls_ends_a_list_only_with_what_it_counts():
    resource = {"records": "d", "total": "n", "paging": {"page": {"param": "p", "size": 2}}}
    first = {"d": PEOPLE[0:2], "n": 4}
    pages = [first, {"d": [], "n": 0}]
    with fake(lambda asked: as_json(pages.pop(0))) as server:
        assert code(server, resource) == "total.short"
    pages = [first, {"d": PEOPLE[2:3], "n": 3}]
    with fake(lambda asked: as_json(pages.pop(0))) as server:
        assert sum(page.count for page in read(server, resource)) == 3


@row(10, "records move between pages")
def test_records_that_move_between_two_pages_are_noticed():
    pages = [PEOPLE[0:3], PEOPLE[3:6]]  # one record before the border has gone
    with fake(lambda asked: as_json(pages.pop(0))) as server:
        assert code(server, {"paging": {"offset": {"param": "skip", "overlap": 1}}}) == "page.moved"


def test_a_next_link_to_another_host_is_refused():
    body = {"data": PEOPLE, "next": "http://169.254.169.254/latest/meta-data"}
    with fake(lambda asked: as_json(body)) as server:
        expected = code(server, {"records": "data", "paging": {"cursor": {"url": "next"}}})
    assert expected == "address.forbidden"


def test_statuses_declared_empty_are_empty_and_others_are_not():
    with fake(lambda asked: Answer(204)) as server:
        assert read(server, {"empty": [204]})[0].count == 0
        assert code(server, {}) == "http.empty"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"param": "since"}, {"since": "2026-01-31T23:30:00.5+01:00"}),
        ({"param": "since", "format": "epoch"}, {"since": "1769898600"}),
        ({"param": "since", "format": "%Y-%m-%d %H:%M:%S"}, {"since": "2026-01-31 22:30:00"}),
        ({"param": "q", "value": "at>{since}", "format": "epoch_ms"}, {"q": "at>1769898600500"}),
        ({"param": "d", "value": '["x"]', "encode": "base64url"}, {"d": "WyJ4Il0="}),
    ],
)
def test_changes_are_asked_for_in_the_form_the_source_wants(rule: dict[str, str], expected: dict[str, str]):
    with fake(lambda asked: as_json([])) as server:
        read(server, {"cursor": {"field": "at", **rule}}, since="2026-01-31T23:30:00.5+01:00")
    assert server.asked[0].params == expected


def test_a_post_search_pages_in_its_body():
    def reply(asked: Asked) -> Answer:
        body = orjson.loads(asked.body)
        assert body["filter"] == {"active": True}
        return as_json({"list": PEOPLE[body["page"]["no"] * 4 :][:4]})

    resource = {
        "method": "POST", "body": {"filter": {"active": True}}, "records": "list",
        "paging": {"page": {"param": "page.no", "start": 0, "into": "body"}},
    }  # fmt: skip
    with fake(reply) as server:
        assert records(read(server, resource)) == PEOPLE


def test_a_failure_in_the_body_is_a_failure():
    answers = {"path": "errcode", "equals": 0, "message": "errmsg", "retry": ["45009"]}
    with fake(lambda asked: as_json({"errcode": 40014, "errmsg": "invalid token"})) as server:
        with pytest.raises(Fatal, match="40014: invalid token"):
            read(server, {"records": "users"}, answers=answers)
        server.reply = lambda asked: as_json({"errcode": 45009})
        with pytest.raises(Retriable):
            read(server, {"records": "users"}, answers=answers)


def test_fields_are_described_as_declared():
    resource = SPEC.resource.model_validate(
        {"path": "/p", "key": "id", "fields": {"id": "integer", "tags": ["text"], "at": {"city": "text"}}}
    )
    described = SPEC.describe(Context("x"), None, "people", resource)
    assert described is not None
    assert described.key == ("id",)
    assert [(one.name, one.type, one.many) for one in described.fields] == [
        ("id", "integer", False), ("tags", "text", True), ("at", "json", False),
    ]  # fmt: skip


def test_check_reports_each_resource_with_a_remedy():
    with fake(lambda asked: Answer(401)) as server:
        probes = {probe.name: probe for probe in rest(server.url, {"path": "/people"}).check()}
    refused = probes["authentication"]
    assert (refused.status, refused.code, refused.remedy) == ("failed", "auth.refused", "check auth:")
