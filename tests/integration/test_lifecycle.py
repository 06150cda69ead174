"""HR, the hub, Active Directory and a SCIM service by the files of ``docs/how-to/lifecycle.md``: who joins, moves,
leaves and comes back, in several posts, beside namesakes and people who share a phone.

Each test goes on where the one before it ended, as life does. The oracles are the directory, read by LDAP, and the
service, read by HTTP.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import ldap
import pytest
from sqlalchemy import select, update

from hub.errors import Held
from hub.store import tables
from hub.store.target_tables import departure
from tests.conftest import Login
from tests.contract.directories import connected
from tests.docs.pages import DOCS, blocks
from tests.stores import SqliteStore
from tests.unit.exchange.world import World, some

pytestmark = [
    pytest.mark.long,
    pytest.mark.against("ldap", "Active Directory (Samba)", "real"),
    pytest.mark.against("scim", "scim2-server", "real"),
    pytest.mark.against("sql", "SQLite", "real"),
]
PAGE = str((DOCS / "how-to" / "lifecycle.md").relative_to(DOCS.parent))
RUNS = ("hr-people", "people-to-ad", "people-to-travel")
UNIT = "OU=Lifecycle"
TABLES = """
CREATE TABLE hub_worker (person TEXT PRIMARY KEY, number TEXT, family TEXT, given TEXT, phone TEXT, status TEXT);
CREATE TABLE hub_post (code TEXT PRIMARY KEY, worker TEXT, unit TEXT, job TEXT, main TEXT);
"""
Row = dict[str, Any]


class Company:
    """HR's tables, the hub, and what stands in both targets."""

    def __init__(self, world: World, ad: Login, scim: Login) -> None:
        self.world, self.ad, self.scim, self.raw = world, ad, scim, connected(ad)
        self.unit = f"{UNIT},{ad.database}"

    # ------------------------------------------------------------ HR

    def hr(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.world.folder / "hr.sqlite")) as connection, connection:
            for statement in statements:
                connection.executescript(statement)

    def joins(self, person: str, number: str, family: str, given: str, phone: str = "") -> None:
        self.hr(
            f"INSERT INTO hub_worker VALUES ('{person}', '{number}', '{family}', '{given}', "
            f"nullif('{phone}', ''), 'A')"
        )

    def post(self, code: str, worker: str, unit: str, job: str, main: int = 1) -> None:
        self.hr(f"INSERT OR REPLACE INTO hub_post VALUES ('{code}', '{worker}', '{unit}', '{job}', '{main}')")

    def hide(self, table: str) -> None:
        self.hr(f"ALTER TABLE {table} RENAME TO hidden", f"CREATE TABLE {table} AS SELECT * FROM hidden WHERE 0")

    def show(self, table: str) -> None:
        self.hr(f"DROP TABLE {table}", f"ALTER TABLE hidden RENAME TO {table}")

    # ------------------------------------------------------------ the hub

    def run(self, *, initial: bool = False) -> tuple[dict[str, int], ...]:
        """What became of everybody in each exchange, without those that nothing happened to."""
        idle = ("read", "unchanged", "out_of_scope", "absent", "applied")
        results = [self.world.run(name, initial=initial) for name in RUNS]
        assert [self.world.held(name) for name in RUNS] == [[]] * 3
        assert [one.state for one in results] == ["done"] * 3
        return tuple({name: n for name, n in some(one).items() if name not in idle} for one in results)

    def pass_days(self, days: int) -> None:
        """Who is missed was missed so many days earlier."""
        earlier = dt.timedelta(days=days)
        with self.world.opened() as opened, opened.hub.database.begin() as connection:
            for column in (tables.shadow.c.absent_at, departure.c.since):
                found = connection.execute(select(column).where(column.is_not(None)).distinct()).scalars().all()
                for then in sorted(found):
                    connection.execute(
                        update(column.table).where(column == then).values({column.name: then - earlier})
                    )

    # ------------------------------------------------------------ what stands there

    def directory(self) -> dict[str, Row]:
        """The accounts of the unit by number."""
        found = self.raw.search_s(self.unit, ldap.SCOPE_ONELEVEL, "(&(objectClass=user)(employeeID=*))")
        accounts = [
            {name: [one.decode("utf-8", "replace") for one in values] for name, values in entry.items()}
            for _, entry in found
        ]
        assert len({one["employeeID"][0] for one in accounts}) == len(accounts)
        return {one["employeeID"][0]: one for one in accounts}

    def service(self) -> dict[str, Row]:
        users = self.ask("GET", "/Users?count=1000")["Resources"]
        return {one["externalId"]: one for one in users if str(one.get("externalId", "")).startswith("L")}

    def open(self) -> dict[str, tuple[bool, bool]]:
        """Number → whether the account is open in the directory and in the service."""
        service = self.service()
        directory = {
            number: {"512": True, "514": False}[one["userAccountControl"][0]]
            for number, one in self.directory().items()
        }
        assert directory.keys() == service.keys()
        return {number: (on, service[number]["active"]) for number, on in directory.items()}

    def ask(self, method: str, path: str) -> Any:
        asked = urllib.request.Request(
            self.scim.url + path, method=method, headers={"Authorization": f"Bearer {self.scim.key}"}
        )
        with urllib.request.urlopen(asked) as told:
            return json.loads(told.read() or b"null")

    # ------------------------------------------------------------ the beginning and the end

    def begin(self) -> None:
        self.clear()
        self.raw.add_s(self.unit, [("objectClass", [b"organizationalUnit"])])
        self.hr(TABLES)
        hr = "odbc: DRIVER={PostgreSQL Unicode};SERVER=hr-db.example.com;DATABASE=hr\nusername: hub\n"
        here = {
            hr + "password: secret://hr/password\n": "sqlite: ../hr.sqlite\n",
            "ldaps://dc1.corp.example.com": self.ad.url.replace("ldap://", "ldaps://").partition(":389")[0],
            "certs/corp-ca.pem": self.ad.ca,
            "hub@corp.example.com": self.ad.username,
            "OU=Staff,DC=corp,DC=example,DC=com": self.unit,
            "https://travel.example.com/scim/v2": self.scim.url,
            "nulls: 5": "nulls: 1",  # this company is small
        }
        for block in blocks("yaml"):
            if block.page == PAGE and block.place:
                text = block.text
                for theirs, ours in here.items():
                    text = text.replace(theirs, ours)
                self.world.write(block.place, text)
        self.world.variables = {
            "COPHUB_SECRET_AD_PASSWORD": self.ad.password, "COPHUB_SECRET_TRAVEL_TOKEN": self.scim.key,
        }  # fmt: skip

    def older(self, login: str) -> None:
        """An account that was there before the hub."""
        names = {"objectClass": "user", "sAMAccountName": login, "userAccountControl": "514"}
        self.raw.add_s(f"CN={login},{self.unit}", [(name, [value.encode()]) for name, value in names.items()])

    def clear(self) -> None:
        try:
            found = self.raw.search_s(self.unit, ldap.SCOPE_SUBTREE, attrlist=["1.1"])
        except ldap.NO_SUCH_OBJECT:
            found = []
        for dn, _ in sorted(found, key=lambda entry: -len(ldap.dn.str2dn(entry[0]))):
            self.raw.delete_s(dn)
        for one in self.service().values():
            self.ask("DELETE", f"/Users/{one['id']}")


