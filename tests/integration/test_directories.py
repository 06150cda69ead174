"""OpenLDAP and Active Directory: deletions, tokens that do not fit, encryption, moves, passwords, long lists."""

from __future__ import annotations

import base64
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ldap
import pytest

from hub.contract import Change, Outcome, Page, Query
from hub.doctor.records import rows_of
from hub.errors import AuthError, ConfigError, Fatal, HubError
from tests.conftest import Login, variables
from tests.contract.directories import CLASSES, FIELDS, Unit, Units, connected, opened
from tests.systems import ldap as openldap_seed

PEOPLE = "(&(objectCategory=person)(objectClass=user))"
SEEN = ("sAMAccountName", "mail", "accountExpires", "objectSid", "dn")


@pytest.fixture
def units(openldap: Login) -> Iterator[Units]:
    made = Units(openldap, "integration")
    yield made
    made.clear()


def read(connector: Any, name: str, fields: tuple[str, ...], token: str | None = None) -> list[Page]:
    return list(connector.read(Query(connector.resource(name), fields, token=token, page_size=7)))


def record(number: int) -> dict[str, Any]:
    return {"uid": f"p{number}", "cn": f"Name {number}", "sn": "x"}


def person(unit: Unit, **more: Any) -> dict[str, dict[str, Any]]:
    return {"person": {"base": unit.dn, "object_class": CLASSES, "fields": FIELDS} | more}


@pytest.mark.against("ldap", "OpenLDAP", "real")
def test_all_people_come_by_pages_although_an_answer_is_limited(openldap: Login) -> None:
    reader = {"username": openldap_seed.READER, "password": openldap_seed.READER_PASSWORD}
    base = {"people": {"base": f"ou=org,{openldap.database}", "object_class": "inetOrgPerson"}}
    found = opened(openldap, base, **reader)
    assert (
        sum(page.count for page in found.read(Query(found.resource("people"), ("uid",))))
        == openldap_seed.PEOPLE
    )
    unpaged = opened(openldap, base, page_size=None, **reader)
    with pytest.raises(Fatal) as refused:
        read(unpaged, "people", ("uid",))
    assert refused.value.code == "ldap.limit"


@pytest.mark.against("ldap", "OpenLDAP", "real")
def test_passwords_are_never_read(openldap: Login) -> None:
    connector = opened(
        openldap, {"people": {"base": f"ou=org,{openldap.database}", "object_class": "inetOrgPerson"}}
    )
    assert "userPassword" not in {field.name for field in connector.resource("people").fields}
    with pytest.raises(ConfigError) as refused:
        read(connector, "people", ("uid", "userPassword"))
    assert refused.value.code == "ldap.secret_field"


@pytest.mark.parametrize(
    "cookie",
    ["Z2FyYmFnZQ==", "cmlkPTAwMCxjc249MjAyOTAxMDEwMDAwMDAuMDAwMDAwWiMwMDAwMDAjMDAwIzAwMDAwMA==", "", "!"],
    ids=["garbage", "of the future", "none", "no base64"],
)
def test_a_cookie_that_does_not_fit_is_never_gone_on_from(units: Units, cookie: str) -> None:
    connector = opened(units.login, person(units.fresh([record(1)]), sync="syncrepl"))
    token = str(read(connector, "person", ("uid",))[-1].token)
    with pytest.raises(Fatal) as refused:
        read(connector, "person", ("uid",), ":".join([*token.split(":")[:3], cookie]))
    assert refused.value.code == "token.expired"


def test_a_token_of_another_filter_is_not_gone_on_from(units: Units) -> None:
    unit = units.fresh([record(1)])
    token = read(opened(units.login, person(unit, sync="syncrepl")), "person", ("uid",))[-1].token
    other = opened(units.login, person(unit, sync="syncrepl", filter="(uid=p1)"))
    with pytest.raises(Fatal, match="another kind of read"):
        read(other, "person", ("uid",), token)


def test_a_directory_without_a_session_log_is_read_anew(openldap: Login) -> None:
    """It tells who is present: nobody may take the rest for deleted."""
    quiet = Login(
        openldap.url, f"cn=admin,{openldap_seed.QUIET}", openldap.password, database=openldap_seed.QUIET
    )
    raw, dn = connected(quiet), f"cn=somebody,{openldap_seed.QUIET}"
    raw.add_s(dn, [("objectClass", [b"person"]), ("sn", [b"x"])])
    connector = opened(quiet, {"person": {"object_class": "person", "sync": "syncrepl"}})
    token = read(connector, "person", ("cn",))[-1].token
    raw.delete_s(dn)
    with pytest.raises(Fatal, match="syncprov-sessionlog"):
        read(connector, "person", ("cn",), token)


