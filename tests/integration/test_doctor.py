"""The connection doctor on real systems: every step holds or says why it cannot be tried, and so does every claim."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.jsonrpc import SPEC as RPC
from connectors.sql import SPEC as SQL
from hub.contract import Context, Probe
from hub.doctor.claims import Verdict, examine
from hub.doctor.discovery import Discovered
from tests.conftest import Login, variables
from tests.contract.directories import opened as directory
from tests.integration.test_odata_cap import service as odata
from tests.integration.test_rest_tryton import rest
from tests.integration.test_scim_server import opened as scim_service
from tests.integration.test_soap_spyne import service as soap_service
from tests.integration.test_sql_databases import MARIADB, POSTGRESQL, beside, settings
from tests.unit.cli.desk import desk
from tests.unit.cli.test_discover import sound

REACHED = ("dns", "tcp", "tls", "authentication", "clock")


def diagnosed(connector: Any, *resources: str) -> tuple[dict[str, Probe], dict[str, Verdict]]:
    """The steps of a check, and the claims of some resources."""
    with closing(connector):
        probes = {probe.name: probe for probe in connector.check()}
        claims = [one for name in resources for one in examine(connector, connector.resource(name), time.time)]
    assert [probe for probe in probes.values() if not probe.ok] == []
    assert [one for one in claims if one.standing == "refuted"] == []
    assert all(one.detail for one in (*probes.values(), *claims))
    return probes, {one.claim: one for one in claims}


def standings(claims: Mapping[str, Verdict], *names: str) -> list[str]:
    return [claims[name].standing for name in names]


@pytest.mark.parametrize("version", ["V4", "V2"])
def test_sap(sap: Login, version: str) -> None:
    probes, claims = diagnosed(odata(sap, version, "API_BUSINESS_PARTNER"), "A_BusinessPartner")
    assert [probes[name].status for name in REACHED] == ["ok", "ok", "skipped", "ok", "ok"]
    assert f"OData {version}" in probes["metadata"].detail
    assert standings(claims, "key", "paging", "snapshot", "find") == ["held"] * 4
    assert claims["writing"].standing == "untried"


def test_what_a_profile_brings_and_a_service_has_not_is_left_out(
    sap: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPHUB_SECRET_S4_PASSWORD", sap.password)
    work = desk(tmp_path / "work")
    (work.folder / "config" / "systems" / "s4.yaml").write_text(
        f"system: s4\nconnector: sap_s4\nurl: {sap.url}/sap/opu/odata/sap/API_BUSINESS_PARTNER\n"
        f"auth: {{basic: {{username: {sap.username}, password: secret://s4/password}}}}\n"
    )
    said = work.cophub("systems", "check", "s4", "--json")
    steps = {one["name"]: one for one in said.json["systems"][0]["probes"]}
    assert (said.code, steps["read A_BusinessPartner"]["status"]) == (0, "ok"), said.out
    assert not {"read A_Product", "write A_Product"} & steps.keys()
    assert steps["authentication"]["detail"] == "accepted: user and password"
    assert sap.password not in said.out + work.cophub("systems", "check", "s4").out


def test_tryton(tryton: Login) -> None:
    probes, claims = diagnosed(rest(tryton, tryton.key), "parties")
    assert probes["read parties"].detail == "7 records on the first page"
    assert standings(claims, "key", "paging", "page size", "snapshot") == ["held"] * 4


def test_spyne(soap: Login) -> None:
    probes, claims = diagnosed(soap_service(soap), "employees")
    assert probes["authentication"].detail == "WS-Security: accepted"
    assert probes["imports"].detail == "it imports nothing"
    assert standings(claims, "key", "paging", "snapshot", "find") == ["held"] * 4


def test_scim(scim: Login) -> None:
    probes, _ = diagnosed(scim_service(scim), "User")
    assert "discovered" in probes["service"].detail


@pytest.mark.parametrize(
    ("encrypted", "more", "claimed"),
    [(True, {"sync": "syncrepl"}, "deletes"), (False, {"key": "uid", "cursor": "modifyTimestamp"}, "cursor")],
)
def test_openldap(openldap: Login, encrypted: bool, more: dict[str, str], claimed: str) -> None:
    people = {"people": {"object_class": "organizationalUnit", "base": f"ou=org,{openldap.database}", **more}}
    if claimed == "cursor":
        people["people"]["object_class"] = "inetOrgPerson"
    secured = {"starttls": True, "tls": {"ca": openldap.ca}} if encrypted else {}
    probes, claims = diagnosed(directory(openldap, people, **secured), "people")
    assert (probes["tls"].status == "ok") == encrypted
    assert "syncrepl" in probes["controls"].detail
    assert standings(claims, "key", "paging", claimed) == ["held"] * 3


def test_what_cannot_be_read_at_all_is_a_failure(openldap: Login) -> None:
    wrong = {"people": {"object_class": "inetOrgPerson", "key": "uid", "sync": "syncrepl"}}
    with closing(directory(openldap, wrong)) as connector:
        (verdict,) = examine(connector, connector.resource("people"), time.time)
    assert (verdict.standing, verdict.code, verdict.probe("people").ok) == ("broken", "ldap.sync_key", False)


def test_openldap_over_ldaps_and_with_the_wrong_authority(openldap: Login) -> None:
    ldaps = variables("LDAP")["HUB_TEST_LDAP_TLS"]
    good = directory(openldap, {}, url=ldaps, tls={"ca": openldap.ca})
    probes, _ = diagnosed(good)
    assert "TLS" in probes["tls"].detail
    with closing(directory(openldap, {}, url=ldaps)) as bad:
        refused = {probe.name: probe for probe in bad.check()}
    assert (refused["tls"].code, refused["authentication"].status) == ("tls.authority", "skipped")


def test_active_directory(active_directory: Login) -> None:
    users = {"users": {"base": f"CN=Users,{active_directory.database}", "object_class": "user", "key": "objectGUID",
                       "write": {"dn": "CN={cn},{+parent_dn}"}}}  # fmt: skip
    made = directory(active_directory, users, id="objectGUID", starttls=True, tls={"ca": active_directory.ca})
    probes, claims = diagnosed(made, "users")
    assert "the directory says" in probes["clock"].detail
    assert "may make user entries" in probes["write users"].detail
    assert claims["paging"].standing == "held"


@pytest.mark.parametrize(("table", "driver", "kind"), [
    (POSTGRESQL, "PostgreSQL Unicode", "postgres"), (MARIADB, "MariaDB Unicode", "mariadb"),
])  # fmt: skip
def test_databases(request: pytest.FixtureRequest, table: str, driver: str, kind: str) -> None:
    url, odbc = request.getfixturevalue(f"{kind}_url"), request.getfixturevalue(f"{kind}_odbc")
    with closing(beside(odbc)()) as connection:
        connection.execute(table)
        for number in range(9):
            connection.execute("INSERT INTO person (no, name, at) VALUES (?, ?, '2026-01-01 00:00:00')", number, "x")
        connection.commit()
    declared = {"Person": SQL.resource.model_validate({"table": "person", "cursor": "at"})}
    made = SQL.open(Context(kind), SQL.settings.model_validate(settings(driver, url)), declared)
    probes, claims = diagnosed(made, "Person")
    assert (probes["driver"].status, probes["tcp"].status, probes["clock"].status) == ("ok", "ok", "ok")
    assert probes["write Person"].detail == "this account may INSERT, UPDATE, DELETE"
    assert standings(claims, "key", "paging", "cursor", "find") == ["held"] * 4


def test_a_driver_that_is_not_there_is_named() -> None:
    said = SQL.settings.model_validate({"odbc": "DRIVER={No Such Driver};SERVER=127.0.0.1;PORT=1"})
    with closing(SQL.open(Context("erp"), said, {})) as made:
        probes = {probe.name: probe for probe in made.check()}
    assert probes["driver"].code == "sql.driver"
    assert _missed(list(probes.values())[1:]) == {"not tried, because driver failed"}


def _missed(probes: Sequence[Probe]) -> set[str]:
    return {probe.detail for probe in probes}


def offered(connector: Any, *names: str) -> dict[str, Discovered]:
    with closing(connector):
        found: list[Discovered] = connector.discover(list(names), None)
    return {one.name: one for one in found}


def test_tryton_offers_the_models_that_are_named(tryton: Login, tmp_path: Path) -> None:
    basic = {"username": tryton.username, "password": tryton.password}
    said = {"dialect": "tryton", "url": tryton.url, "auth": {"basic": basic}}
    found = offered(RPC.open(Context("tryton rpc"), RPC.settings.model_validate(said), {}), "party.party")
    party = found["party_party"]
    assert party.resource.key == ("code",)
    assert party.options["fields"]["name"] == "text"
    text = f"system: other\nconnector: jsonrpc\ndialect: tryton\nurl: {tryton.url}\n"
    sound(tmp_path, text + "auth: {basic: {username: hub, password: secret://other/password}}\n", [party])


def test_soap_offers_its_lists(soap: Login, tmp_path: Path) -> None:
    found = offered(soap_service(soap))
    employees = found["employees"]
    assert employees.options["records"] == "GetEmployeesResult.Employees.Employee"
    assert employees.resource.key == ("Id",)
    assert any("ChangedAt looks like the time of a change" in one for one in employees.open)


def test_scim_offers_its_types(scim: Login, tmp_path: Path) -> None:
    found = offered(scim_service(scim))
    assert {"User", "Group"} <= found.keys()
    assert found["User"].options == {"key": "userName", "cursor": "meta.lastModified"}
    sound(tmp_path, f"system: other\nconnector: scim\nurl: {scim.url}\n", [found["User"], found["Group"]])


def test_a_directory_offers_the_classes_of_its_entries(openldap: Login, tmp_path: Path) -> None:
    found = offered(directory(openldap, {}, base=f"ou=org,{openldap.database}"))
    people = found["inetOrgPerson"]
    assert people.options["sync"] == "syncrepl"
    assert people.options["fields"]["uid"] in ("text", ["text"])
    assert "userPassword" not in people.options["fields"]
    text = f"system: other\nconnector: ldap\nurl: {openldap.url}\nbase: {openldap.database}\n"
    sound(tmp_path, text, list(found.values()))


def test_active_directory_offers_users_and_groups(active_directory: Login) -> None:
    found = offered(directory(active_directory, {}, id="objectGUID"), "user", "group")
    assert found["user"].options["sync"] == "usn"
    assert found["user"].resource.key == ("objectGUID",)


@pytest.mark.parametrize(("driver", "kind"), [("PostgreSQL Unicode", "postgres"), ("MariaDB Unicode", "mariadb")])
def test_databases_offer_their_tables(request: pytest.FixtureRequest, tmp_path: Path, driver: str, kind: str) -> None:
    url, odbc = request.getfixturevalue(f"{kind}_url"), request.getfixturevalue(f"{kind}_odbc")
    with closing(beside(odbc)()) as connection:
        connection.execute("CREATE TABLE vendor (no int PRIMARY KEY, name varchar(20), updated_at timestamp)")
        connection.execute("CREATE VIEW vendor_name AS SELECT name FROM vendor")
        connection.commit()
    found = offered(SQL.open(Context(kind), SQL.settings.model_validate(settings(driver, url)), {}))
    assert found["vendor"].resource.key == ("no",)
    assert found["vendor"].options["cursor"] == "updated_at"
    assert "there is no primary key: write key:" in found["vendor_name"].open
    sound(tmp_path, "system: other\nconnector: sql\nodbc: DSN=other\n", list(found.values()))
