"""Tryton over JSON-RPC: the contract kit, and what its values, faults, sessions and pages are really like."""

from __future__ import annotations

import base64
import secrets
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from connectors.jsonrpc import SPEC
from hub.contract import Change, Context, Query, Resource
from hub.errors import AuthError, ConfigError
from hub.testing import Case, failures, run_contract
from hub.testing.writing import BATCH, WHOLE, exempting
from tests.conftest import Login
from tests.systems.tryton_seed import Session
from tests.unit.http.between import Between
from tests.unit.http.fake import lines, running

pytestmark = pytest.mark.against("jsonrpc", "Tryton 8.0", "real")

PLACES = {
    "model": "country.subdivision", "key": "code",
    "fields": {"code": "text", "name": "text", "type": "text", "country": "integer"},
}  # fmt: skip
EXEMPT = {
    **exempting("each record is a call of its own", BATCH),
    **exempting("records are written one by one", WHOLE),
    **dict.fromkeys(
        ("cursor_order", "cursor_ties", "since_inclusive", "change_seen"),
        "tests of their own: the server sets it",
    ),
    "deletes_seen": "Tryton tells no deletions",
    **dict.fromkeys(("pages_stable", "last_page_marked"), "the same code in Odoo's case; sizes are tested below"),
    **dict.fromkeys(
        ("wrong_credentials", "check_reports_trouble", "no_secret_shown"),
        "a test of its own: Tryton answers each failed log-in later than the one before",
    ),
}


@pytest.fixture(scope="module")
def session(tryton: Login) -> Session:
    made = Session(tryton.url, tryton.username, tryton.password)
    made.context = made.rpc("model.res.user.get_preferences", True, {})
    return made


@pytest.fixture(scope="module")
def between(tryton: Login) -> Iterator[Between]:
    """One for all: a log-in costs a quarter of a second of hashing."""
    made = Between(tryton.url.rpartition("/")[0], lambda asked: b'.create"' in asked.body)
    with running(made.fake):
        yield made


@pytest.fixture(scope="module")
def country(session: Session) -> Iterator[int]:
    (made,) = session.call("country.country", "create", [{"name": "Kitland " + secrets.token_hex(4)}])
    yield made
    left = session.call("country.subdivision", "search", [["country", "=", made]], 0, None, None)
    session.call("country.subdivision", "delete", left)
    session.call("country.country", "delete", [made])


@pytest.fixture
def opened(tryton: Login) -> Iterator[Callable[..., Any]]:
    with ExitStack() as stack:

        def made(
            url: str | None = None, password: str | None = None, resource: Any = PLACES, **more: Any
        ) -> Any:
            settings = SPEC.settings.model_validate({
                "dialect": "tryton", "url": url or tryton.url, "limits": {"retries": 0},
                "auth": {"basic": {"username": tryton.username, "password": password or tryton.password}}, **more,
            })  # fmt: skip
            declared = {"places": SPEC.resource.model_validate(resource)}
            connector = SPEC.open(Context(f"kit {url}"), settings, declared)
            stack.callback(connector.close)
            return connector

        yield made


def test_tryton_keeps_the_contract(
    tryton: Login, session: Session, country: int, opened: Callable[..., Any], between: Between
) -> None:
    resource = PLACES | {"domain": [["country", "=", country]]}
    names = ["code", "name", "type", "country"]

    def fresh(records: Sequence[Mapping[str, Any]]) -> Between:
        session.call("country.subdivision", "delete", ids({}))
        session.call("country.subdivision", "create", [dict(record) for record in records])
        return between

    def ids(key: Mapping[str, Any]) -> Any:
        domain = [["country", "=", country], *([name, "=", value] for name, value in key.items())]
        return session.call("country.subdivision", "search", domain, 0, None, None)

    def open_(between: Between) -> Any:
        return opened(f"{between.fake.url}/{tryton.url.rpartition('/')[2]}", None, resource, page_size=9)

    def stored(between: Between) -> Any:
        return session.call("country.subdivision", "read", ids({}), names)

    def change(between: Between, record: Mapping[str, Any]) -> None:
        session.call("country.subdivision", "write", ids({"code": record["code"]}), dict(record))

    case = Case(
        name="jsonrpc", fresh=fresh, open=open_, resource="places", key=("code",),
        record=lambda n: {"code": f"P{n:03}", "name": f"Name {n}", "type": "area", "country": country},
        exact={"name": 'O\'Neil "安" 😀 \\', "code": "A/B'C Ü&1"}, stored=stored, change=change,
        refused={"type": "nonsense"},
        throttle=lambda between, seconds: setattr(between, "pause", seconds),
        lose_answer=lambda between: setattr(between, "lose", True),
        exempt=EXEMPT,
    )  # fmt: skip
    assert failures(run_contract(case)) == []


