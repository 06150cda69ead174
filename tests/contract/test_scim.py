"""SCIM services keep the contract by startIndex and PATCH, by cursor and PUT; payloads of the standard come through."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from connectors.scim import SPEC
from connectors.scim.paths import ENTERPRISE
from hub.contract import Change, Context, Query
from hub.errors import HubError, Retriable
from hub.testing import Case, failures, run_contract
from hub.testing.writing import BATCH, WHOLE, exempting
from tests.contract.web import CAP, SECRET, Web
from tests.unit.http.fake import Answer, Asked, running

pytestmark = pytest.mark.against("scim", "a small SCIM service", "simulator")

USER = {
    "endpoint": "/Users", "key": "userName", "cursor": "meta.lastModified",
    "paths": {"work": 'emails[type eq "work"].value', "at": "meta.lastModified"},
}  # fmt: skip
EXEMPT = {
    **exempting("each record is a request of its own", BATCH),
    "deletes_seen": "the standard tells no deletions",
    **exempting("records are written one by one", WHOLE),
}
SERVICES: list[dict[str, Any]] = [
    {"patch": {"supported": True}, "filter": {"supported": True}, "etag": {"supported": True}},
    {
        "patch": {"supported": False}, "filter": {"supported": False}, "etag": {"supported": True},
        "pagination": {"cursor": True, "index": False},
    },
]  # fmt: skip


class ScimWeb(Web):
    """Users by userName; what it can do is said by ``config``. ``heard`` has the bodies of writes."""

    def __init__(self, records: Any, config: dict[str, Any]) -> None:
        self.config = config
        self.heard: list[Any] = []
        super().__init__([self.user(record) for record in records])

    @staticmethod
    def user(record: Any) -> dict[str, Any]:
        """A record of the kit as a user; a user stays as it is."""
        if "work" not in record:
            return dict(record)
        name, moment = record["userName"], record.get("at", "2026-01-01T00:00:00Z")
        emails = [{"type": "work", "value": record["work"]}, {"type": "home", "value": "h@example.com"}]
        return {"code": name, "userName": name, "emails": emails, "modified": moment}

    def put(self, record: Any) -> None:
        super().put(self.user(record))

    def shown(self, code: str) -> Any:
        row = {name: value for name, value in self.rows[code].items() if name not in ("code", "modified")}
        moment = self.rows[code].get("modified", "2026-01-02T00:00:00Z")
        return {**row, "id": f"id {code}", "meta": {"lastModified": moment, "version": self.etag(code)}}

    def serve(self, asked: Asked) -> Answer:
        path = unquote(asked.path).strip("/")
        if path == "ServiceProviderConfig":
            return self.json(self.config)
        if not path.startswith("Users"):
            return self.json({"detail": "not here", "status": "404"}, 404)
        identity = path.removeprefix("Users").strip("/").removeprefix("id ")
        if asked.method != "GET":
            return self.changed(asked, identity)
        if identity:
            known = identity in self.rows
            return self.json(self.shown(identity) if known else {"status": "404"}, 200 if known else 404)
        return self.listed(asked.params)

    def listed(self, params: dict[str, str]) -> Answer:
        rows = [self.shown(code) for code in self.rows if self.holds(params.get("filter", ""), code)]
        rows.sort(key=lambda row: (row["meta"]["lastModified"], row["userName"]))
        size = min(int(params.get("count", CAP)), CAP)
        start = int(params.get("cursor") or int(params.get("startIndex", 1)) - 1)
        made: dict[str, Any] = {"totalResults": len(rows), "Resources": rows[start : start + size]}
        if "cursor" in params and start + size < len(rows):
            made["nextCursor"] = str(start + size)
        return self.json(made)

    def holds(self, condition: str, code: str) -> bool:
        found = re.fullmatch(r"(\S+) (eq|ge) (\".*\")", condition)
        if found is None:
            return True
        wanted = json.loads(found[3])
        return (
            code == wanted if found[2] == "eq" else bool(self.shown(code)["meta"]["lastModified"] >= wanted)
        )

    def changed(self, asked: Asked, identity: str) -> Answer:
        body = json.loads(asked.body) if asked.body else {}
        self.heard.append(body)
        values = {name: value for name, value in body.items() if name not in ("schemas", "id", "Operations")}
        for op in body.get("Operations", []):
            values |= self.patched(op, self.rows.get(identity, {}))
        if values.get("emails") and any(one.get("value") == "!" for one in values["emails"]):
            return self.json({"scimType": "invalidValue", "detail": "no email", "status": "400"}, 400)
        if asked.method == "POST" and values["userName"] in self.rows:
            return self.json({"scimType": "uniqueness", "detail": "is there", "status": "409"}, 409)
        if asked.method == "POST":
            values["code"] = values["userName"]
        answer = self.write(asked, identity or None, values)
        code = identity or values.get("userName", "")
        return self.json(self.shown(code), answer.status) if answer.status in (200, 201) else answer

    @staticmethod
    def patched(op: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
        if op["path"] == 'emails[type eq "work"].value':
            others = [one for one in row["emails"] if one["type"] != "work"]
            return {"emails": [*others, {"type": "work", "value": op["value"]}]}
        return {op["path"]: op.get("value")}


def opened(web: Web, token: str = SECRET, resource: dict[str, Any] = USER, **more: Any) -> Any:
    settings = {"url": web.fake.url, "auth": {"bearer": {"token": token}}, "limits": {"retries": 0}, **more}
    resources = {"User": SPEC.resource.model_validate(resource)}
    return SPEC.open(Context(f"kit {web.fake.url}"), SPEC.settings.model_validate(settings), resources)


@pytest.fixture
def start() -> Iterator[Callable[[ScimWeb], ScimWeb]]:
    with ExitStack() as stack:

        def started(web: ScimWeb) -> ScimWeb:
            stack.enter_context(running(web.fake))
            return web

        yield started


def stored(web: ScimWeb) -> list[dict[str, Any]]:
    return [
        {
            "userName": row["userName"],
            "work": next((one["value"] for one in row.get("emails", []) if one["type"] == "work"), None),
        }
        for row in web.rows.values()
    ]


@pytest.mark.parametrize("config", SERVICES, ids=["index and PATCH", "cursor and PUT"])
def test_scim_keeps_the_contract(start: Callable[[ScimWeb], ScimWeb], config: dict[str, Any]) -> None:
    assert failures(run_contract(case_of(lambda records: start(ScimWeb(records, config)), EXEMPT))) == []


def case_of(fresh: Callable[[Any], ScimWeb], exempt: dict[str, str], **more: Any) -> Case:
    """What the kit needs to know of such a service."""
    return Case(
        name="scim", fresh=fresh, open=opened, resource="User",
        key=("userName",), record=lambda n: {"userName": f"p{n:03}", "work": f"w{n}@example.com"},
        exact={"work": 'O\'Neil "安" 😀\n\\', "userName": "a/b'c ü&1"}, stored=stored,
        change=lambda web, record: web.put(record), refused={"work": "!"},
        locked_out=lambda web: opened(web, "wr0ng-" + SECRET[::-1]),
        throttle=lambda web, seconds: setattr(web, "pause", seconds),
        lose_answer=lambda web: setattr(web, "lose", True), secrets=(SECRET, "wr0ng-" + SECRET[::-1]),
        exempt=exempt
        | dict.fromkeys(
            ("cursor_order", "cursor_ties", "since_inclusive", "change_seen"), "a test of its own: the service sets it"
        )
        | {"describe": "a test of its own: the cursor is the service's"},
        **more,
    )  # fmt: skip


def test_what_changed_is_asked_for_by_filter(start: Callable[[ScimWeb], ScimWeb]) -> None:
    records = [{"userName": f"p{n}", "work": "w", "at": f"2026-01-0{n}T00:00:00Z"} for n in range(1, 6)]
    connector = opened(start(ScimWeb(records, SERVICES[0])))
    resource = connector.resource("User")
    pages = connector.read(Query(resource, since="2026-01-04T00:00:00Z"))
    found = [json.loads(line)["userName"] for page in pages for line in page.records.splitlines()]
    assert (resource.cursor, found) == ("meta.lastModified", ["p4", "p5"])


def test_operations_and_truth_are_written_as_the_target_wants(start: Callable[[ScimWeb], ScimWeb]) -> None:
    web = start(ScimWeb([{"userName": "p1", "work": "w"}], SERVICES[0]))
    connector = opened(web, operations="title", booleans="text", delete="deactivate")
    change = Change("delete", {"userName": "p1"}, {}, "id p1")
    assert connector.deliver(connector.resource("User"), [change])[0].status == "done"
    assert web.heard[-1]["Operations"] == [{"op": "Replace", "path": "active", "value": "False"}]


def test_members_are_added_and_removed_one_by_one(start: Callable[[ScimWeb], ScimWeb]) -> None:
    web = start(ScimWeb([{"userName": "p1", "work": "w"}], SERVICES[0]))
    web.rows["p1"]["members"] = [{"value": "a"}, {"value": "b"}]
    connector = opened(web, values_per_patch=2)
    values = {"members": [{"value": "b"}, {"value": "c"}, {"value": "d"}, {"value": "e"}]}
    connector.deliver(connector.resource("User"), [Change("update", {"userName": "p1"}, values, "id p1")])
    ops = [op for body in web.heard for op in body["Operations"]]
    assert ops == [
        {"op": "remove", "path": 'members[value eq "a"]'},
        {"op": "add", "path": "members", "value": [{"value": "c"}, {"value": "d"}]},
        {"op": "add", "path": "members", "value": [{"value": "e"}]},
    ]


RESOURCES = [
    "rfc7643-8.1-user-minimal", "rfc7643-8.2-user-full", "rfc7643-8.3-enterprise_user", "rfc7643-8.4-group",
    "rfc7644-3.3-user-post_request", "rfc7644-3.3-user-post_response", "rfc7644-3.4.1-user-known-resource",
    "rfc7644-3.5.1-user-put_request", "rfc7644-3.5.1-user-put_response", "rfc7644-3.9-user-partial_response",
    "rfc7644-3.14-user-post_request", "rfc7644-3.14-user-post_response",
]  # fmt: skip


@pytest.mark.parametrize("name", RESOURCES)
def test_resources_of_the_standard_come_through(
    start: Callable[[ScimWeb], ScimWeb], fixtures: Path, name: str
) -> None:
    """Read, mapped to the same fields, and created again: the same but for what the service keeps."""
    sample = payload(fixtures, name)
    source = ScimWeb([], {})
    source.rows["x"], source.versions["x"] = {"userName": "x", **sample, "code": "x"}, 1
    read = opened(start(source))
    page = next(iter(read.read(Query(read.resource("User")))))
    record = json.loads(page.records)
    kept = {"id", "meta", "schemas", "work", "at"}
    values: dict[str, Any] = {}
    for field, value in record.items():
        inner = field == "enterprise" and isinstance(value, dict)
        values |= {f"{field}.{one}": each for one, each in value.items()} if inner else {field: value}
    target = start(ScimWeb([], {}))
    write = opened(target)
    given = {field: value for field, value in values.items() if field not in kept}
    write.deliver(write.resource("User"), [Change("create", {}, given)])
    sent = {field: value for field, value in target.heard[-1].items() if field != "schemas"}
    wanted = {"userName": "x", **sample}
    assert sent == {
        field: value for field, value in wanted.items() if field not in ("id", "meta", "schemas", "password")
    }
    assert (ENTERPRISE in sent) == (ENTERPRISE in target.heard[-1]["schemas"])


@pytest.mark.parametrize(
    ("name", "status", "outcome"),
    [
        ("3.12-error-bad_request", 400, "rejected"),
        ("3.12-error-not_found", 404, "rejected"),
        ("3.6-error-not_found", 404, "rejected"),
        ("3.7.3-error-invalid_syntax", 400, "rejected"),
        ("3.7.4-error-payload_too_large", 413, "rejected"),
    ],
)
def test_errors_of_the_standard_are_outcomes_with_their_words(
    start: Callable[[ScimWeb], ScimWeb], fixtures: Path, name: str, status: int, outcome: str
) -> None:
    sample = payload(fixtures, f"rfc7644-{name}")

    class Refusing(ScimWeb):
        def changed(self, asked: Asked, identity: str) -> Answer:
            return self.json(sample, status)

    connector = opened(start(Refusing([], SERVICES[0])))
    (told,) = connector.deliver(connector.resource("User"), [Change("create", {}, {"userName": "p1"})])
    assert (told.status, sample["detail"] in told.message) == (outcome, True)


def test_a_list_of_the_standard_is_read_and_a_short_one_is_not_believed(
    start: Callable[[ScimWeb], ScimWeb], fixtures: Path
) -> None:
    """The second announces 100 resources and holds two."""
    for name, short in (("3.4.2-list_response-partial_attributes", False), ("3.4.3-list_response-post_query", True)):
        sample = payload(fixtures, f"rfc7644-{name}")

        class Listing(ScimWeb):
            answered: Any = None

            def listed(self, params: dict[str, str]) -> Answer:
                first = int(params.get("startIndex", 1)) == 1
                return self.json(self.answered if first else {**self.answered, "Resources": []})

        web = Listing([], SERVICES[0])
        web.answered = sample
        connector = opened(start(web))
        if short:
            with pytest.raises(Retriable, match=r"page\.moved"):  # the second page does not follow the first
                list(connector.read(Query(connector.resource("User"))))
        else:
            (page,) = connector.read(Query(connector.resource("User")))
            read = [json.loads(line) for line in page.records.splitlines()]
            assert [{key: one[key] for key in ("id", "userName")} for one in read] == sample["Resources"]


def payload(fixtures: Path, name: str) -> Any:
    return json.loads((fixtures / "scim" / "rfc_samples" / f"{name}.json").read_text())


@pytest.mark.parametrize("body", [b"[]", b'{"totalResults": 2}x', b'{"Resources": {}}', b"", b"<html>"])
def test_answers_that_are_no_lists_are_errors(start: Callable[[ScimWeb], ScimWeb], body: bytes) -> None:
    class Broken(ScimWeb):
        def listed(self, params: dict[str, str]) -> Answer:
            return Answer(200, body, {"Content-Type": "application/scim+json"})

    connector = opened(start(Broken([], SERVICES[0])))
    with pytest.raises(HubError):
        list(connector.read(Query(connector.resource("User"))))


def test_a_cursor_that_expires_between_pages_means_reading_again(start: Callable[[ScimWeb], ScimWeb]) -> None:
    class Forgetful(ScimWeb):
        def listed(self, params: dict[str, str]) -> Answer:
            if params.get("cursor"):
                return self.json({"scimType": "expiredCursor", "status": "400"}, 400)
            return super().listed(params)

    records = [{"userName": f"p{n:03}", "work": "w"} for n in range(30)]
    connector = opened(start(Forgetful(records, SERVICES[1])))
    with pytest.raises(HubError) as refused:
        list(connector.read(Query(connector.resource("User"))))
    assert refused.value.code == "page.expired"
