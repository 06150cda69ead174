"""Log-in by OpenLDAP and Active Directory: who is let in, as whom, and what the directory gets to see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import ldap
import pytest

from connectors.ldap.connection import Connection
from hub.contract import Proven
from hub.errors import ConfigError
from hub.security import accounts
from hub.security.passwords import Passwords
from hub.security.rates import Buckets
from hub.todos.people import person
from tests.conftest import Login, variables
from tests.contract.directories import CLASSES, Unit, opened
from tests.stores import SqliteStore
from tests.unit.portal.conftest import CHEAP, Browser, ground
from tests.unit.todos.conftest import Desk, begun

PEOPLE = {"li": "1", "wang": "2", "zhao": "3"}
WORDS = {name: f"{name}'s pass word" for name in (*PEOPLE, "nobody", "stranger")}
CORP = """
system: corp
title: {{en: Corp directory, zh: 公司目录}}
connector: ldap
url: {url}
tls: {{ca: {ca}}}
username: "{username}"
password: secret://corp/password
base: "{base}"
timeout: 10s
resources:
  person:
    object_class: inetOrgPerson
    base: "{unit}"
    key: [employeeNumber]
    fields: {{employeeNumber: text, uid: text, cn: text}}
"""
LOGIN = """
login:
  directories:
    corp: {system: corp, resource: person, by: [uid, mail], domains: [corp.example], wrong: 2, window: 20m}
"""
LINK = """
    mapping: corp-accounts
    from: corp.person
    into: person
    match: [[number]]
    fields: {number: employeeNumber}
    unmatched: review
"""


@pytest.fixture(scope="module")
def unit(openldap: Login) -> Iterator[Unit]:
    made = Unit(openldap, "log-in")
    for number, name in enumerate(WORDS, 1):
        made.add({"uid": name, "cn": name, "sn": name, "mail": f"{name}@corp.example", "employeeNumber": str(number)})
        made.raw.modify_s(made.name_of(name), [(ldap.MOD_ADD, "userPassword", [WORDS[name].encode()])])
    made.raw.delete_s(made.name_of("nobody"))
    yield made
    made.empty()
    made.raw.unbind_s()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, openldap: Login, unit: Unit) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("log-in") / "w", SqliteStore())
    known = variables("LDAP")
    corp = CORP.format(
        url=known["HUB_TEST_LDAP_TLS"], ca=known["HUB_TEST_LDAP_CA"], username=openldap.username,
        base=openldap.database, unit=unit.dn,
    )  # fmt: skip
    made.variables["COPHUB_SECRET_CORP_PASSWORD"] = openldap.password
    made.write("config/systems/corp.yaml", corp)
    made.mapping(LINK)
    begun(made)
    made.close()
    made.write("config/hub.yaml", (made.folder / "config" / "hub.yaml").read_text(encoding="utf-8") + LOGIN)
    made.run("corp-accounts", initial=True)
    made.serve()
    yield made
    made.close()


@pytest.fixture
def office(whole: Desk) -> Desk:
    """Nobody logged in, nobody counted."""
    whole.ahead = dt.timedelta()
    here = ground(whole)
    here.names, here.addresses = Buckets(1, 100), Buckets(1, 100)
    with whole.open_hub.hub.database.begin() as connection:
        for name in ("session", "login_link", "login_trial", "login_device", "account"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
    return whole


def log_in(office: Desk, name: str, password: str, browser: Browser | None = None) -> Any:
    return (browser or Browser(office)).login(name, password, where="corp")


class Seen:
    """What the directory is asked for: searches and binds, by way of the connector's own connections."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.binds: list[str] = []
        self.searches: list[str] = []
        bind, search = ldap.ldapobject.SimpleLDAPObject.simple_bind_s, Connection.search

        def binding(raw: Any, who: str = "", cred: str = "", *more: Any, **other: Any) -> Any:
            self.binds.append(who)
            return bind(raw, who, cred, *more, **other)

        def searching(connection: Connection, base: str, scope: str, condition: str, *more: Any, **other: Any) -> Any:
            self.searches.append(condition)
            return search(connection, base, scope, condition, *more, **other)

        monkeypatch.setattr(ldap.ldapobject.SimpleLDAPObject, "simple_bind_s", binding)
        monkeypatch.setattr(Connection, "search", searching)

    def people(self, openldap: Login) -> list[str]:
        return [who for who in self.binds if who != openldap.username]


def test_who_has_an_account_of_the_directory_is_its_person(office: Desk, unit: Unit):
    office.report(dict(system="oa", id="A-1", version={"at": "2026-11-26T08:15:00Z"}, title="Leave",
                       assignees=[{"to": {"code": PEOPLE["wang"]}}]))  # fmt: skip
    browser = Browser(office)
    assert log_in(office, "Wang", WORDS["wang"], browser).status_code == 303
    page = browser.text("/portal/todos")
    assert "Leave" in page
    assert "corp:wang" in page
    ((issuer, subject),) = [tuple(row) for row in office.rows("SELECT issuer, subject FROM login_link")]
    entry = unit.raw.search_s(unit.name_of("wang"), ldap.SCOPE_BASE, attrlist=["entryUUID"])[0][1]
    assert (issuer, subject) == ("ldap:corp", entry["entryUUID"][0].decode())
    assert log_in(office, "wang@corp.example", WORDS["wang"]).status_code == 303  # by another name, the same account
    assert len(office.rows("SELECT id FROM account")) == 1


