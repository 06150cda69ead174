"""The JSON-RPC connector keeps the contract in Odoo's dialects; Tryton's is judged on a real server
(tests/integration/test_jsonrpc_tryton.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.jsonrpc import SPEC
from connectors.jsonrpc.calls import Kind
from connectors.jsonrpc.declared import RpcSettings
from connectors.jsonrpc.odoo import Odoo, fault
from connectors.jsonrpc.tryton import Tryton
from hub.contract import Change, Context, Query
from hub.errors import Fatal, HubError, RecordRejected
from hub.http import Response
from hub.testing import Case, failures, run_contract
from hub.testing.writing import WHOLE, exempting
from tests.contract.odooweb import SECRET, OdooWeb
from tests.faults.matrix import row
from tests.unit.http.fake import Answer, Asked, fake, lines, running

pytestmark = pytest.mark.against("jsonrpc", "Odoo", "simulator")

PARTNERS = {"model": "res.partner", "key": "code", "cursor": "write_date"}
WRONG = "wr0ng-" + SECRET[::-1]


def opened(web: OdooWeb, dialect: str, secret: str = SECRET, **resource: Any) -> Any:
    auth = (
        {"bearer": {"token": secret}}
        if dialect == "odoo_json2"
        else {"basic": {"username": "hub", "password": secret}}
    )
    settings = SPEC.settings.model_validate({
        "dialect": dialect, "url": web.fake.url, "auth": auth, "database": "kit", "limits": {"retries": 0},
        "page_size": 9,
    })  # fmt: skip
    declared = {"partners": SPEC.resource.model_validate(PARTNERS | resource)}
    return SPEC.open(Context(f"kit {web.fake.url}"), settings, declared)


@pytest.fixture
def start() -> Iterator[Callable[[OdooWeb], OdooWeb]]:
    with ExitStack() as stack:

        def started(web: OdooWeb) -> OdooWeb:
            stack.enter_context(running(web.fake))
            return web

        yield started


@pytest.mark.parametrize("dialect", ["odoo", "odoo_json2"])
def test_odoo_keeps_the_contract(start: Callable[[OdooWeb], OdooWeb], dialect: str) -> None:
    case = Case(
        name="jsonrpc", fresh=lambda records: start(OdooWeb(records)), open=lambda web: opened(web, dialect),
        resource="partners", key=("code",), cursor="write_date",
        record=lambda n: {"code": f"P{n:03}", "name": f"Name {n}", "write_date": f"2026-02-01 00:{n:02}:00"},
        exact={"name": 'O\'Neil "安" 😀\n\\', "code": "a/b'c ü&1"}, stored=lambda web: list(web.rows.values()),
        change=lambda web, record: web.put(record), refused={"name": "!"},
        locked_out=lambda web: opened(web, dialect, WRONG),
        throttle=lambda web, seconds: setattr(web, "pause", seconds),
        lose_answer=lambda web: setattr(web, "lose", True),
        misanswer=lambda web, how: setattr(web, "misanswers", how), secrets=(SECRET, WRONG),
        exempt={
            **exempting("records are written one by one", WHOLE), "deletes_seen": "Odoo tells no deletions",
        },
    )  # fmt: skip
    assert failures(run_contract(case)) == []


def test_related_records_are_read_by_further_calls(start: Callable[[OdooWeb], OdooWeb]) -> None:
    web = start(
        OdooWeb([{"code": "A", "name": "a"}, {"code": "B", "name": "b", "parent_id": 1, "day": "2026-01-02"}])
    )
    web.rows[1]["child_ids"] = [2]
    connector = opened(web, "odoo")
    fields = ("parent_id.name", "child_ids.code", "day", "amount")
    rows = lines(connector.read(Query(connector.resource("partners"), fields=fields)))
    first, second = rows
    assert (first["child_ids"], first["parent_id"]) == ([{"id": 2, "code": "B"}], None)
    assert (second["parent_id"], second["day"], second["amount"]) == (
        {"id": 1, "name": "a"},
        "2026-01-02",
        None,
    )


@row(10, "changed, created and deleted between pages that follow each other by time and number")
@pytest.mark.parametrize("cursor", [None, "write_date"])
def test_what_changes_while_pages_are_read_is_not_lost(
    start: Callable[[OdooWeb], OdooWeb], cursor: str | None
) -> None:
    web = start(OdooWeb([{"code": f"P{n:02}", "name": "old"} for n in range(20)]))
    connector = opened(web, "odoo", cursor=cursor)
    pages = connector.read(Query(connector.resource("partners"), page_size=4))
    rows = lines([next(pages), next(pages)])
    web.put({"code": "P01", "name": "new"})  # read already
    web.put({"code": "P15", "name": "new"})  # not read yet
    web.put({"code": "P99", "name": "new"})
    del web.rows[1], web.rows[18]
    rows += lines(pages)
    last = {one["code"]: one["name"] for one in rows}
    assert set(last) >= {f"P{n:02}" for n in range(1, 20)} - {"P17"}
    assert (last["P15"], last.get("P01")) == ("new", "new" if cursor else "old")


@row(11, "times that answers cut to the second")
def test_a_whole_second_is_read_though_times_are_cut(start: Callable[[OdooWeb], OdooWeb]) -> None:
    """Many records of one transaction, with fractions that answers do not show."""
    times = [f"2026-03-01 10:00:00.{n:06}" for n in range(25)] + ["2026-03-01 10:00:01.000001"]
    web = start(OdooWeb([{"code": f"P{n}", "write_date": when} for n, when in enumerate(times)]))
    connector = opened(web, "odoo")
    resource = connector.resource("partners")
    for since in (None, "2026-03-01T10:00:00Z"):
        rows = lines(connector.read(Query(resource, since=since, page_size=4)))
        assert sorted(row["code"] for row in rows) == sorted(web.rows[n]["code"] for n in web.rows)


@pytest.mark.parametrize(
    "name", ["odoo.exceptions.MissingError", "odoo.exceptions.UserError", "builtins.KeyError"]
)
def test_a_traceback_is_never_shown(start: Callable[[OdooWeb], OdooWeb], name: str) -> None:
    said = fault({"name": name, "message": "in short", "debug": "Traceback (most recent call last)"})
    assert (said.text, "Traceback" in said.text) == (f"{name.rpartition('.')[2]}: in short", False)


def test_records_are_created_together_and_each_gets_its_own_verdict(
    start: Callable[[OdooWeb], OdooWeb],
) -> None:
    web = start(OdooWeb([{"code": "P3", "name": "there"}]))
    connector = opened(web, "odoo")
    names = ["a", "b", "!", "d", "e"]
    changes = [
        Change("create", {"code": f"P{n}"}, {"code": f"P{n}", "name": name}) for n, name in enumerate(names)
    ]
    changes.append(Change("create", {"code": "P0"}, {"code": "P0", "name": "again"}))
    outcomes = connector.deliver(connector.resource("partners"), changes)
    assert [one.status for one in outcomes] == ["done", "done", "rejected", "conflict", "done", "conflict"]
    ids = {row["code"]: str(row["id"]) for row in web.rows.values()}
    assert [one.foreign_id for one in outcomes if one.status == "done"] == [ids["P0"], ids["P1"], ids["P4"]]
    web.fake.asked.clear()
    many = [Change("create", {"code": f"Q{n}"}, {"code": f"Q{n}", "name": "n"}) for n in range(50)]
    assert {one.status for one in connector.deliver(connector.resource("partners"), many)} == {"done"}
    assert len(web.fake.asked) == 3
    web.lose = True
    others = [replace(one, key={"code": f"R{n}"}, values={"code": f"R{n}"}) for n, one in enumerate(many)]
    lost = connector.deliver(connector.resource("partners"), others)
    assert {one.status for one in lost} == {"unknown"}


def test_a_server_that_takes_fewer_at_once_gets_fewer(start: Callable[[OdooWeb], OdooWeb]) -> None:
    web = start(OdooWeb([]))
    web.most = 10
    connector = opened(web, "odoo")
    many = [Change("create", {"code": f"Q{n}"}, {"code": f"Q{n}", "name": "n"}) for n in range(100)]
    assert {one.status for one in connector.deliver(connector.resource("partners"), many)} == {"done"}
    creates = [asked for asked in web.fake.asked if b'"create"' in asked.body or b"/create" in asked.body]
    assert (len(web.rows), len(creates) < 30) == (100, True)


def test_a_delete_of_what_is_gone_is_done(start: Callable[[OdooWeb], OdooWeb]) -> None:
    connector = opened(start(OdooWeb([])), "odoo_json2")
    (outcome,) = connector.deliver(
        connector.resource("partners"), [Change("delete", {"code": "x"}, {}, "99")]
    )
    assert outcome.status == "done"


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (["UserError", ["The code must be unique.", "", None]], "rejected"),
        (["UserWarning", ["w1", "Are you sure?", ""]], "rejected"),
        (["LoginException", ["password", "Password of Ann", "password"]], "auth"),
        (["ConcurrencyException", "Records were modified in the meanwhile"], "conflict"),
        (["database is locked", "Traceback … OperationalError"], "retry"),
        (["'nofield'", "Traceback …"], "failed"),
    ],
)
def test_errors_of_tryton_mean_what_they_are(error: Any, means: str) -> None:
    settings = RpcSettings.model_validate({
        "dialect": "tryton", "url": "http://127.0.0.1/db", "auth": {"basic": {"username": "u", "password": "p"}},
    })  # fmt: skip
    body = OdooWeb.json({"id": 1, "error": error}).body
    found = Tryton(settings).result(Response(200, {}, body, "http://127.0.0.1/db/rpc/", "POST"))
    assert (found.means, "Traceback" in found.text) == (means, False)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("integer", "x"), ("integer", True), ("numeric", "NaN"), ("numeric", "1E+999999999"),
     ("date", "today"), ("datetime", "9"), ("binary", "?"),
     ("boolean", "perhaps"), ("float", "inf"), ("many2one", [1])],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(kind: str, value: Any) -> None:
    settings = RpcSettings.model_validate({
        "dialect": "tryton", "url": "http://127.0.0.1/db", "auth": {"basic": {"username": "u", "password": "p"}},
    })  # fmt: skip
    dialects: list[Any] = [Tryton(settings), *([] if kind == "numeric" else [Odoo(settings, str)])]
    for dialect in dialects:
        with pytest.raises(RecordRejected) as refused:
            dialect.encode(Kind("f", kind), value)
        assert refused.value.code == "value.type"


@pytest.mark.parametrize(
    "value",
    [{"__class__": "Decimal", "decimal": "x"}, {"__class__": "Decimal", "decimal": "1E+999999999"},
     {"__class__": "Decimal"}, {"__class__": "date", "year": 0, "month": 1, "day": 1},
     {"__class__": "datetime", "year": "y"}, {"__class__": "bytes", "base64": 1}],
)  # fmt: skip
def test_an_object_that_is_not_what_it_says_is_an_error_that_names_the_field(value: dict[str, Any]) -> None:
    settings = RpcSettings.model_validate({
        "dialect": "tryton", "url": "http://127.0.0.1/db", "auth": {"basic": {"username": "u", "password": "p"}},
    })  # fmt: skip
    with pytest.raises(Fatal) as caught:
        Tryton(settings).decode(Kind("price", "numeric"), value)
    assert (caught.value.code, caught.value.where) == ("jsonrpc.answer", "price")
    assert Tryton(settings).decode(None, {"__class__": ["a"]}) == {"__class__": ["a"]}


@pytest.mark.parametrize(
    "settings",
    [
        {"dialect": "tryton", "auth": {"bearer": {"token": "t"}}},
        {"dialect": "odoo_json2", "auth": {"basic": {"username": "u", "password": "p"}}},
        {"dialect": "odoo", "auth": {"basic": {"username": "u", "password": "p"}}},
        {"dialect": "tryton", "auth": {"basic": {"key": "k"}}},
        {"dialect": "tryton"},
    ],
)
def test_credentials_that_a_dialect_does_not_take_are_findings(settings: Any) -> None:
    with pytest.raises(ValidationError):
        SPEC.settings.model_validate({"url": "http://127.0.0.1", **settings})


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"", b"<html>", b'{"id": 1', b'{"result": [{"x": 1}]}', b'{"result": 7}']
)
def test_answers_that_are_no_lists_are_errors(body: bytes) -> None:
    def reply(asked: Asked) -> Answer:
        if b'"fields_get"' in asked.body:
            return OdooWeb.json({"result": {"id": {"type": "integer"}, "code": {"type": "char"}}})
        return Answer(200, body) if b'"search_read"' in asked.body else OdooWeb.json({"result": 7})

    with fake(reply) as server:
        web = OdooWeb([])
        web.fake.server.server_close()
        web.fake = server
        connector = opened(web, "odoo", cursor=None)
        with pytest.raises(HubError):
            list(connector.read(Query(connector.resource("partners"))))
        connector.close()