@pytest.mark.against("ldap", "OpenLDAP", "real")
def test_encrypted_connections_trust_the_named_authority_alone(openldap: Login) -> None:
    tls = variables("LDAP")["HUB_TEST_LDAP_TLS"]
    for more in ({"url": tls}, {"starttls": True}):
        assert all(probe.ok for probe in opened(openldap, {}, tls={"ca": openldap.ca}, **more).check())
        with pytest.raises(ConfigError) as trusting_nobody:
            opened(openldap, {"person": {"object_class": "person"}}, **more).resource("person")
        assert trusting_nobody.value.code == "ldap.tls"
        assert trusting_nobody.value.hint.startswith("check tls: ca")


def send(connector: Any, operation: Any, key: str, **values: Any) -> Outcome:
    resource = connector.resource("person")
    found = connector.find(resource, [{"uid": key}])[0]
    identity = found.foreign_id if found else None
    change = Change(operation, {"uid": key}, {"uid": key, **values}, identity)
    return connector.deliver(resource, [change])[0]  # type: ignore[no-any-return]


def test_an_entry_whose_name_comes_out_differently_is_moved(units: Units) -> None:
    unit = units.fresh([])
    for name in ("a", "b"):
        unit.raw.add_s(f"ou={name},{unit.dn}", [("objectClass", [b"organizationalUnit"])])
    write = {"dn": f"uid={{uid}},ou={{ou}},{unit.dn}"}
    fields = FIELDS | {"ou": "text", "hubRole": ["text"], "hubActive": "boolean", "hubGrade": "integer"}
    connector = opened(units.login, person(unit, key="uid", fields=fields, write=write))
    made = send(
        connector, "create", "x", cn="X", sn="X", ou="a", hubRole=["one", "two"], hubActive=True, hubGrade=7
    )
    assert made.status == "done", made
    moved = send(connector, "update", "x", ou="b", hubRole=["two", "three"], mail=None)
    assert (moved.status, moved.foreign_id) == ("done", made.foreign_id)
    ((dn, values),) = unit.raw.search_s(unit.dn, ldap.SCOPE_SUBTREE, "(uid=x)")
    assert dn == f"uid=x,ou=b,{unit.dn}"
    assert (sorted(values["hubRole"]), values["hubActive"], values["ou"]) == (
        [b"three", b"two"],
        [b"TRUE"],
        [b"b"],
    )
    assert send(connector, "update", "x", ou="nowhere").status == "rejected"


def test_what_the_directory_refuses_is_rejected_with_its_code(units: Units) -> None:
    unit = units.fresh([record(1)])
    connector = opened(units.login, person(unit, key="uid", write={"dn": f"uid={{uid}},{unit.dn}"}))
    assert send(connector, "create", "new").code == "ldap.65"  # without cn and sn
    taken = Change("create", {"uid": "p1"}, {"uid": "p1", "cn": "x", "sn": "x"})
    assert connector.deliver(connector.resource("person"), [taken])[0].status == "conflict"
    injected = {"uid": "*"}
    assert connector.find(connector.resource("person"), [injected, {"uid": "p1)(uid=*"}]) == [None, None]


@pytest.mark.against("ldap", "OpenLDAP", "real")
def test_people_of_the_fixtures_come_through_with_their_photos(units: Units, fixtures: Path) -> None:
    unit = units.fresh([])
    write = {"dn": f"cn={{cn}},{unit.dn}", "object_class": ["inetOrgPerson"]}
    declared = {
        "base": unit.dn,
        "object_class": "inetOrgPerson",
        "key": "cn",
        "fields": {"cn": "text"},
        "write": write,
    }
    connector = opened(units.login, {"person": declared})
    resource = connector.resource("person")
    kinds = {field.name: field.type for field in resource.fields}
    wanted: dict[str, dict[str, Any]] = {}
    for file in sorted((fixtures / "ldap" / "planetexpress").glob("10_people_*.ldif")):
        with file.open("rb") as text:
            found = importlib.import_module("ldif").LDIFRecordList(text)  # python-ldap's, untyped
            found.parse()
        ((_, values),) = found.all_records
        person = {
            name: [
                base64.b64encode(one).decode() if kinds[name] == "binary" else one.decode() for one in several
            ]
            for name, several in values.items()
            if name not in ("objectClass", "userPassword")
        }
        wanted[person["cn"][0]] = person | {"cn": person["cn"][0]}
    changes = [Change("create", {"cn": name}, person) for name, person in wanted.items()]
    assert {one.status for one in connector.deliver(resource, changes)} == {"done"}
    read_back = {
        row["cn"]: row
        for row in rows_of(
            list(connector.read(Query(resource, tuple(set(kinds) - {"unicodePwd", "userPassword"}))))
        )
    }
    for name, sent in wanted.items():
        there = read_back[name]
        for field, value in sent.items():
            first = value[0] if isinstance(value, list) else value
            assert there[field] == (value if isinstance(there[field], list) else first)
    assert sum("jpegPhoto" in row for row in read_back.values()) == 5


# ------------------------------------------------------------------ Active Directory