def test_the_form_offers_the_directory_in_the_readers_language(office: Desk):
    assert '<option value="corp">Corp directory</option>' in Browser(office).text("/portal/login")
    assert '<option value="corp">公司目录</option>' in Browser(office, "zh").text("/portal/login")


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer_after_the_same_work(
    office: Desk, openldap: Login, monkeypatch: pytest.MonkeyPatch
):
    told, work = [], []
    for name in ("wang", "nobody", "w*", "wang)(uid=*", "stranger"):
        seen = Seen(monkeypatch)
        answer = log_in(office, name, "wrong")
        told.append((answer.status_code, answer.text.partition('<p id="told"')[2].partition("</p>")[0]))
        work.append((len(seen.searches), len(seen.binds)))
        monkeypatch.undo()
    assert set(told) == {(403, told[0][1])}
    assert set(work) == {(1, 2)}  # the hub's own bind, and one of somebody
    assert "wrong" in told[0][1]


def test_a_name_is_no_filter(office: Desk, openldap: Login, monkeypatch: pytest.MonkeyPatch):
    seen = Seen(monkeypatch)
    assert log_in(office, "li)(|(uid=*", WORDS["li"]).status_code == 403
    assert r"(uid=li\29\28|\28uid=\2a)" in seen.searches[0]
    assert log_in(office, "*", WORDS["li"]).status_code == 403


def test_an_empty_password_is_refused_before_the_directory_says_yes(
    office: Desk, unit: Unit, openldap: Login, monkeypatch: pytest.MonkeyPatch
):
    seen = Seen(monkeypatch)
    assert log_in(office, "wang", "").status_code == 403
    assert seen.binds == []
    connector = opened(openldap, {"person": {"base": unit.dn, "object_class": CLASSES}}, **encrypted())
    try:
        known = connector.account("person", ["uid"], "wang")
        assert known is not None
        assert not connector.prove("person", ["uid"], "wang", known, "")
        assert not connector.prove("person", ["uid"], "wang", known, "a\0b")
        assert connector.prove("person", ["uid"], "wang", known, WORDS["wang"])
    finally:
        connector.close()


def encrypted(**more: Any) -> dict[str, Any]:
    known = variables("LDAP")
    return {"url": known["HUB_TEST_LDAP_TLS"], "tls": {"ca": known["HUB_TEST_LDAP_CA"]}} | more


def test_passwords_of_people_go_encrypted_and_to_whom_the_authority_knows(unit: Unit, openldap: Login):
    resources = {"person": {"base": unit.dn, "object_class": CLASSES}}
    for more, code in (({}, "ldap.login_plain"), ({"url": variables("LDAP")["HUB_TEST_LDAP_TLS"]}, "ldap.tls")):
        connector = opened(openldap, resources, **more)
        with pytest.raises(ConfigError) as refused:
            connector.account("person", ["uid"], "wang")
        assert refused.value.code == code
        connector.close()


def test_who_left_the_filter_while_he_logged_in_is_not_let_in(unit: Unit, openldap: Login):
    shape = {"base": unit.dn, "object_class": CLASSES, "filter": "(&(objectClass=inetOrgPerson)(!(title=left)))"}
    connector = opened(openldap, {"person": shape}, **encrypted())
    try:
        known = connector.account("person", ["uid"], "zhao")
        assert known is not None
        assert connector.prove("person", ["uid"], "zhao", known, WORDS["zhao"])
        unit.raw.modify_s(unit.name_of("zhao"), [(ldap.MOD_REPLACE, "title", [b"left"])])
        assert not connector.prove("person", ["uid"], "zhao", known, WORDS["zhao"])
        moved = Proven(known.key, known.foreign_id, known.name, unit.name_of("wang"))
        assert not connector.prove("person", ["uid"], "wang", moved, WORDS["wang"])  # of another entry
    finally:
        unit.raw.modify_s(unit.name_of("zhao"), [(ldap.MOD_DELETE, "title", None)])
        connector.close()


def test_an_account_without_a_person_leads_to_a_page_that_says_so(office: Desk):
    answer = log_in(office, "stranger", WORDS["stranger"])
    assert answer.status_code == 403
    assert "login.unlinked" in answer.text
    assert "no person of this hub has that account" in answer.text
    assert office.rows("SELECT id FROM account") == []
    assert office.rows("SELECT seq FROM audit WHERE action = 'login.unlinked'")
    assert "login.unlinked" not in log_in(office, "stranger", "wrong").text


