"""Writing by operations: what is sent, and what becomes of every answer."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.contract import Change, Outcome
from hub.errors import AuthError, ConfigError, HubError, RecordRejected
from tests.contract.soapweb import SPACE, envelope, fault, message, wsdl
from tests.contract.test_soap import PEOPLE
from tests.unit.connectors_soap.opening import opened, people
from tests.unit.http.fake import Answer, Asked, Fake, fake

CREATED = message("CreatePersonResponse", "<code>77</code>")
WRITE: dict[str, Any] = PEOPLE["write"]  # type: ignore[assignment]
ANNE = {"code": "7", "name": "Anne"}


def sent(asked: Asked) -> str:
    """What stands in the body, without its namespace."""
    text = asked.body.decode()
    inner = text[text.index("Body>") + 5 : text.index("</soap-env:Body>")]
    return inner.replace("ns0:", "").replace(f' xmlns:ns0="{SPACE}"', "")


def deliver(
    server: Fake, folder: Path, *changes: Change, write: dict[str, Any] | None = None, **settings: Any
) -> list[Outcome]:
    target = opened(server.url, PEOPLE | ({"write": write} if write else {}), folder, **settings)
    outcomes: list[Outcome] = target.deliver(target.resource("people"), changes)
    return outcomes


def create(values: dict[str, Any], **more: Any) -> Change:
    return Change("create", {"code": values.get("code", "1")}, values, **more)


def one(answer: Answer, folder: Path, change: Change | None = None, **settings: Any) -> Outcome:
    with fake(lambda asked: answer) as server:
        (outcome,) = deliver(server, folder, change or create(ANNE), **settings)
    return outcome


def test_a_record_is_sent_in_the_order_of_the_schema(tmp_path: Path) -> None:
    values = {
        "at": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), "amount": decimal.Decimal("1.50"),
        "name": "A & <安>", "code": "7", "version": None,
    }  # fmt: skip
    with fake(lambda asked: CREATED) as server:
        (outcome,) = deliver(server, tmp_path, create(values))
    assert outcome == Outcome("done", "77")
    assert sent(server.asked[0]) == (
        "<CreatePerson><person><code>7</code><name>A &amp; &lt;安&gt;</name><amount>1.50</amount>"
        "<at>2026-01-02T03:04:05Z</at></person></CreatePerson>"
    )


def test_updates_and_deletes_are_sent_as_declared(tmp_path: Path) -> None:
    changes = [
        Change("update", {"code": "7"}, {"code": "7", "name": "B"}, "7", "v3"),
        Change("delete", {"code": "7"}, {}, "7", "v4"),
        Change("delete", {"code": "8"}),
    ]
    with fake(lambda asked: message("x", "")) as server:
        found = deliver(server, tmp_path, *changes, write=WRITE | {"version": None})
        assert [outcome.status for outcome in found] == ["done", "done", "done"]
        assert [sent(asked) for asked in server.asked] == [
            "<UpdatePerson><person><code>7</code><name>B</name></person></UpdatePerson>",
            "<DeletePerson><code>7</code></DeletePerson>",
            "<DeletePerson><code>8</code></DeletePerson>",
        ]
        deliver(server, tmp_path, changes[0])
        assert "<version>v3</version>" in sent(server.asked[-1])


def test_a_change_may_carry_its_id_and_fixed_parameters(tmp_path: Path) -> None:
    write = {"create": {"operation": "CreatePerson", "body": "person", "params": {"person.name": "N-{code}"},
                        "without": ["amount"]}, "idempotency": "person.version"}  # fmt: skip
    with fake(lambda asked: CREATED) as server:
        deliver(server, tmp_path, create({"code": "7", "amount": 1}, id="change-1"), write=write)
    assert sent(server.asked[0]) == (
        "<CreatePerson><person><code>7</code><name>N-7</name><version>change-1</version></person></CreatePerson>"
    )


RULES = [
    {"code": "Client.Exists", "means": "conflict"},
    {"text": "try later", "means": "retry", "wait": "9s"},
    {"detail": "Gone", "means": "nothing"},
    {"code": "Server.Odd", "means": "rejected"},
]


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (fault("Client", "no such plant"), "rejected", "soap.fault"),
        (fault("Client", "no such plant", 200), "rejected", "soap.fault"),
        (fault("Server", "out of memory"), "unknown", "soap.fault"),
        (fault("Server.Odd", "a rule in disguise"), "rejected", "soap.fault"),
        (fault("Client.Exists", "twice"), "conflict", "soap.fault"),
        (fault("Server", "Please try later"), "retry", "soap.fault"),
        (fault("Client", "x", 500, "<detail><Gone/></detail>"), "conflict", "soap.fault"),
        (Answer(503, b"", {"Retry-After": "4"}), "retry", "http.503"),
        (Answer(502, b"bad gateway"), "unknown", "http.502"),
        (Answer(413, b"too large"), "rejected", "http.413"),
        (Answer(202), "unknown", "http.empty"),
        (Answer(200, b"<html/>", {"Content-Type": "text/html"}), "unknown", "http.html"),
        (Answer(200, CREATED.body[:-9], dict(CREATED.headers)), "unknown", "page.cut"),
        (Answer(200, b"<x/>", {"Content-Type": "text/xml"}), "unknown", "soap.answer"),
        (Answer(raw=b""), "unknown", "http.cut"),
    ],
)
def test_every_answer_is_an_outcome(answer: Answer, status: str, code: str, tmp_path: Path) -> None:
    outcome = one(answer, tmp_path, faults=RULES)
    assert (outcome.status, outcome.code) == (status, code), outcome
    assert outcome.message
    if "later" in outcome.message:
        assert outcome.wait == 9.0


def test_a_delete_of_what_is_gone_is_done(tmp_path: Path) -> None:
    rules = [{"code": "*.NotThere", "means": "nothing"}]
    gone = fault("Client.NotThere")
    assert one(gone, tmp_path, Change("delete", {"code": "7"}, {}, "7"), faults=rules).status == "done"
    assert one(gone, tmp_path, Change("update", {"code": "7"}, ANNE, "7"), faults=rules).status == "conflict"


def test_a_service_that_answers_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "oneway.wsdl").write_bytes(wsdl().replace(b'<output message="t:CreatePersonResponse"/>', b""))
    assert one(Answer(202), tmp_path, wsdl="oneway.wsdl") == Outcome("done")


@pytest.mark.parametrize(
    ("type_", "status"), [("S", "done"), ("E", "rejected"), ("L", "retry"), ("D", "conflict")]
)
def test_a_verdict_in_the_answer_is_an_outcome(type_: str, status: str, tmp_path: Path) -> None:
    rule = {"path": "RETURN.item.TYPE", "equals": "S", "message": "RETURN.item.MESSAGE", "retry": ["L"],
            "conflict": ["D"]}  # fmt: skip
    inner = f"<code>7</code><RETURN><item><TYPE>{type_}</TYPE><MESSAGE>so it is</MESSAGE></item></RETURN>"
    outcome = one(message("CreatePersonResponse", inner), tmp_path, answers=rule)
    assert outcome.status == status
    assert status == "done" or (outcome.code, outcome.message) == ("answer.failed", "answered failure so it is")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"code": "1", "nick": "A"}, "field.unknown"),
        ({"code": "1", "name": {"first": "A"}}, "value.type"),
        ({"code": "1", "name": "bell \x07"}, "value.xml"),
    ],
)
def test_what_does_not_fit_is_rejected_alone(values: dict[str, Any], code: str, tmp_path: Path) -> None:
    with fake(lambda asked: CREATED) as server:
        outcomes = deliver(server, tmp_path, create(ANNE), create(values), create(ANNE))
    assert [outcome.status for outcome in outcomes] == ["done", "rejected", "done"]
    assert (outcomes[1].code, len(server.asked)) == (code, 2)


def test_a_refusal_stops_everything_before_it_begins(tmp_path: Path) -> None:
    with fake(lambda asked: fault("wsse:InvalidSecurityToken")) as server:
        with pytest.raises(AuthError):
            deliver(server, tmp_path, create(ANNE), create(ANNE))
        assert len(server.asked) == 1


def test_what_is_not_declared_is_refused(tmp_path: Path) -> None:
    cases: list[Callable[[], object]] = [
        lambda: deliver(server, tmp_path, create(ANNE), write={"find": {"params": {}}}),
        lambda: deliver(server, tmp_path, create(ANNE), write={"create": {"operation": "Make"}}),
        lambda: lookup(server, tmp_path, None),
    ]
    with fake(lambda asked: CREATED) as server:
        for attempt in cases:
            with pytest.raises(ConfigError):
                attempt()
        assert server.asked == []


def lookup(server: Fake, folder: Path, write: dict[str, Any] | None) -> Any:
    target = opened(server.url, {**PEOPLE, "write": write}, folder)
    resource = target.resource("people")
    return target.find(resource, [{"code": "2"}])


def test_a_record_is_found_among_others(tmp_path: Path) -> None:
    with fake(lambda asked: envelope(people(1, 2, 3))) as server:
        (found,) = lookup(server, tmp_path, WRITE)
    assert (found.foreign_id, found.version, found.values["name"]) == ("2", None, "n2")


def test_two_records_of_one_key_are_ambiguous(tmp_path: Path) -> None:
    with fake(lambda asked: envelope(people(2, 2))) as server, pytest.raises(RecordRejected) as caught:
        lookup(server, tmp_path, WRITE)
    assert caught.value.code == "find.ambiguous"


@pytest.mark.parametrize("answer", [fault("Server", "x"), Answer(200, b"<x/>"), message("Other", "")])
def test_a_look_up_that_fails_is_not_an_absence(answer: Answer, tmp_path: Path) -> None:
    with fake(lambda asked: answer) as server, pytest.raises(HubError):
        lookup(server, tmp_path, WRITE)
