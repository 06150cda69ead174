"""What is read strictly of numbers and times that strangers write."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from hub.api import entities, organizations, people
from hub.errors import HubError
from hub.http.records import dig
from hub.identity import scim_source
from hub.literals import digits, exact, instant, integer, since_1970
from hub.todos.feed import PLACES


@pytest.mark.parametrize("text", ["²", "٣", "", " 1", "1_0", "+1", "0x1", "1.0", "9" * 19, "9" * 5000, "-1"])
def test_an_integer_is_ascii_digits_that_a_database_holds(text: str):
    with pytest.raises(ValueError, match="no whole number"):
        integer(text)
    assert digits(text) is None


def test_what_is_a_number_is_read():
    assert [integer(str(2**63 - 1)), integer("-5", -5), digits("007")] == [2**63 - 1, -5, 7]
    assert exact("-1.50") == Decimal("-1.5")
    assert since_1970("1500", 1000) == dt.datetime(1970, 1, 1, 0, 0, 1, 500_000, dt.UTC)
    assert instant("2026-11-27").tzinfo is dt.UTC


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (instant, "9999-12-31T23:59:59-12:00"), (instant, "0001-01-01T00:00:00+12:00"), (instant, "²"),
        (since_1970, "9" * 18), (since_1970, "²"), (exact, "NaN"), (exact, "Infinity"), (exact, "1e999999"),
        (exact, "²"), (PLACES["due"][0], "9999-12-31T23:59:59-12:00"), (PLACES["priority"][0], "9" * 30),
    ],
)  # fmt: skip
def test_what_is_none_is_a_value_error(read: Callable[[str], Any], text: str):
    with pytest.raises(ValueError):  # noqa: PT011 # each has a text of its own; what counts is that it is no other error
        read(text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "9" * 30), ("integer", "²"), ("decimal", "NaN"), ("datetime", "9999-12-31T23:59:59-12:00"),
        ("date", "²"),
    ],
)  # fmt: skip
def test_a_field_is_not_asked_for_by_what_no_record_has(kind: str, text: str):
    with pytest.raises(ValueError):  # noqa: PT011 # made ``query.type`` by its caller
        entities._parsed(kind, text)


@pytest.mark.parametrize("number", ["1e400", "1e300", "-1", "true", '"\u00b2"', "99999999999999999999"])
def test_a_cursor_of_changes_with_a_number_that_is_none_is_refused(number: str):
    one = "00000000-0000-0000-0000-000000000000"
    text = base64.urlsafe_b64encode(f'[{number},"{one}"]'.encode()).decode()
    with pytest.raises(HubError) as caught:
        organizations._since(text)
    assert caught.value.code == "cursor.malformed"
    text = base64.urlsafe_b64encode(f'["m",{number},"{one}",1,"{one}"]'.encode()).decode()
    with pytest.raises(HubError) as caught:
        people._since(text, "m")
    assert caught.value.code == "cursor.malformed"


def test_a_time_of_a_scim_cursor_lies_in_the_calendar():
    with pytest.raises(HubError) as caught:
        scim_source._moment("9999-12-31T23:59:59-12:00")
    assert caught.value.code == "cursor.malformed"


def test_a_path_takes_positions_in_ascii_digits_only():
    assert bytes(dig(b"[[1]]", "0.0") or b"") == b"1"
    assert dig(b"[1]", "²") is None
