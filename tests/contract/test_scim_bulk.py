"""SCIM services that take several changes in one request, and groups with more members than one answer holds.

The service is a stand-in written from RFC 7644 §3.7; tests/integration speaks to scim2-server in the same way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from connectors.scim import SPEC
from connectors.scim.bulk import Sending, replies
from hub.contract import Change, Outcome, Query
from hub.errors import HubError
from hub.testing import failures, run_contract
from hub.testing.writing import WHOLE, exempting
from tests.contract.test_scim import SERVICES, ScimWeb, case_of, opened, payload
from tests.unit.http.fake import Answer, Asked, running

pytestmark = pytest.mark.against("scim", "a small SCIM service with /Bulk", "simulator")

EXEMPT = {
    "deletes_seen": "the standard tells no deletions",
    **exempting("records are written one by one", WHOLE),
}


class BulkWeb(ScimWeb):
    """It takes ``most`` operations and ``size`` bytes, answers in full, and mixes answers up once when told to. Like
    the standard's samples it repeats a bulkId only where something is created."""

    def __init__(self, records: Any, most: int = 20, size: int = 4000, **config: Any) -> None:
        bulk = {"supported": True, "maxOperations": most, "maxPayloadSize": size}
        super().__init__(records, SERVICES[0] | {"bulk": bulk} | config)
        self.misanswers = ""
        self.bulks: list[int] = []
        self.refuses = 0

    def serve(self, asked: Asked) -> Answer:
        if asked.path.strip("/") != "Bulk":
            return super().serve(asked)
        if self.refuses:
            return self.json({"status": str(self.refuses), "detail": "not so"}, self.refuses)
        operations = json.loads(asked.body)["Operations"]
        limits = self.config["bulk"]
        if len(operations) > limits["maxOperations"] or len(asked.body) > limits["maxPayloadSize"]:
            return self.json(payload_too_large(), 413)
        self.bulks.append(len(operations))
        told = [self.operated(one) for one in operations]
        how, self.misanswers = self.misanswers, ""
        mixed = {"reordered": told[::-1], "short": told[:1] + told[2:], "long": told[:1] + told, "alike": told[:1]}
        return self.json({"schemas": [], "Operations": mixed.get(how, told)})

    def operated(self, one: dict[str, Any]) -> dict[str, Any]:
        headers = {"if-match": one["version"]} if "version" in one else {}
        body = json.dumps(one["data"]).encode() if "data" in one else b""
        inner = super().serve(Asked(one["method"], one["path"], headers, body))
        said = json.loads(inner.body) if inner.body else {}
        made = {"method": one["method"], "status": str(inner.status)}
        if one["method"] == "POST":
            made["bulkId"] = one["bulkId"]
        identity = one["path"].rpartition("/")[2] if one["method"] != "POST" else quote(str(said.get("id")), safe="")
        if inner.status < 300 or one["method"] != "POST":
            made["location"] = f"https://scim.example.com/v2/Users/{identity}"
        if inner.status >= 300:
            return made | {"response": said}
        return made | ({"version": said["meta"]["version"]} if said else {})


def payload_too_large() -> dict[str, Any]:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "413", "detail": "too large"}


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    with ExitStack() as stack:

        def started(web: ScimWeb) -> ScimWeb:
            stack.enter_context(running(web.fake))
            return web

        yield started


def people(*numbers: int) -> list[dict[str, Any]]:
    return [{"userName": f"p{number}", "work": f"w{number}@example.com"} for number in numbers]


def creates(*numbers: int, **works: str) -> list[Change]:
    return [
        Change("create", {"userName": f"p{n}"}, {"userName": f"p{n}", "work": works.get(f"p{n}", f"w{n}@x")})
        for n in numbers
    ]


def delivered(web: ScimWeb, changes: list[Change], **more: Any) -> list[Outcome]:
    connector = opened(web, **more)
    found: list[Outcome] = connector.deliver(connector.resource("User"), changes)
    assert len(found) == len(changes)
    return found