def read(
    connector: Any, since: str | None = None, size: int | None = None, fields: tuple[str, ...] = ()
) -> list[Any]:
    resource = connector.resource("places")
    return lines(connector.read(Query(resource, since=since, page_size=size, fields=fields)))


def test_values_have_the_types_of_the_hub(opened: Callable[..., Any]) -> None:
    product = opened(
        resource={"model": "product.template", "key": "code", "domain": [["code", "=", "SKU0003"]]}
    )
    (row,) = read(product)
    assert (row["list_price"], row["active"], row["products"]) == ("13.50", True, [4])
    assert row["last_modified_at"].endswith("Z")
    people = opened(resource={"model": "company.employee", "domain": [["party.code", "=", "E002"]]})
    (person,) = read(people, fields=("start_date", "party.name", "party.addresses.city"))
    assert person["start_date"] == "2024-03-01"
    assert (person["party"]["name"], person["party"]["addresses"]) == ("Employee 2 员工", [])
    described = {field.name: field.type for field in people.resource("places").fields}
    assert (described["start_date"], described["party"]) == ("date", "integer")


def test_typed_values_are_written_and_come_back(opened: Callable[..., Any], session: Session) -> None:
    unit = session.first("product.uom", ["symbol", "=", "u"])
    products, code = opened(resource={"model": "product.template", "key": "code"}), f"T{secrets.token_hex(4)}"
    resource = products.resource("places")
    values = {
        "name": "Ware 安",
        "list_price": "1234567890.1234",
        "type": "goods",
        "default_uom": unit,
        "active": True,
    }
    (made,) = products.deliver(resource, [Change("create", {"code": code}, {"code": code, **values})])
    assert (made.status, made.message) == ("done", "")
    row = session.call("product.template", "read", [int(made.foreign_id)], ["list_price", "active"])[0]
    assert row["list_price"] == {"__class__": "Decimal", "decimal": "1234567890.1234"}
    (gone,) = products.deliver(resource, [Change("delete", {"code": code}, {}, made.foreign_id)])
    assert gone.status == "done"
    data = base64.b64encode(bytes(range(256))).decode()
    files = opened(
        resource={"model": "ir.attachment", "key": "name", "fields": {"name": "text", "data": "binary"}}
    )
    file = {"name": code, "type": "data", "data": data, "resource": "party.party,2"}
    (kept,) = files.deliver(files.resource("places"), [Change("create", {"name": code}, file)])
    assert kept.status == "done"
    assert [row["data"] for row in read(files) if row["name"] == code] == [data]
    files.deliver(files.resource("places"), [Change("delete", {"name": code}, {}, kept.foreign_id)])


def test_related_records_are_created_and_lists_replaced(opened: Callable[..., Any], session: Session) -> None:
    parties, code = opened(resource={"model": "party.party", "key": "code"}), f"T{secrets.token_hex(4)}"
    resource = parties.resource("places")
    marks = session.call("party.category", "create", [{"name": f"{code}{n}"} for n in range(3)])
    values = {
        "code": code,
        "name": "Ann",
        "categories": marks[:2],
        "addresses": [{"city": "Lyon"}, {"city": "Bonn"}],
    }
    (made,) = parties.deliver(resource, [Change("create", {"code": code}, values)])
    assert made.status == "done"
    change = Change("update", {"code": code}, {"categories": marks[1:]}, made.foreign_id)
    assert parties.deliver(resource, [change])[0].status == "done"
    row = session.call("party.party", "read", [int(made.foreign_id)], ["categories", "addresses.city"])[0]
    assert sorted(row["categories"]) == sorted(marks[1:])
    assert sorted(one["city"] for one in row["addresses."]) == ["Bonn", "Lyon"]
    session.call("party.party", "delete", [int(made.foreign_id)])
    session.call("party.category", "delete", marks)


