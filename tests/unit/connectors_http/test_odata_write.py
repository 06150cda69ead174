"""Writing to OData services, one by one and in batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.odata import SPEC
from connectors.odata.batch import read_multipart
from connectors.odata.said import said
from hub.contract import Change, Context, Outcome
from hub.errors import AuthError, HubError, RecordRejected
from tests.faults.matrix import row
from tests.unit.connectors_http.test_odata_read import V2, V4, Service
from tests.unit.http.fake import Answer, Asked, Fake, as_json, fake

NEW = Change("create", {"Id": "1"}, {"Id": "1", "Seats": "4", "At": "1970-01-01T00:00:01Z"})
OLD = Change("update", {"Id": "1"}, {"Id": "1", "Name": "Ann"}, foreign_id="1", version='W/"1"')
GONE = Change("delete", {"Id": "1"}, foreign_id="1")


def serving(edmx: bytes, reply: Callable[[Asked], Answer]) -> Any:
    def guarded(asked: Asked) -> Answer:
        if asked.headers.get("x-csrf-token") == "Fetch":
            return as_json({"d": {}}, X_CSRF_Token="fresh")
        return reply(asked)

    service = Service(edmx, guarded)
    return fake(service)


def target(url: str, **settings: Any) -> Any:
    made = SPEC.settings.model_validate({"url": f"{url}/srv/x", "limits": {"retries": 0}, **settings})
    return SPEC.open(Context("test-" + url), made, {})


def deliver(server: Fake, *changes: Change, **settings: Any) -> list[Outcome]:
    opened = target(server.url, **settings)
    outcomes: list[Outcome] = opened.deliver(opened.resource("Rooms"), changes)
    assert len(outcomes) == len(changes)
    return outcomes


def writes(server: Fake) -> list[Asked]:
    return [asked for asked in server.asked if asked.method != "GET"]


def test_a_v2_create_sends_v2_values_and_takes_key_and_etag_from_the_answer():
    body = {"d": {"__metadata": {"etag": 'W/"7"'}, "Id": "77"}}
    with serving(V2, lambda asked: as_json(body, 201)) as server:
        assert deliver(server, NEW) == [Outcome("done", "77", 'W/"7"')]
    (asked,) = writes(server)
    assert (asked.method, asked.path, asked.headers["x-csrf-token"]) == ("POST", "/srv/x/Rooms", "fresh")
    assert orjson.loads(asked.body) == {"Id": "1", "Seats": 4, "At": "/Date(1000+0000)/"}


def test_a_create_without_a_body_takes_the_key_from_its_address():
    headers = {"OData-EntityId": "http://h/srv/x/Rooms('7')", "ETag": 'W/"1"'}
    with serving(V4, lambda asked: Answer(204, b"", headers)) as server:
        assert deliver(server, NEW) == [Outcome("done", "7", 'W/"1"')]


@pytest.mark.parametrize(("edmx", "method"), [(V2, "MERGE"), (V4, "PATCH")])
def test_an_update_is_addressed_by_key_and_guarded_by_its_etag(edmx: bytes, method: str):
    with serving(edmx, lambda asked: Answer(204)) as server:
        assert deliver(server, OLD, sap_client="100")[0].status == "done"
    (asked,) = writes(server)
    assert (asked.method, asked.target) == (method, "/srv/x/Rooms('1')?sap-client=100")
    assert (asked.headers["if-match"], asked.body) == ('W/"1"', b'{"Name":"Ann"}')


@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [(OLD, 412, "conflict"), (OLD, 428, "conflict"), (NEW, 409, "conflict"), (NEW, 400, "rejected"),
     (NEW, 500, "unknown"), (GONE, 404, "done"), (NEW, 429, "retry")],
)  # fmt: skip
def test_each_answer_has_its_outcome(change: Change, status: int, expected: str):
    error = {"error": {"code": "X/1", "message": {"lang": "en", "value": "Seats too many"}}}
    with serving(V2, lambda asked: as_json(error, status)) as server:
        (outcome,) = deliver(server, change)
    assert outcome.status == expected
    assert expected == "done" or outcome.message == "[X/1] Seats too many"


def test_a_token_that_has_run_out_is_fetched_once_more():
    refused = Answer(403, b"", {"X-CSRF-Token": "Required"})
    answers = [refused, Answer(204), refused, refused]
    with serving(V2, lambda asked: answers.pop(0)) as server:
        assert [one.status for one in deliver(server, OLD, batch="off")] == ["done"]
        assert [one.status for one in deliver(server, OLD, batch="off")] == ["rejected"]
    assert len(writes(server)) == 4


def test_csrf_off_fetches_no_token_and_on_insists():
    with serving(V2, lambda asked: Answer(204)) as server:
        deliver(server, OLD, csrf="off")
        assert not any("x-csrf-token" in asked.headers for asked in server.asked)
    service = Service(V2, lambda asked: as_json({}))
    with fake(service) as server, pytest.raises(HubError) as caught:
        deliver(server, OLD, csrf="on")
    assert caught.value.code == "csrf.missing"


def batch_answer(*parts: str, end: str = "--b--\r\n") -> Answer:
    made = "".join(
        f"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n{part}\r\n"
        for part in parts
    )
    return Answer(202, (made + end).encode(), {"Content-Type": "multipart/mixed; boundary=b"})


DONE = 'HTTP/1.1 204 No Content\r\nETag: "2"\r\n\r\n'
BAD = (
    'HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n{"error":{"code":"5","message":"no"}}'
)


@row(15, "an OData batch")
def test_a_batch_judges_each_change_by_itself():
    with serving(V2, lambda asked: batch_answer(DONE, BAD, DONE)) as server:
        outcomes = deliver(server, OLD, NEW, GONE)
    assert [one.status for one in outcomes] == ["done", "rejected", "done"]
    assert outcomes[1].message == "[5] no"
    (asked,) = writes(server)
    assert asked.path == "/srv/x/$batch"
    assert asked.body.count(b"multipart/mixed; boundary=change_") == 3
    assert b"MERGE Rooms('1') HTTP/1.1\r\n" in asked.body


def test_a_change_that_cannot_be_sent_does_not_stop_the_others():
    wrong = Change("create", {"Id": "2"}, {"Id": "2", "Nope": 1})
    with serving(V2, lambda asked: batch_answer(DONE, DONE)) as server:
        outcomes = deliver(server, OLD, wrong, OLD)
    assert [one.code for one in outcomes] == ["", "field.unknown", ""]


def test_what_a_service_did_not_begin_after_a_failure_is_sent_again():
    answers = [batch_answer(DONE, BAD), batch_answer(DONE)]
    with serving(V4, lambda asked: answers.pop(0)) as server:
        assert [one.status for one in deliver(server, OLD, NEW, GONE)] == ["done", "rejected", "done"]
    assert writes(server)[1].body.count(b"HTTP/1.1") == 1


@row(14, "a cut batch answer")
def test_a_cut_batch_answer_leaves_the_rest_unknown():
    with serving(V2, lambda asked: batch_answer(BAD, end="")) as server:
        assert {one.status for one in deliver(server, NEW, NEW)} <= {"unknown", "rejected"}


@row(14, "a lost batch answer")
def test_a_lost_batch_answer_leaves_all_unknown():
    with serving(V2, lambda asked: Answer(raw=b"")) as server:
        assert [one.status for one in deliver(server, NEW, OLD)] == ["unknown", "unknown"]


def part(text: str, number: int) -> str:
    return f"--b\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\n{text}\r\n"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([part(BAD, 2), part(DONE, 1), part(DONE, 3)], ["done", "rejected", "done"]),
        ([part(BAD, 2), part(DONE, 3)], ["unknown", "rejected", "done"]),
        ([part(DONE, 1), part(DONE, 1), part(BAD, 2), part(DONE, 3)], ["unknown", "rejected", "done"]),
    ],
)
def test_answers_of_a_batch_go_to_the_changes_that_their_content_id_names(parts: list[str], expected: list[str]):
    whole = Answer(202, ("".join(parts) + "--b--").encode(), {"Content-Type": "multipart/mixed; boundary=b"})
    with serving(V2, lambda asked: whole) as server:
        assert [one.status for one in deliver(server, OLD, NEW, GONE)] == expected


@pytest.mark.parametrize("parts", [(DONE,), (DONE, DONE, DONE, DONE), (BAD, DONE)])
def test_answers_that_nobody_can_attribute_leave_all_unknown(parts: tuple[str, ...]):
    with serving(V2, lambda asked: batch_answer(*parts)) as server:
        assert {one.status for one in deliver(server, OLD, NEW, GONE)} == {"unknown"}


def test_a_service_without_batch_is_written_one_by_one():
    def reply(asked: Asked) -> Answer:
        return Answer(501) if asked.path.endswith("$batch") else Answer(204)

    with serving(V2, reply) as server:
        assert [one.status for one in deliver(server, OLD, GONE)] == ["done", "done"]
    assert [asked.path for asked in writes(server)] == [
        "/srv/x/$batch",
        "/srv/x/Rooms('1')",
        "/srv/x/Rooms('1')",
    ]


def test_a_refused_batch_raises():
    with serving(V2, lambda asked: Answer(401)) as server, pytest.raises(AuthError):
        deliver(server, OLD, NEW)


def test_a_json_batch_is_matched_by_ids():
    responses = [{"id": "2", "status": 400, "body": {"error": {"message": "no"}}},
                 {"id": "1", "status": 201, "body": {"Id": "1", "@odata.etag": "e"}}]  # fmt: skip
    with serving(V4, lambda asked: as_json({"responses": responses})) as server:
        outcomes = deliver(server, NEW, OLD, batch="json")
    assert [(one.status, one.version, one.message) for one in outcomes] == [
        ("done", "e", ""),
        ("rejected", None, "no"),
    ]
    sent = orjson.loads(writes(server)[0].body)["requests"]
    assert [(one["id"], one["method"], one["url"]) for one in sent] == [
        ("1", "POST", "Rooms"),
        ("2", "PATCH", "Rooms('1')"),
    ]


def test_recorded_batch_answers_are_read(fixtures: Path):
    folder = fixtures / "odata/olingo2_batch"
    body = (folder / "batchResponse.batch").read_bytes()
    replies, complete = read_multipart(body, "multipart/mixed; boundary=batch_123")
    assert ([one.status for one in replies], complete) == ([204, 201, 200], True)
    assert orjson.loads(replies[1].body)["d"]["EmployeeId"] == "7"
    body = (folder / "BatchResponseWithLinesInBodyWin.batch").read_bytes()
    (reply,), _ = read_multipart(body, 'multipart/mixed; boundary="batch_123"')
    assert reply.status == 500
    assert b"are \n\npart of the body" in reply.body


def test_recorded_errors_are_put_in_words(fixtures: Path):
    body = (fixtures / "odata/successfactors/successfactors-error.json").read_bytes()
    words = said(body)
    assert words.startswith(
        "[005056A509B11EE1B9A8FEC11C21D78E] Resource not found for the segment 'Address2'."
    )
    assert "Team/Team_Identifier: 'TEAM_012345678' is not a valid ID." in words
    assert said(b'<error xmlns="m"><code>7</code><message>No</message></error>') == "[7] No"
    assert said(b"garbage") == ""


def found(*rooms: Any, keys: list[dict[str, Any]]) -> Any:
    with serving(V2, lambda asked: as_json({"d": {"results": rooms}})) as server:
        opened = target(server.url)
        answer = opened.find(opened.resource("Rooms"), keys)
    return answer, [asked.params.get("$filter") for asked in server.asked if asked.path.endswith("Rooms")]


def test_several_keys_are_looked_up_at_once_and_matched_exactly():
    rooms = [{"Id": "2", "Name": "b", "__metadata": {"etag": "e"}}, {"Id": "3", "Name": "B"}]
    answer, filters = found(*rooms, keys=[{"Name": "a"}, {"Name": "b"}])
    assert filters == ["(Name eq 'a') or (Name eq 'b')"]
    assert answer[0] is None
    assert (answer[1].foreign_id, answer[1].version) == ("2", "e")


def test_a_key_that_several_records_share_is_refused():
    with pytest.raises(RecordRejected, match="several"):
        found({"Id": "1", "Name": "b"}, {"Id": "2", "Name": "b"}, keys=[{"Name": "b"}])