@pytest.fixture
def people(active_directory: Login, request: pytest.FixtureRequest) -> Iterator[tuple[Any, str]]:
    """A unit of the test's own with five users, and a connection beside the hub's."""
    raw, number = connected(active_directory), request.node.name.partition("[")[2].strip("]") or "x"
    unit = f"OU=hub {number},{active_directory.database}"

    def clear() -> None:
        found = []
        try:
            found = raw.search_s(unit, ldap.SCOPE_SUBTREE, attrlist=["1.1"])
        except ldap.NO_SUCH_OBJECT:
            return
        for dn, _ in sorted(found, key=lambda entry: -len(entry[0] or "")):
            if dn:
                raw.delete_s(dn)

    clear()
    raw.add_s(unit, [("objectClass", [b"organizationalUnit"])])
    for at in range(5):
        user = [("objectClass", [b"user"]), ("sAMAccountName", [f"{number}{at}".encode()])]
        raw.add_s(f"CN=User {at},{unit}", [*user, ("userAccountControl", [b"514"])])
    yield raw, unit
    clear()
    raw.unbind_s()


@pytest.mark.against("ldap", "Active Directory (Samba)", "real")
@pytest.mark.parametrize("sync", ["dirsync", "usn"])
def test_active_directory_tells_changes_moves_and_deletions(
    active_directory: Login, people: tuple[Any, str], sync: str
) -> None:
    raw, unit = people
    declared = {"user": {"base": unit, "object_class": "user", "filter": PEOPLE, "sync": sync}}
    connector = opened(active_directory, declared, id="objectGUID")
    first = read(connector, "user", SEEN)
    known = {row["sAMAccountName"]: row["objectGUID"] for row in rows_of(first)}
    assert sorted(known) == [f"{sync}{at}" for at in range(5)]
    raw.modify_s(f"CN=User 1,{unit}", [(ldap.MOD_REPLACE, "mail", [b"new@example.com"])])
    raw.delete_s(f"CN=User 2,{unit}")
    raw.rename_s(f"CN=User 3,{unit}", f"CN={sync} moved", f"CN=Users,{active_directory.database}")
    second = read(connector, "user", SEEN, first[-1].token)
    raw.delete_s(f"CN={sync} moved,CN=Users,{active_directory.database}")
    changed = [row for row in rows_of(second) if row["objectGUID"] in known.values()]
    assert [(row["sAMAccountName"], row["mail"]) for row in changed] == [(f"{sync}1", "new@example.com")]
    assert set(known.values()) & set(second[-1].deleted) == {known[f"{sync}2"], known[f"{sync}3"]}
    assert str(changed[0]["objectSid"]).startswith("S-1-5-21-")
    with pytest.raises(HubError) as refused:
        read(connector, "user", SEEN, ":".join([*str(first[-1].token).split(":")[:3], "AAAA"]))
    assert refused.value.code == "token.expired"


@pytest.mark.against("ldap", "Active Directory (Samba)", "real")
def test_accounts_are_made_disabled_and_given_a_password_over_tls(
    active_directory: Login, people: tuple[Any, str]
) -> None:
    _, unit = people
    declared = {
        "person": {
            "base": unit, "object_class": "user", "filter": PEOPLE, "key": "sAMAccountName",
            "write": {"dn": f"CN={{cn}},{unit}", "object_class": "user"},
        }
    }  # fmt: skip
    values = {
        "sAMAccountName": "hubnew", "cn": "New, One", "userAccountControl": 512, "unicodePwd": "Passw0rd!2026x",
        "accountExpires": "2030-01-01T00:00:00Z",
    }  # fmt: skip
    change = Change("create", {"sAMAccountName": "hubnew"}, values)
    plain = opened(active_directory, declared, id="objectGUID")
    with pytest.raises(ConfigError) as refused:
        plain.deliver(plain.resource("person"), [change])
    assert refused.value.code == "ldap.password_plain"
    safe = opened(active_directory, declared, id="objectGUID", starttls=True, tls={"ca": active_directory.ca})
    resource = safe.resource("person")
    made = safe.deliver(resource, [change])[0]
    assert made.status == "done", made
    disabled = {"sAMAccountName": "hubnew", "cn": "New, One", "userAccountControl": 514}
    update = Change("update", {"sAMAccountName": "hubnew"}, disabled, made.foreign_id, made.version)
    assert safe.deliver(resource, [update])[0].status == "done"
    found = safe.find(resource, [{"sAMAccountName": "HUBNEW"}])[0]
    assert (found.values["userAccountControl"], found.values["accountExpires"]) == (
        514,
        "2030-01-01T00:00:00Z",
    )


def test_who_may_not_see_deletions_is_told_so(active_directory: Login, people: tuple[Any, str]) -> None:
    declared = {"user": {"base": people[1], "object_class": "user", "filter": PEOPLE, "sync": "usn"}}
    connector = opened(active_directory, declared, id="objectGUID", username=None, password=None)
    with pytest.raises(AuthError):
        read(connector, "user", SEEN)