def test_what_changed_is_read_by_time_and_ties_do_not_break_pages(
    opened: Callable[..., Any], session: Session, country: int
) -> None:
    first = [{"code": f"C{n:03}", "name": "n", "type": "area", "country": country} for n in range(11)]
    old = session.call("country.subdivision", "create", first)  # one transaction: one time
    resource = PLACES | {
        "cursor": "last_modified_at",
        "domain": [["country", "=", country], ["code", "like", "C%"]],
    }
    connector = opened(resource=resource)
    for size in (1, 2, 5, 500):
        assert sorted(row["id"] for row in read(connector, size=size)) == sorted(old)
    newest = max(row["last_modified_at"] for row in read(connector))
    session.call("country.subdivision", "write", [old[4]], {"name": "changed"})
    found = read(connector, since=newest, size=3)
    assert {row["id"]: row["name"] for row in found}[old[4]] == "changed"
    session.call("country.subdivision", "delete", old)


def test_a_cursor_that_is_empty_until_a_change_is_refused(opened: Callable[..., Any]) -> None:
    connector = opened(resource=PLACES | {"cursor": "write_date"})
    with pytest.raises(ConfigError) as refused:
        read(connector)
    assert (refused.value.code, "last_modified_at" in refused.value.hint) == ("cursor.type", True)


def test_a_session_that_ended_is_begun_again(
    opened: Callable[..., Any], between: Between, tryton: Login
) -> None:
    between.fake.asked.clear()
    # Of a model that no other test changes meanwhile: Tryton refuses a search whose record is just deleted.
    connector = opened(f"{between.fake.url}/{tryton.url.rpartition('/')[2]}", resource={"model": "ir.lang"})
    read(connector)
    before = sum(b"common.db.login" in asked.body for asked in between.fake.asked)
    heads = {asked.headers.get("authorization", "") for asked in between.fake.asked} - {""}
    (head,) = heads
    ended = urllib.request.Request(
        f"{tryton.url}/rpc/", data=b'{"id": 1, "method": "common.db.logout", "params": []}',
        headers={"Content-Type": "application/json", "Authorization": head},
    )  # fmt: skip
    urllib.request.urlopen(ended, timeout=60).close()
    assert len(read(connector, fields=("code",))) > 5
    logins = [asked for asked in between.fake.asked if b"common.db.login" in asked.body]
    assert len(logins) == before + 1


def test_a_wrong_password_is_refused_once_and_not_shown(opened: Callable[..., Any], tryton: Login) -> None:
    wrong, other = (
        opened(f"{tryton.url}/", "wr0ng-password-of-nobody", {"model": "party.party"}) for _ in range(2)
    )
    for connector, words in (
        (wrong, "the log-in was refused|credentials were refused"),
        (other, "a moment ago"),
    ):
        with pytest.raises(AuthError, match=words) as refused:
            read(connector)
        assert "wr0ng" not in f"{refused.value}{refused.value.hint}{connector.check()}"


def test_a_model_that_is_not_there_is_said(opened: Callable[..., Any]) -> None:
    for resource in ({"model": "no.such"}, {"model": "party.party", "key": "nothing"}):
        with pytest.raises(ConfigError):
            read(opened(resource=resource))
    parties = opened(resource={"model": "party.party", "key": "code"})
    refused = Change("create", {"code": "P0001x"}, {"code": "P0001x", "nothing": 1})
    (outcome,) = parties.deliver(Resource("places"), [refused])
    assert (outcome.status, outcome.code) == ("rejected", "field.unknown")
