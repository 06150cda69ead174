"""Several changes in one request: each has its own verdict, or nobody knows of any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from hub.contract import Change
from hub.errors import AuthError
from tests.unit.connectors_http.test_rest_declared import LIST, rest
from tests.unit.http.fake import Answer, Asked, Fake, as_json, fake

BATCH = {
    "size": 3, "records": "rows", "fixed": {"all": False}, "each": {"kind": "K", "no": "{id}"}, "results": "results",
    "ok": "ok", "id": "id", "code": "error.code", "message": "error.text", "retry": ["LOCK"], "conflict": ["DUP"],
}  # fmt: skip
BATCHED = {**LIST, "write": {"update": {"method": "PATCH", "path": "/many", "batch": BATCH, "without": ["id"]}}}
CHANGES = [Change("update", {"id": f"{n}"}, {"id": f"{n}", "name": f"n{n}"}, foreign_id=f"{n}") for n in range(5)]


def batch(server: Fake, changes: list[Change] = CHANGES, **settings: Any) -> list[Any]:
    connector = rest(server.url, {"list": BATCHED}, **settings)
    outcomes: list[Any] = connector.deliver(connector.resource("list"), changes)
    assert len(outcomes) == len(changes)
    return outcomes


def verdicts(asked: Asked, **failed: str) -> list[dict[str, Any]]:
    rows = [row["no"] for row in orjson.loads(asked.body)["rows"]]
    told = {f"n{no}": {"ok": True, "id": no} for no in rows}
    told |= {no: {"ok": False, "error": {"code": code, "text": "said"}} for no, code in failed.items() if no in told}
    return [*told.values()]


def test_each_change_of_a_batch_has_its_own_verdict():
    told = {"n1": "BAD", "n2": "LOCK", "n3": "DUP"}
    with fake(lambda asked: as_json({"results": verdicts(asked, **told)})) as server:
        outcomes = batch(server)
    assert [one.status for one in outcomes] == ["done", "rejected", "retry", "conflict", "done"]
    assert outcomes[1].message == "answered failure BAD: said"
    assert [len(orjson.loads(one.body)["rows"]) for one in server.asked] == [3, 2]
    assert orjson.loads(server.asked[1].body) == {
        "all": False, "rows": [{"kind": "K", "no": "3", "name": "n3"}, {"kind": "K", "no": "4", "name": "n4"}],
    }  # fmt: skip


def test_a_change_of_which_no_row_can_be_made_is_rejected_and_the_others_are_sent():
    nameless = Change("update", {"id": "9"}, {"id": "9", "name": "n9"})
    with fake(lambda asked: as_json({"results": verdicts(asked)})) as server:
        outcomes = batch(server, [CHANGES[0], nameless, CHANGES[1]])
    assert [(one.status, one.code) for one in outcomes] == [("done", ""), ("rejected", "write.slot"), ("done", "")]
    assert [row["no"] for row in orjson.loads(server.asked[0].body)["rows"]] == ["0", "1"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda told: told[:-1],
        lambda told: told[:1] + told,
        lambda told: told[:1],
        lambda told: told[::-1],
        lambda told: None,
    ],
)
def test_verdicts_that_do_not_fit_their_batch_are_nobodys(wrong: Callable[[Any], Any]):
    with fake(lambda asked: as_json({"results": wrong(verdicts(asked))})) as server:
        assert {one.status for one in batch(server, CHANGES[:3])} == {"unknown"}


def test_a_lost_answer_leaves_its_batch_unknown_and_the_rest_for_later():
    with fake(lambda asked: Answer(raw=b"")) as server:
        assert [one.status for one in batch(server)] == ["unknown"] * 3 + ["retry"] * 2
        assert len(server.asked) == 1


def test_a_batch_that_was_refused_as_a_whole_goes_one_by_one():
    def reply(asked: Asked) -> Answer:
        rows = orjson.loads(asked.body)["rows"]
        bad = any(row["no"] == "1" for row in rows)
        return as_json({"message": "no"}, 400) if bad else as_json({"results": verdicts(asked)})

    with fake(reply) as server:
        assert [one.status for one in batch(server)] == ["done", "rejected", "done", "done", "done"]
        assert len(server.asked) == 5


def test_a_limit_stops_the_batches():
    with fake(lambda asked: as_json({}, 429, Retry_After="7")) as server:
        outcomes = batch(server)
        assert len(server.asked) == 1
    assert [(one.status, one.wait) for one in outcomes] == [("retry", 7.0)] * 5


def test_refused_credentials_raise_while_nothing_was_done():
    with fake(lambda asked: Answer(401)) as server, pytest.raises(AuthError):
        batch(server)
