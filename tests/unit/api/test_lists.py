"""Lists go on where they ended, show what is asked for, and hide what is classified."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from tests.unit.api.conftest import Served

pytestmark = pytest.mark.by_turns

PEOPLE = "/v1/entities/person"


def numbers(answer: Any) -> list[str]:
    return [one["values"]["number"] for one in answer.json()["items"]]


def test_pages_follow_each_other_without_gap_or_repetition_while_records_come(served: Served):
    headers, seen, place = served.key("a", "entities:read"), list[str](), f"{PEOPLE}?limit=3"
    for turn in range(9):
        answer = served.client.get(place, headers=headers)
        seen += numbers(answer)
        if turn == 0:
            served.put("hr.people", {"id": "99", "name": "Late", "boss": "1"})
            served.run("people", "incremental")
        if "link" not in answer.headers:
            break
        place = answer.headers["link"].partition("<")[2].partition(">")[0]
    assert sorted(seen, key=int) == ["1", "2", "3", "4", "5", "6", "7", "99"]
    assert len(seen) == len(set(seen))


def test_by_change_a_kept_cursor_gives_only_what_changed_since(served: Served):
    headers = served.key("a", "entities:read")
    first = served.client.get(f"{PEOPLE}?order=changed&limit=7", headers=headers).json()
    served.put("hr.people", {"id": "3", "name": "Other", "boss": "1"})
    served.run("people", "incremental")
    again = served.client.get(f"{PEOPLE}?order=changed&limit=7&cursor={first['next']}", headers=headers)
    assert numbers(again) == ["3"]


def test_classified_values_are_masked_and_references_named(served: Served):
    (one,) = served.client.get(f"{PEOPLE}?number=2", headers=served.key("a", "entities:read")).json()["items"]
    assert one["values"] == {
        "number": "2", "name": "P2", "phone": "+49***0002", "salary": "***", "born": "1980-01-02", "boss": "1",
    }  # fmt: skip


def test_a_role_and_a_reason_show_them_and_are_recorded(served: Served):
    headers = served.key("payroll", "entities:read")
    asked = f"{PEOPLE}/2?unmask_reason=case%204711"
    assert served.client.get(asked, headers=headers).json()["values"]["salary"] == "2000.5000"
    stranger = served.client.get(asked, headers=served.key("dash", "entities:read"))
    assert (stranger.status_code, stranger.json()["code"]) == (403, "unmask.clearance")
    found = served.rows("SELECT actor, action, reason FROM audit WHERE action LIKE 'unmask%' ORDER BY seq")
    assert [tuple(row) for row in found] == [
        ("key:payroll", "unmask.shown", "case 4711"),
        ("key:dash", "unmask.refused", "case 4711"),
    ]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("nam=x", 400, "query.unknown"),
        ("salary=1", 400, "query.classified"),
        ("born=yesterday", 400, "query.type"),
        ("fields=id,nothing", 400, "fields.unknown"),
        ("cursor=!!", 400, "cursor.malformed"),
        ("limit=0", 400, "request.malformed"),
        ("limit=501", 400, "request.malformed"),
        ("state=dead", 400, "request.malformed"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_name(
    shared: Served, reader: dict[str, str], query: str, status: int, code: str
):
    answer = shared.client.get(f"{PEOPLE}?{query}", headers=reader)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert query.partition("=")[0] in answer.json()["where"]


@pytest.mark.parametrize("number", ["²", "9" * 30, "-1", "1e400", "٣"])
def test_a_number_that_no_list_gave_is_no_cursor(shared: Served, reader: dict[str, str], number: str):
    real = shared.client.get(f"{PEOPLE}?limit=1&order=changed", headers=reader).json()["next"]
    mark, (_, identity) = orjson.loads(base64.urlsafe_b64decode(real + "=="))
    made = base64.urlsafe_b64encode(orjson.dumps([mark, [number, identity]])).decode().rstrip("=")
    answer = shared.client.get(f"{PEOPLE}?limit=1&order=changed&cursor={made}", headers=reader)
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor.malformed")


@pytest.mark.parametrize("place", [["x"], [], [1, 2, 3], {"a": 1}, [None]])
def test_a_made_up_cursor_is_refused(shared: Served, reader: dict[str, str], place: Any):
    real = shared.client.get(f"{PEOPLE}?limit=1", headers=reader).json()["next"]
    mark = orjson.loads(base64.urlsafe_b64decode(real + "=="))[0]
    made = base64.urlsafe_b64encode(orjson.dumps([mark, place])).decode().rstrip("=")
    answer = shared.client.get(f"{PEOPLE}?limit=1&cursor={made}", headers=reader)
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor.malformed")


def test_a_cursor_of_another_query_is_refused(shared: Served, reader: dict[str, str]):
    cursor = shared.client.get(f"{PEOPLE}?limit=1", headers=reader).json()["next"]
    other = shared.client.get(f"{PEOPLE}?limit=1&name=P1&cursor={cursor}", headers=reader)
    assert (other.status_code, other.json()["code"]) == (400, "cursor.other")


def test_fields_are_chosen_and_an_unchanged_answer_is_not_sent_again(shared: Served, reader: dict[str, str]):
    first = shared.client.get(f"{PEOPLE}?fields=id,values.name&limit=1", headers=reader)
    assert list(first.json()["items"][0]) == ["id", "values"]
    assert first.json()["items"][0]["values"] == {"name": "P1"}
    known = {**reader, "if-none-match": first.headers["etag"]}
    assert shared.client.get(f"{PEOPLE}?fields=id,values.name&limit=1", headers=known).status_code == 304


def test_one_record_by_key_or_id(served: Served):
    headers = served.key("a", "entities:read")
    one = served.client.get(f"{PEOPLE}/3", headers=headers).json()
    assert one["values"]["name"] == "P3"
    assert served.client.get(f"{PEOPLE}/{one['id']}", headers=headers).json()["id"] == one["id"]
    none = served.client.get(f"{PEOPLE}/333", headers=headers)
    assert (none.status_code, none.json()["code"]) == (404, "entity.unknown")