def test_changes_in_one_request_keep_the_contract(start: Callable[..., Any]) -> None:
    case = case_of(
        lambda records: start(BulkWeb(records)), EXEMPT, misanswer=lambda web, how: setattr(web, "misanswers", how)
    )
    assert failures(run_contract(case)) == []


def test_each_operation_has_its_own_outcome_within_the_limits(start: Callable[..., Any]) -> None:
    web = start(BulkWeb(people(1, 2, 3), most=3))
    made = delivered(web, creates(1, 4, 5, 6, p5="!"))
    assert [(one.status, one.code) for one in made] == [
        ("conflict", "scim.uniqueness"), ("done", ""), ("rejected", "http.400"), ("done", ""),
    ]  # fmt: skip
    assert (made[1].foreign_id, made[1].version) == ("id p4", web.etag("p4"))
    assert web.bulks == [3]  # the fourth goes alone, as one request
    gone = [Change("delete", {"userName": f"p{n}"}, {}, f"id p{n}") for n in (1, 2, 9)]
    stale = [Change("update", {"userName": f"p{n}"}, {"work": "new@x"}, f"id p{n}", 'W/"0"') for n in (3, 4)]
    assert [one.status for one in delivered(web, gone)] == ["done"] * 3
    assert [one.status for one in delivered(web, stale)] == ["conflict"] * 2


def test_a_request_never_has_more_bytes_than_the_service_takes(start: Callable[..., Any]) -> None:
    web = start(BulkWeb([], size=1000))
    made = delivered(web, creates(*range(9), p4="x" * 2000))
    assert [one.status for one in made] == ["done"] * 9
    assert max(web.bulks) > 1
    assert sum(web.bulks) < 9  # the large one went alone


@pytest.mark.parametrize("status", [403, 404, 413, 501])
def test_where_it_is_refused_as_a_whole_changes_go_one_by_one(start: Callable[..., Any], status: int) -> None:
    web = start(BulkWeb([]))
    web.refuses = status
    assert [one.status for one in delivered(web, creates(1, 2, 3))] == ["done"] * 3
    assert len(web.heard) == 3


@pytest.mark.parametrize(("status", "outcome"), [(429, "retry"), (503, "retry"), (500, "unknown")])
def test_trouble_of_the_whole_is_that_of_each(start: Callable[..., Any], status: int, outcome: str) -> None:
    web = start(BulkWeb([], most=2))
    web.refuses = status
    assert [one.status for one in delivered(web, creates(1, 2, 3, 4))] == [outcome] * 2 + ["retry"] * 2
    assert not web.rows


def test_it_can_be_switched_off(start: Callable[..., Any]) -> None:
    web = start(BulkWeb([]))
    assert [one.status for one in delivered(web, creates(1, 2), bulk="off")] == ["done"] * 2
    assert web.bulks == []


def test_answers_of_the_standard_find_their_operations(fixtures: Path) -> None:
    base = ["b7c14771-226c-4d05-8860-134711653041", "5d8d29d3-342c-4b5f-8683-a3cb6763ffcc",
            "e9025315-6bea-44e1-899c-1e07454e468b"]  # fmt: skip
    sent = {0: Sending("POST", "/Users")} | {
        number: Sending(method, f"/Users/{identity}", None, None, identity)
        for number, (method, identity) in enumerate(zip(("PUT", "PATCH", "DELETE"), base, strict=True), 1)
    }
    for name, statuses in (("multiple_operations", [201, 200, 200, 204]), ("multiple_errors", [400, 412, 412, 404])):
        sample = json.dumps(payload(fixtures, f"rfc7644-3.7.3-bulk_response-{name}"))
        found = replies(json.loads(sample.replace("qwerty", "0")), sent)
        assert [found[number].status for number in range(4)] == statuses
    assert replies({"Operations": [{"method": "PUT", "bulkId": "0", "status": "200"}]}, sent) == {}
    twice = [{"method": "POST", "bulkId": "0", "status": "201", "location": "/Users/a"}] * 2
    assert replies({"Operations": twice}, sent) == {}
    other = {"method": "PUT", "bulkId": "1", "status": "200", "location": "/Users/somebody-else"}
    assert replies({"Operations": [other, "x", {}]}, sent) == {}
    nothings: list[Any] = [None, [], {"Operations": {}}, {"Operations": None}]
    for nothing in nothings:
        assert replies(nothing, sent) == {}


