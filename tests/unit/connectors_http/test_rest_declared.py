"""What vendors' contracts ask for beyond lists and tokens, each declared in YAML: log-ins of their own, verdicts
in the body, lists below records and in spans of time, values without names, batches."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import ValidationError

from connectors.rest import SPEC
from hub.contract import Change, Context, Page, Query
from hub.errors import AuthError, ConfigError, Fatal, Retriable
from tests.unit.http.fake import Answer, Asked, as_json, fake, lines

ANSWERS = {
    "path": "errcode", "equals": 0, "message": "errmsg", "retry": [45009], "wait": "9s", "expired": [42001],
    "missing": [60111], "exists": [60102],
}  # fmt: skip
LIST = {"path": "/list", "records": "data", "key": "id"}


def rest(url: str, resources: Mapping[str, Any] | None = None, **settings: Any) -> Any:
    made = SPEC.settings.model_validate({"url": url, "limits": {"retries": 0}, **settings})
    declared = {name: SPEC.resource.model_validate(one) for name, one in (resources or {"list": LIST}).items()}
    return SPEC.open(Context("test-" + url, now=lambda: 1_000_000_000.0), made, declared)


def read(connector: Any, name: str = "list") -> list[Page]:
    return [*connector.read(Query(connector.resource(name)))]


def login(url: str, **more: Any) -> dict[str, Any]:
    said = {"url": f"{url}/login", "token": "t", "expires_in": "life", "header": "X-Token", **more}
    return {"login": {"values": {"app": "a"}, "secrets": {"key": "s3cr3t"}, **said}}


class Tokens:
    """Gives tokens t1, t2, …, of which only the newest is taken; a list of one record else."""

    def __init__(self, refused: Callable[[], Answer]) -> None:
        self.given = 0
        self.refused = refused

    def __call__(self, asked: Asked) -> Answer:
        if asked.path == "/login":
            self.given += 1
            return as_json({"t": f"t{self.given}", "life": 7200})
        token = asked.headers.get("x-token") or asked.params.get("token", "")
        if token.removeprefix("Bearer ") != f"t{self.given}":
            return self.refused()
        return as_json({"errcode": 0, "data": [{"id": 1}]})


# ------------------------------------------------------------ logging in


@pytest.mark.parametrize(
    ("more", "method", "sent"),
    [
        ({}, "POST", b'{"app":"a","key":"s3cr3t"}'),
        ({"send": "form"}, "POST", b"app=a&key=s3cr3t"),
        ({"send": "query", "method": "GET"}, "GET", b""),
    ],
)
def test_a_log_in_is_sent_as_declared_and_its_token_kept(more: dict[str, Any], method: str, sent: bytes):
    with fake(Tokens(lambda: as_json({"errcode": 42001}))) as server:
        connector = rest(server.url, auth=login(server.url, **more), answers=ANSWERS)
        assert len([read(connector), read(connector)]) == 2
    asked = server.asked[0]
    assert (asked.method, asked.body) == (method, sent)
    assert asked.params == ({"app": "a", "key": "s3cr3t"} if method == "GET" else {})
    assert [one.path for one in server.asked] == ["/login", "/list", "/list"]


def test_a_token_may_stand_in_the_address_or_behind_a_word():
    with fake(Tokens(lambda: as_json({"errcode": 42001}))) as server:
        read(rest(server.url, auth=login(server.url, header=None, query="token"), answers=ANSWERS))
        read(rest(server.url, auth=login(server.url, prefix="Bearer "), answers=ANSWERS))
    assert server.asked[1].params["token"] == "t1"
    assert server.asked[3].headers["x-token"] == "Bearer t2"


@pytest.mark.parametrize("status", [200, 400, 401])
def test_a_token_that_the_body_calls_expired_is_fetched_once_more(status: int):
    tokens = Tokens(lambda: as_json({"errcode": 42001, "errmsg": "expired"}, status))
    with fake(tokens) as server:
        connector = rest(server.url, auth=login(server.url), answers=ANSWERS)
        read(connector)
        tokens.given += 1  # the one that the connector has is no longer the newest
        assert lines(read(connector)) == [{"id": 1}]
    assert [one.path for one in server.asked].count("/login") == 2


def test_a_fresh_token_that_is_refused_is_an_auth_error():
    with fake(lambda asked: as_json({"t": "t1"} if asked.path == "/login" else {"errcode": 42001})) as server:
        connector = rest(server.url, auth=login(server.url), answers=ANSWERS)
        with pytest.raises(AuthError, match="credentials were refused"):
            read(connector)
        assert len(server.asked) == 4


def test_an_expired_token_is_renewed_in_the_middle_of_a_write():
    tokens = Tokens(lambda: as_json({"errcode": 42001}))
    resource = {**LIST, "write": {"create": {"method": "POST", "path": "/list", "id": "data.0.id"}}}
    with fake(tokens) as server:
        connector = rest(server.url, {"list": resource}, auth=login(server.url), answers=ANSWERS)
        read(connector)
        tokens.given += 1
        (outcome,) = connector.deliver(connector.resource("list"), [Change("create", {"id": 1}, {"id": 1})])
    assert (outcome.status, outcome.foreign_id) == ("done", "1")


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ({"errcode": 40013, "errmsg": "invalid corpid"}, AuthError, "auth.token"),
        ({"errcode": 45009}, Retriable, "answer.failed"),
    ],
)
def test_a_log_in_without_a_token_is_told(answer: dict[str, Any], error: type[Exception], code: str):
    with fake(lambda asked: as_json(answer)) as server:
        connector = rest(server.url, auth=login(server.url), answers=ANSWERS)
        with pytest.raises(error) as told:
            read(connector)
    assert getattr(told.value, "code", "") == code
    assert "s3cr3t" not in str(told.value)


@pytest.mark.parametrize(
    "more", [{"query": "t"}, {"header": None}, {"method": "GET"}, {"token": None}]
)
def test_a_log_in_that_is_none_is_refused(more: dict[str, Any]):
    with pytest.raises(ValidationError):
        SPEC.settings.model_validate({"url": "http://x.example", "auth": login("http://x.example", **more)})


def test_two_threads_log_in_once():
    with fake(Tokens(lambda: as_json({"errcode": 42001}))) as server:
        connectors = [rest(server.url, auth=login(server.url), answers=ANSWERS) for _ in range(2)]
        threads = [threading.Thread(target=read, args=(one,)) for one in connectors]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert [one.path for one in server.asked].count("/login") == 1


def test_values_are_sealed_with_the_systems_key():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    key = base64.b64encode(private.public_key().public_bytes(*form)).decode()
    seal = {"key": key, "login": {"secret": "s3cr3t"}, "requests": {"userid": "1"}}
    with fake(Tokens(lambda: as_json({"errcode": 42001}))) as server:
        read(rest(server.url, auth=login(server.url, seal=seal, headers={"appid": "hub"}), answers=ANSWERS))
        broken = login(server.url, seal={**seal, "key": "nokey"})
        with pytest.raises(ConfigError, match="no public RSA key"):
            read(rest(server.url, auth=broken, answers=ANSWERS))

    def opened(text: str) -> bytes:
        return private.decrypt(base64.b64decode(text), padding.PKCS1v15())

    assert opened(server.asked[0].headers["secret"]) == b"s3cr3t"
    assert server.asked[0].headers["appid"] == "hub"
    assert opened(server.asked[1].headers["userid"]) == b"1"


# ------------------------------------------------------------ verdicts


@pytest.mark.parametrize("status", [200, 400, 403])
def test_a_verdict_that_means_later_counts_under_any_status(status: int):
    limited = fake(lambda asked: as_json({"errcode": 45009, "errmsg": "freq"}, status))
    with limited as server, pytest.raises(Retriable) as told:
        read(rest(server.url, answers=ANSWERS))
    assert (told.value.wait, told.value.code) == (9.0, "answer.failed")


def test_what_the_answer_says_of_the_wait_comes_before_the_manual():
    limited = fake(lambda asked: as_json({"errcode": 45009}, 429, Retry_After="3"))
    with limited as server, pytest.raises(Retriable) as told:
        read(rest(server.url, answers=ANSWERS))
    assert told.value.wait == 3.0


def test_reads_are_repeated_after_such_a_verdict():
    answers = [as_json({"errcode": 45009}), as_json({"errcode": 0, "data": [{"id": 1}]})]
    with fake(lambda asked: answers.pop(0)) as server:
        connector = rest(server.url, answers={**ANSWERS, "wait": "1ms"}, limits={"retries": 1})
        assert lines(read(connector)) == [{"id": 1}]


def test_success_may_be_that_no_verdict_stands_there():
    rule = {"path": "0.errorCode", "message": "0.message", "missing": ["NOT_FOUND"]}
    with fake(lambda asked: as_json({"data": []} if asked.path == "/list" else [{"errorCode": "BAD"}])) as server:
        assert lines(read(rest(server.url, answers=rule))) == []
        with pytest.raises(Fatal, match="answered failure BAD"):
            read(rest(server.url, {"list": {**LIST, "path": "/other"}}, answers=rule))


def test_a_verdict_may_stand_at_several_places_and_be_told_by_its_code():
    rule = {
        "path": ["status.ok", "0.status.ok"], "equals": ["true", ""], "code": ["status.code", "0.status.code"],
        "retry": ["9"], "message": ["status.text", "0.status.text"],
    }  # fmt: skip
    told: list[Any] = [[{"id": 1}], [{"status": {"ok": False, "code": 9, "text": "busy"}}], {"status": {"ok": False}}]
    with fake(lambda asked: as_json(told.pop(0))) as server:
        connector = rest(server.url, {"list": {"path": "/list", "key": "id"}}, answers=rule)
        assert lines(read(connector)) == [{"id": 1}]
        with pytest.raises(Retriable, match="answered failure 9: busy"):
            read(connector)
        with pytest.raises(Fatal, match="answered failure false"):
            read(connector)


@pytest.mark.parametrize(
    ("operation", "errcode", "status"),
    [
        ("create", 60102, "conflict"),
        ("update", 60111, "conflict"),
        ("delete", 60111, "done"),
        ("create", 40058, "rejected"),
        ("create", 45009, "retry"),
    ],
)
def test_writes_are_judged_by_their_verdict(operation: Any, errcode: int, status: str):
    call = {"method": "POST", "path": "/x"}
    resource = {**LIST, "write": {"create": call, "update": call, "delete": call}}
    with fake(lambda asked: as_json({"errcode": errcode, "errmsg": "said"})) as server:
        connector = rest(server.url, {"list": resource}, answers=ANSWERS)
        (outcome,) = connector.deliver(connector.resource("list"), [Change(operation, {"id": 1}, {}, "1")])
    assert outcome.status == status


def test_a_look_up_may_go_by_body_and_find_nothing_by_verdict():
    found = {"errcode": 0, "result": {"id": "7", "code": "a"}}
    write = {"find": {"path": "/get", "params": {"code": "{code}"}, "into": "body", "records": "result"}}
    resource = {**LIST, "method": "POST", "key": "code", "write": write}
    told = [as_json(found), as_json({"errcode": 60111})]
    with fake(lambda asked: told.pop(0)) as server:
        connector = rest(server.url, {"list": resource}, answers=ANSWERS)
        first, none = (connector.find(connector.resource("list"), [{"code": "a"}])[0] for _ in range(2))
    assert (first.foreign_id, none) == ("7", None)
    assert orjson.loads(server.asked[0].body) == {"code": "a"}


def test_fixed_content_and_parameters_take_the_records_values():
    write = {
        "create": {"method": "POST", "path": "/x", "id": "id", "fixed": {"form": "F", "no": "{code}"}},
        "delete": {"method": "GET", "path": "/del", "params": {"user": "{code}"}},
    }
    with fake(lambda asked: as_json({"id": 1})) as server:
        connector = rest(server.url, {"list": {**LIST, "key": "code", "write": write}})
        described = connector.resource("list")
        connector.deliver(described, [Change("create", {"code": 7}, {"code": 7, "name": "n"})])
        connector.deliver(described, [Change("delete", {"code": "a&b"}, {}, "1")])
    assert orjson.loads(server.asked[0].body) == {"code": 7, "name": "n", "form": "F", "no": 7}
    assert (server.asked[1].method, server.asked[1].params) == ("GET", {"user": "a&b"})


# ------------------------------------------------------------ lists below others, spans, columns

UNDER = {"resource": "units", "give": {"unit": "id"}, "start": [{"unit": 1}]}
TREE = {"path": "/units", "records": "data", "key": "id", "under": UNDER}
PEOPLE = {**TREE, "path": "/units/{unit}/people", "under": {**UNDER, "add": {"of": "unit"}}}
BELOW = {"1": [2, 3], "2": [4], "4": [1]}  # 4 says that 1 is below it


def company(asked: Asked) -> Answer:
    if asked.path == "/units":
        return as_json({"data": [{"id": one} for one in BELOW.get(asked.params["unit"], [])]})
    unit = asked.path.split("/")[2]
    return as_json({"data": [{"id": f"p{unit}"}] if unit != "3" else []})


def test_a_tree_is_walked_from_its_start_and_no_branch_twice():
    with fake(company) as server:
        pages = read(rest(server.url, {"units": TREE}), "units")
    assert [one["id"] for one in lines(pages)] == [2, 3, 4, 1]
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert [page.first for page in pages][:3] == [1, 3, 4]


def test_lists_below_records_are_one_read():
    with fake(company) as server:
        connector = rest(server.url, {"units": TREE, "people": PEOPLE})
        pages = read(connector, "people")
        assert connector.check()[1].ok
    assert {(one["id"], one["of"]) for one in lines(pages)} == {("p1", 1), ("p2", 2), ("p4", 4)}
    assert [page.last for page in pages].count(True) == 1
    assert connector.resource("people").counts is False


def test_a_failing_list_in_the_middle_fails_the_read():
    failing = fake(lambda asked: Answer(500) if asked.path == "/units/2/people" else company(asked))
    with failing as server, pytest.raises(Retriable):
        read(rest(server.url, {"units": TREE, "people": PEOPLE}), "people")


def test_nothing_above_is_nothing_below():
    rule = {**PEOPLE, "under": {"resource": "list", "give": {"unit": "id"}}}
    with fake(lambda asked: as_json({"data": []})) as server:
        (page,) = read(rest(server.url, {"list": LIST, "people": rule}), "people")
    assert (page.count, page.last) == (0, True)


def test_a_record_without_the_value_and_a_circle_are_told():
    circle = {
        name: {**LIST, "under": {"resource": other, "give": {"x": "id"}}} for name, other in (("a", "b"), ("b", "a"))
    }
    lacking = {"list": LIST, "below": {**LIST, "under": {"resource": "list", "give": {"x": "no"}}}}
    with fake(lambda asked: as_json({"data": [{"id": 1}]})) as server:
        with pytest.raises(Fatal, match="has no no"):
            read(rest(server.url, lacking), "below")
        with pytest.raises(ConfigError, match="under itself"):
            read(rest(server.url, circle), "a")


def test_spans_of_time_follow_each_other_until_now():
    rule = {"from": "start", "until": "end", "span": "10s", "back": "25s", "into": "body"}
    resource = {**LIST, "method": "POST", "windows": rule}
    with fake(lambda asked: as_json({"data": [{"id": orjson.loads(asked.body)["start"]}]})) as server:
        pages = read(rest(server.url, {"list": resource}))
    asked = [(body["start"], body["end"]) for body in (orjson.loads(one.body) for one in server.asked)]
    now = 1_000_000_000
    assert asked == [(now - 25, now - 15), (now - 15, now - 5), (now - 5, now)]
    assert [page.last for page in pages] == [False, False, True]


@pytest.mark.parametrize("stuck", [False, True])
def test_pages_follow_by_values_of_the_last_record(stuck: bool):
    rows = [{"id": n, "at": f"2026-01-0{n // 2 + 1}"} for n in range(5)]

    def reply(asked: Asked) -> Answer:
        last = (asked.params.get("since", ""), int(asked.params.get("after", -1)))
        found = [row for row in rows if stuck or (str(row["at"]), row["id"]) > last]
        return as_json({"data": found[: int(asked.params["top"])]})

    rule = {"last": {"params": {"since": "at", "after": "id"}, "size_param": "top", "size": 2}}
    with fake(reply) as server:
        connector = rest(server.url, {"list": {**LIST, "paging": rule}})
        if stuck:
            with pytest.raises(Fatal, match="gives the same"):
                read(connector)
        else:
            assert [one["id"] for one in lines(read(connector))] == [0, 1, 2, 3, 4]
            assert len(server.asked) == 4


def test_values_without_names_get_those_of_columns():
    rows = {"list": {**LIST, "columns": ["id", "name"]}, "bare": {**LIST, "path": "/bare", "columns": ["id"]}}
    told = {"/list": [[1, "a"], [2, None]], "/bare": ["x", "y"]}
    with fake(lambda asked: as_json({"data": told[asked.path]})) as server:
        connector = rest(server.url, rows)
        assert lines(read(connector)) == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]
        assert lines(read(connector, "bare")) == [{"id": "x"}, {"id": "y"}]
        told["/list"] = [[1]]
        with pytest.raises(Fatal, match="1 values, declared are 2"):
            read(connector)


def test_an_answer_may_be_one_record():
    with fake(lambda asked: as_json({"info": {"id": 7}})) as server:
        connector = rest(server.url, {"list": {**LIST, "records": "info", "single": True}})
        assert lines(read(connector)) == [{"id": 7}]


@pytest.mark.parametrize(
    "more",
    [
        {"under": {"resource": "a", "give": {"x": "id"}, "into": "body"}},
        {"under": {"resource": "a", "give": {"x": "id"}, "add": {"f": "y"}}},
        {"under": {"resource": "a", "give": {"x": "id"}, "start": [{"y": 1}]}},
        {
            "under": {"resource": "a", "give": {"x": "id"}},
            "windows": {"from": "a", "until": "b", "span": "1d", "back": "1d"},
        },
        {"write": {"create": {"method": "POST", "path": "/x/{id}", "batch": {"ok": "ok"}}}},
    ],
)
def test_what_does_not_fit_together_is_refused(more: dict[str, Any]):
    with pytest.raises(ValidationError):
        SPEC.resource.model_validate({**LIST, **more})