def test_the_directory_sees_no_more_wrong_passwords_than_it_allows(
    office: Desk, openldap: Login, monkeypatch: pytest.MonkeyPatch
):
    seen, home = Seen(monkeypatch), Browser(office)
    assert log_in(office, "wang", WORDS["wang"], home).status_code == 303
    first = len(seen.people(openldap))
    answers = [log_in(office, name, "wrong") for name in ("wang", "wang@corp.example", "WANG", "wang")]
    assert [one.status_code for one in answers] == [403, 403, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert len(seen.people(openldap)) - first == 2
    # a name that nobody has is slowed down alike
    assert [log_in(office, "nobody", "wrong").status_code for _ in range(3)] == [403, 403, 429]
    # where he logged in before he is not locked out by what strangers did
    assert log_in(office, "wang", WORDS["wang"]).status_code == 429
    home.post("/portal/logout", home.token("/portal/todos"))
    assert log_in(office, "wang", WORDS["wang"], home).status_code == 303
    office.ahead = dt.timedelta(minutes=21)
    assert log_in(office, "wang", WORDS["wang"]).status_code == 303


def test_a_right_password_counts_for_nothing_and_a_directory_that_is_down_neither(
    office: Desk, monkeypatch: pytest.MonkeyPatch
):
    for _ in range(4):
        assert log_in(office, "wang", WORDS["wang"]).status_code == 303
    assert office.rows("SELECT id FROM login_trial") == []

    def down(*_: Any, **__: Any) -> None:
        raise ldap.SERVER_DOWN({"result": -1, "desc": "Can't contact LDAP server"})

    monkeypatch.setattr(ldap.ldapobject.SimpleLDAPObject, "simple_bind_s", down)
    answer = log_in(office, "wang", WORDS["wang"])
    assert (answer.status_code, "does not work now" in answer.text) == (503, True)
    assert office.rows("SELECT id FROM login_trial") == []


def test_the_domain_of_a_name_decides_and_the_hubs_own_accounts_stay_reachable(office: Desk):
    hub = office.open_hub.hub
    here = ground(office)
    here.passwords = Passwords(CHEAP)
    accounts.add(hub.database, hub.actor, here.passwords, "li@corp.example", person(hub, "1"), "a pass phrase of hers",
                 hub.clock())  # fmt: skip
    assert Browser(office).login("li@corp.example", WORDS["li"]).status_code == 303  # of the directory
    assert Browser(office).login("li@corp.example", "a pass phrase of hers", where="hub").status_code == 303
    assert Browser(office).login("li", WORDS["li"]).status_code == 403  # nothing chosen: the hub's own


def test_an_account_of_the_directory_is_disabled_here_and_follows_its_record(office: Desk, unit: Unit):
    hub = office.open_hub.hub
    browser = Browser(office)
    assert log_in(office, "li", WORDS["li"], browser).status_code == 303
    with pytest.raises(ConfigError) as refused:
        accounts.set_password(hub.database, hub.actor, ground(office).passwords, "corp:li", "a" * 20, hub.clock())
    assert refused.value.code == "account.outer"
    accounts.disable(hub.database, hub.actor, "corp:li", hub.clock())
    browser.get("/portal/todos", 303)
    assert log_in(office, "li", WORDS["li"]).status_code == 403
    accounts.enable(hub.database, hub.actor, "corp:li")
    assert log_in(office, "li", WORDS["li"], browser).status_code == 303
    ((before,),) = office.rows("SELECT person FROM account")
    with hub.database.begin() as connection:
        connection.exec_driver_sql("UPDATE shadow SET entity = (SELECT _id FROM e_person WHERE number = '3') "
                                   "WHERE key = '1' AND source = (SELECT id FROM source WHERE system = 'corp')")
    try:
        assert log_in(office, "li", WORDS["li"]).status_code == 303
        ((after,),) = office.rows("SELECT person FROM account")
        assert after != before
        browser.get("/portal/todos", 303)  # who was logged in by it as another person is not any more
    finally:
        with hub.database.begin() as connection:
            connection.exec_driver_sql("UPDATE shadow SET entity = (SELECT _id FROM e_person WHERE number = '1') "
                                       "WHERE key = '1' AND source = (SELECT id FROM source WHERE system = 'corp')")


def test_active_directory_proves_who_somebody_is(active_directory: Login):
    person = {"base": active_directory.database, "filter": "(&(objectCategory=person)(objectClass=user))"}
    safe = {"id": "objectGUID", "starttls": True, "tls": {"ca": active_directory.ca}, "parts": "skip"}
    connector = opened(active_directory, {"person": person}, **safe)
    by = ["sAMAccountName", "userPrincipalName"]
    try:
        known = connector.account("person", by, "administrator")
        assert known is not None
        assert known.name == "Administrator"
        assert known.key == known.foreign_id != ""
        assert connector.prove("person", by, "administrator", known, active_directory.password)
        assert not connector.prove("person", by, "administrator", known, "")
        nobody = connector.account("person", by, "nobody")
        assert nobody is None
        assert not connector.prove("person", by, "nobody", nobody, "Wr0ng-Pass!2026")
    finally:
        connector.close()