class Groups(ScimWeb):
    """One group ``g`` with members m0 to m6, of which an answer gives 3 at most."""

    def __init__(self, ask: str = "attributes", **config: Any) -> None:
        super().__init__([{"userName": "g", "work": "w"}], SERVICES[0] | config)
        self.members = [{"value": f"m{number}"} for number in range(7)]
        self.ask, self.moves = ask, False

    def serve(self, asked: Asked) -> Answer:
        if asked.path.strip("/") == "Members":
            start = int(asked.params["startIndex"]) - 1
            assert asked.params["filter"] == 'groups.value eq "id g"'
            some = [{"id": one["value"]} for one in self.members[start : start + int(asked.params["count"])]]
            return self.json({"totalResults": len(self.members), "Resources": some})
        if asked.method != "GET" or not asked.path.strip("/").startswith("Users/"):
            if asked.method == "GET" and "Users" in asked.path:
                assert asked.params["excludedAttributes"] == "members"
            return super().serve(asked)
        piece = re.search(r"startIndex=(\d+)&count=(\d+)", asked.params.get("attributes", ""))
        if piece is None:
            assert asked.params == {"excludedAttributes": "members"}
            return super().serve(asked)
        start = int(piece[1]) - 1 if self.ask == "attributes" else 0
        if self.moves:
            self.put({"code": "g", "title": str(start)})
        found = self.members[start : start + min(int(piece[2]), 3)]
        return self.json({"id": "id g"} | ({"members": found} if found else {}))


GROUP = {"endpoint": "/Users", "key": "userName"}


def test_members_are_read_in_pieces_and_compared_whole(start: Callable[..., Any]) -> None:
    for pieces in ({"size": 5}, {"list": "/Members", "size": 2}):
        web = start(Groups())
        connector = opened(web, resource=GROUP | {"pieces": {"members": pieces}})
        resource = connector.resource("User")
        (page,) = connector.read(Query(resource))
        assert json.loads(page.records)["members"] == web.members
        (found,) = connector.find(resource, [{"userName": "g"}])
        assert found.values["members"] == web.members
        wanted = {"userName": "g", "members": [*web.members[1:], {"value": "new"}]}
        (outcome,) = connector.deliver(resource, [Change("update", {"userName": "g"}, wanted, "id g")])
        assert outcome.status == "done"
        assert web.heard[-1]["Operations"] == [
            {"op": "remove", "path": 'members[value eq "m0"]'},
            {"op": "add", "path": "members", "value": [{"value": "new"}]},
        ]


def test_put_sends_members_that_no_mapping_names(start: Callable[..., Any]) -> None:
    web = start(Groups())
    connector = opened(web, resource=GROUP | {"pieces": {"members": {}}}, update="put")
    change = Change("update", {"userName": "g"}, {"displayName": "Group"}, "id g")
    assert connector.deliver(connector.resource("User"), [change])[0].status == "done"
    assert web.heard[-1]["members"] == web.members


def test_pieces_that_do_not_follow_each_other_are_not_believed(start: Callable[..., Any]) -> None:
    for web, code in ((Groups("ignored"), "page.repeated"), (Groups(), "page.moved")):
        web.moves = code == "page.moved"
        start(web)
        connector = opened(web, resource=GROUP | {"pieces": {"members": {"size": 3}}})
        with pytest.raises(HubError) as refused:
            list(connector.read(Query(connector.resource("User"))))
        assert refused.value.code == code


@pytest.mark.parametrize("wrong", [{"params": {"a": "{count}"}}, {"list": "/Users", "filter": "x"}, {"size": 0}])
def test_pieces_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="pieces"):
        SPEC.resource.model_validate(GROUP | {"pieces": {"members": wrong}})
