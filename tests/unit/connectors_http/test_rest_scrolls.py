"""Scrolls, and spans of time that begin at the cursor, as Beisen has them."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.rest.declared import Windows
from connectors.rest.under import spans
from tests.unit.connectors_http.test_rest_declared import LIST, read, rest
from tests.unit.http.fake import Answer, Asked, as_json, fake, lines


def test_a_scroll_gives_the_same_token_until_a_page_is_empty():
    def reply(asked: Asked) -> Answer:
        page = len(server.asked)
        return as_json({"data": [{"id": page}] if page < 3 else [], "scroll": "s"})

    rule = {"cursor": {"param": "scroll", "from": "scroll", "until": "empty"}}
    with fake(reply) as server:
        assert [one["id"] for one in lines(read(rest(server.url, {"list": {**LIST, "paging": rule}})))] == [1, 2]
        assert [one.params.get("scroll") for one in server.asked] == [None, "s", "s"]


def test_spans_begin_at_the_cursor_and_end_ahead_of_now():
    rule = {"from": "a", "until": "b", "span": "10d", "back": "100d", "ahead": "1d", "format": "%Y-%m-%d"}
    declared = Windows.model_validate(rule)
    now = datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    assert [*spans(declared, now, "2026-01-20T08:00:00")] == [
        {"a": "2026-01-20", "b": "2026-01-30"}, {"a": "2026-01-30", "b": "2026-02-02"},
    ]  # fmt: skip
    assert len([*spans(declared, now)]) == 11
    assert [*spans(declared, now, "2027-01-01")] == [{"a": "2026-02-01", "b": "2026-02-02"}]
