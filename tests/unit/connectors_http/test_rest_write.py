"""Writing to JSON APIs: one outcome per change, whatever the system answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from connectors.rest import SPEC
from hub.contract import Change, Context, Outcome
from hub.errors import AuthError, ConfigError, Fatal, RecordRejected, Retriable
from tests.faults.matrix import row
from tests.unit.http.fake import Answer, Asked, Fake, as_json, fake, free_port

WRITE = {
    "create": {"method": "POST", "path": "/people", "id": "person.id", "body": "person", "without": ["id"]},
    "update": {"method": "PATCH", "path": "/people/{id}"},
    "delete": {"method": "DELETE", "path": "/people/{id}"},
    "find": {"params": {"code": "{code}"}},
    "idempotency": "Idempotency-Key",
    "etag": True,
}
NEW = Change("create", {"code": "a"}, {"code": "a", "name": "Ann"}, id="c1")
OLD = Change("update", {"code": "a"}, {"name": "Ann"}, foreign_id="7", version='"1"')
GONE = Change("delete", {"code": "a"}, foreign_id="7")


def rest(url: str, resource: dict[str, Any] | None = None, **settings: Any) -> Any:
    declared = {"path": "/people", "records": "data", "key": "code", "write": WRITE, **(resource or {})}
    made = SPEC.settings.model_validate({"url": url, "limits": {"retries": 0}, **settings})
    return SPEC.open(Context("test-" + url), made, {"people": SPEC.resource.model_validate(declared)})


def deliver(server: Fake, *changes: Change, **settings: Any) -> list[Outcome]:
    target = rest(server.url, **settings)
    outcomes: list[Outcome] = target.deliver(target.resource("people"), changes)
    assert len(outcomes) == len(changes)
    return outcomes


def test_a_create_is_wrapped_and_gives_the_new_id():
    with fake(lambda asked: as_json({"person": {"id": 7}}, 201, ETag='"1"')) as server:
        (outcome,) = deliver(server, NEW)
    asked = server.asked[0]
    assert outcome == Outcome("done", "7", '"1"')
    assert (asked.method, asked.path, asked.headers["idempotency-key"]) == ("POST", "/people", "c1")
    assert orjson.loads(asked.body) == {"person": {"code": "a", "name": "Ann"}}


def test_an_id_may_come_from_the_location():
    with fake(lambda asked: Answer(201, b"", {"Location": "/people/9?x=1"})) as server:
        assert deliver(server, NEW)[0].foreign_id == "9"


def test_an_update_goes_to_the_foreign_id_with_its_version():
    with fake(lambda asked: Answer(204)) as server:
        (outcome,) = deliver(server, OLD)
    asked = server.asked[0]
    assert outcome.status == "done"
    assert (asked.method, asked.path, asked.headers["if-match"]) == ("PATCH", "/people/7", '"1"')


def test_dotted_names_nest_and_decimals_keep_their_digits():
    change = Change("update", {}, {"a.b": Decimal("1.50"), "a.c": None, "d": ["x"]}, foreign_id="1")
    with fake(lambda asked: Answer(204)) as server:
        deliver(server, change)
    assert server.asked[0].body == b'{"a":{"b":1.50,"c":null},"d":["x"]}'


@pytest.mark.parametrize(
    ("kind", "body"),
    [("application/merge-patch+json", b'{"name":"Ann"}'), ("application/x-www-form-urlencoded", b"name=Ann")],
)
def test_a_body_is_sent_in_its_declared_type(kind: str, body: bytes):
    write = {"update": {"method": "PUT", "path": "/people/{id}", "content_type": kind}}
    with fake(lambda asked: Answer(204)) as server:
        target = rest(server.url, {"write": write, "headers": {"X-Tenant": "7"}})
        target.deliver(target.resource("people"), [OLD])
    asked = server.asked[0]
    assert (asked.headers["content-type"], asked.headers["x-tenant"], asked.body) == (kind, "7", body)


@pytest.mark.parametrize(
    ("change", "answer", "status", "code"),
    [
        (NEW, Answer(400, b'{"m": "bad"}'), "rejected", "http.400"),
        (NEW, Answer(403), "rejected", "http.403"),
        (NEW, Answer(409), "conflict", "http.409"),
        (NEW, Answer(422), "rejected", "http.422"),
        (NEW, Answer(429, b"", {"Retry-After": "9"}), "retry", "http.429"),
        (NEW, Answer(500), "unknown", "http.500"),
        (NEW, Answer(503), "retry", "http.503"),
        (NEW, Answer(raw=b""), "unknown", "http.cut"),
        (NEW, Answer(200, b"<html></html>"), "unknown", "http.html"),
        (NEW, Answer(302, b"", {"Location": "/x"}), "rejected", "http.302"),
        (OLD, Answer(412), "conflict", "http.412"),
        (OLD, Answer(404), "conflict", "http.404"),
        (GONE, Answer(404), "done", ""),
    ],
)
def test_each_answer_has_its_outcome(change: Change, answer: Answer, status: str, code: str):
    with fake(lambda asked: answer) as server:
        (outcome,) = deliver(server, change)
    assert (outcome.status, outcome.code) == (status, code)
    assert len(server.asked) == 1


def test_the_wait_a_system_asks_for_is_passed_on_and_the_rest_is_not_sent():
    with fake(lambda asked: Answer(429, b"", {"Retry-After": "9"})) as server:
        outcomes = deliver(server, NEW, OLD)
    assert [(one.status, one.wait) for one in outcomes] == [("retry", 9.0), ("retry", 9.0)]
    assert len(server.asked) == 1


@row(14, "a lost answer (REST)")
def test_a_lost_answer_leaves_one_change_unknown_and_the_rest_unsent():
    with fake(lambda asked: Answer(raw=b"") if asked.method == "POST" else Answer(204)) as server:
        outcomes = deliver(server, OLD, NEW, OLD)
    assert [one.status for one in outcomes] == ["done", "unknown", "retry"]


def test_nothing_is_answered_but_raised_where_nothing_can_have_happened():
    target = rest(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Retriable):
        target.deliver(target.resource("people"), [NEW])
    with fake(lambda asked: Answer(401)) as server, pytest.raises(AuthError):
        deliver(server, NEW)


@row(37, "credentials refused half way")
def test_credentials_refused_half_way_keep_what_was_done():
    answers = [Answer(204), Answer(401)]
    with fake(lambda asked: answers.pop(0)) as server:
        assert [one.status for one in deliver(server, OLD, OLD, OLD)] == ["done", "retry", "retry"]


def test_an_undeclared_operation_is_refused_before_anything_is_sent():
    with fake(lambda asked: Answer(204)) as server:
        target = rest(server.url, {"write": {"update": WRITE["update"]}})
        with pytest.raises(ConfigError, match="create is not declared"):
            target.deliver(target.resource("people"), [OLD, NEW])
    assert server.asked == []


def test_a_value_cannot_change_the_path():
    def one(foreign_id: str) -> Change:
        return Change("delete", {}, foreign_id=foreign_id)

    with fake(lambda asked: Answer(204)) as server:
        outcomes = deliver(server, one("../x?y=1"), one(".."))
    assert [asked.target for asked in server.asked] == ["/people/..%2Fx%3Fy%3D1"]
    assert outcomes[1].code == "write.slot"


@row(15, "a failure in the body of a 200")
def test_failures_that_stand_in_the_body_are_failures():
    answers = {"path": "code", "equals": ["0"], "message": "msg", "retry": ["99"]}
    bodies = [{"code": 0}, {"code": 5, "msg": "no such dept"}, {"code": 99}]
    with fake(lambda asked: as_json(bodies.pop(0))) as server:
        outcomes = deliver(server, OLD, OLD, OLD, answers=answers)
    assert [one.status for one in outcomes] == ["done", "rejected", "retry"]
    assert "no such dept" in outcomes[1].message


def test_no_outcome_shows_a_secret():
    with fake(lambda asked: Answer(400, b'{"error": "t0ken-of-ours is not allowed"}')) as server:
        (outcome,) = deliver(server, NEW, auth={"bearer": {"token": "t0ken-of-ours"}})
    assert "t0ken-of-ours" not in outcome.message
    assert "is not allowed" in outcome.message


def find(records: list[Any], key: str = "a", **resource: Any) -> Any:
    def reply(asked: Asked) -> Answer:
        start = int(asked.params.get("skip", 0))
        return as_json({"data": records[start : start + 2]})

    with fake(reply) as server:
        target = rest(server.url, resource)
        return target.find(target.resource("people"), [{"code": key}])[0]


def test_a_record_is_found_by_its_natural_key_alone():
    assert find([{"id": 1, "code": "ab"}, {"id": 2, "code": "a"}]).foreign_id == "2"
    assert find([{"id": 1, "code": "ab"}]) is None
    with pytest.raises(RecordRejected, match="several"):
        find([{"id": 1, "code": "a"}, {"id": 2, "code": "a"}])


def test_a_look_up_that_does_not_filter_is_paged_through():
    paging = {"offset": {"param": "skip"}}
    people = [{"id": n, "code": f"c{n}"} for n in range(9)]
    assert find(people, "c8", paging=paging).foreign_id == "8"
    with pytest.raises(Fatal, match="without an end"):
        find([{"id": n, "code": f"c{n}"} for n in range(200)], "x", paging=paging)