@pytest.fixture(scope="module")
def company(
    tmp_path_factory: pytest.TempPathFactory, active_directory: Login, scim: Login
) -> Iterator[Company]:
    world = World(tmp_path_factory.mktemp("lifecycle"), SqliteStore())
    company = Company(world, active_directory, scim)
    try:
        company.begin()
        yield company
    finally:
        company.clear()
        company.raw.unbind_s()
        world.close()


def test_who_joins_has_accounts_and_two_posts_reach_both_targets(company: Company):
    company.joins("1", "L1", "张", "伟", "13800000001")
    company.post("p1", "1", "sales", "销售经理")
    company.post("p2", "1", "board", "监事", main=0)
    company.joins("2", "L2", "李", "娜")
    company.post("p3", "2", "sales", "助理")
    assert company.run(initial=True) == ({"created": 2},) * 3
    entry, user = company.directory()["L1"], company.service()["L1"]
    assert (entry["title"], entry["department"]) == (["销售经理"], ["sales"])
    assert sorted(entry["departmentNumber"]) == ["board", "sales"]
    extension = user["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]
    assert (user["title"], extension["department"]) == ("销售经理", "sales")
    assert {one["value"]: one["primary"] for one in user["roles"]} == {"board": False, "sales": True}
    assert company.open() == {"L1": (True, True), "L2": (True, True)}


def test_namesakes_and_people_with_one_phone_stay_two_and_an_account_of_old_is_nobodys(company: Company):
    company.older("Zhang.Wei2")
    company.joins("3", "L3", "张", "伟", "13800000001")
    company.post("p4", "3", "plant", "工程师")
    assert company.run() == ({"created": 1},) * 3
    one, other = (company.directory()[number] for number in ("L1", "L3"))
    for name in ("displayName", "telephoneNumber"):
        assert one[name] == other[name]
    assert (one["sAMAccountName"], other["sAMAccountName"]) == (["zhang.wei"], ["zhang.wei3"])


def test_who_moves_has_new_posts_in_the_same_accounts(company: Company):
    before = company.directory()["L1"]["objectGUID"], company.service()["L1"]["id"]
    company.hr("DELETE FROM hub_post WHERE code = 'p1'")
    company.post("p2", "1", "board", "监事会主席")
    company.post("p5", "1", "research", "顾问", main=0)
    assert company.run() == ({"updated": 1},) * 3
    entry, user = company.directory()["L1"], company.service()["L1"]
    assert (entry["title"], entry["department"]) == (["监事会主席"], ["board"])
    assert sorted(entry["departmentNumber"]) == ["board", "research"]
    assert sorted(one["value"] for one in user["roles"]) == ["board", "research"]
    assert (entry["objectGUID"], user["id"]) == before


def test_an_hr_that_shows_nobody_disables_nobody(company: Company):
    before = company.open(), company.directory()
    company.hide("hub_worker")
    assert company.run() == ({},) * 3
    assert (company.open(), company.directory()) == before
    company.show("hub_worker")
    assert company.run() == ({},) * 3
    assert before[0] == dict.fromkeys(("L1", "L2", "L3"), (True, True))


def test_posts_that_hr_does_not_show_any_more_are_held_by_the_guard(company: Company):
    before = company.directory()
    company.hide("hub_post")
    with pytest.raises(Held):
        company.run()
    assert company.directory() == before
    company.show("hub_post")
    assert company.run() == ({},) * 3


def test_who_leaves_is_disabled_at_once_and_enabled_when_they_are_back_under_another_number(company: Company):
    before = company.directory()["L2"]["objectGUID"]
    company.hr("UPDATE hub_worker SET status = 'L' WHERE number = 'L2'")
    assert company.run() == ({"disabled": 1},) * 3
    assert company.open()["L2"] == (False, False)
    company.pass_days(30)
    company.hr("UPDATE hub_worker SET status = 'A', number = 'L9' WHERE number = 'L2'")
    assert company.run() == ({"updated": 1},) * 3
    assert company.open() == {"L1": (True, True), "L3": (True, True), "L9": (True, True)}
    assert company.directory()["L9"]["objectGUID"] == before


def test_who_is_not_in_hr_any_more_is_disabled_after_a_week_and_deleted_after_the_grace(company: Company):
    company.hr("DELETE FROM hub_worker WHERE number = 'L3'")
    company.run()
    assert company.open()["L3"] == (True, True)
    company.pass_days(8)
    assert company.run() == ({"disabled": 1},) * 3
    assert company.open()["L3"] == (False, False)
    company.pass_days(80)
    company.run()
    assert company.open()["L3"] == (False, False)
    company.pass_days(11)
    assert company.run()[1:] == ({"deleted": 1},) * 2
    assert company.open() == {"L1": (True, True), "L9": (True, True)}
