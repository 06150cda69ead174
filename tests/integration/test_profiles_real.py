"""Profiles of products that can be installed, on the products themselves: whatever they declare is there."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from hub.contract import Change, Outcome
from hub.doctor.records import rows_of
from tests.conftest import Login
from tests.contract.directories import Units, connected
from tests.systems.profiled import Profiled, on_profile
from tests.systems.tryton_seed import PASSWORDS, Session


def tryton_system(tryton: Login, user: str = "", password: str = "") -> dict[str, Any]:
    login = {"username": user or tryton.username, "password": password or tryton.password}
    return {"url": tryton.url, "auth": {"basic": login}}


@pytest.mark.against("tryton", "Tryton 8.0", "real")
def test_every_resource_of_the_tryton_profile_is_read_with_all_its_fields(tryton: Login) -> None:
    with on_profile("tryton", tryton_system(tryton)) as erp:
        found = {name: erp.rows(name) for name in ("parties", "employees", "products", "users", "requisitions")}
        party = next(one for one in found["parties"] if one["addresses"] and one["contact_mechanisms"])
        assert {"street", "city", "country"} <= party["addresses"][0].keys()
        assert party["contact_mechanisms"][0].keys() >= {"type", "value"}
        assert all(one["party"]["name"] for one in found["employees"])
        assert all(one["template"]["default_uom"]["symbol"] for one in found["products"])
        assert "admin" in {one["login"] for one in found["users"]}
        for name in ("approvals", "rejections"):
            assert erp.connector.resource(name).key == ("id",)


@pytest.mark.against("tryton", "Tryton 8.0", "real")
def test_a_requisition_is_approved_by_the_button_of_the_tryton_profile(tryton: Login) -> None:
    anna, bob = (Session(tryton.url, user, PASSWORDS[user]) for user in ("anna", "bob"))
    for session in (anna, bob):
        session.context = session.rpc("model.res.user.get_preferences", True, {})
    day = {"__class__": "date", "year": 2027, "month": 1, "day": 2}
    line = {"description": secrets.token_hex(4), "quantity": 1}
    values = {
        "company": anna.context["company"], "employee": anna.context["employee"], "description": line["description"],
        "supply_date": day, "lines": [["create", [line]]],
    }  # fmt: skip
    (number,) = anna.call("purchase.requisition", "create", [values])
    with on_profile("tryton", tryton_system(tryton, "bob", PASSWORDS["bob"])) as erp:
        draft, pressed = state(erp, number), press(erp, number).status
        assert (draft, pressed, state(erp, number)) == ("draft", "rejected", "draft")
        anna.call("purchase.requisition", "wait", [number])
        assert (press(erp, number).status, state(erp, number)) == ("done", "processing")


def press(erp: Profiled, number: int) -> Outcome:
    (outcome,) = erp.deliver("approvals", Change("update", {"id": number}, {}, str(number)))
    return outcome


def state(erp: Profiled, number: int) -> Any:
    return next(one["state"] for one in erp.rows("requisitions") if one["id"] == number)


@pytest.mark.against("openldap", "OpenLDAP", "real")
def test_the_openldap_profile_makes_accounts_and_tells_who_is_gone(openldap: Login) -> None:
    units = Units(openldap, "profile")
    unit = units.fresh([])
    said = {
        "url": openldap.url, "starttls": False, "username": openldap.username, "password": openldap.password,
        "base": unit.dn, "resources": {"accounts": {"write": {"dn": f"uid={{uid}},{unit.dn}"}}},
    }  # fmt: skip
    new = [{"uid": f"u{n}", "cn": f"张 {n}", "sn": "张", "mail": f"u{n}@example.com", "title": "x"} for n in (1, 2)]
    with on_profile("openldap", said) as directory:
        made = directory.deliver("accounts", *(Change("create", {"uid": one["uid"]}, one) for one in new))
        assert [one.status for one in made] == ["done", "done"]
        members = [f"uid=u1,{unit.dn}".encode()]
        group = [("objectClass", [b"groupOfNames"]), ("cn", [b"staff"]), ("member", members)]
        unit.raw.add_s(f"cn=staff,{unit.dn}", group)
        people = directory.read("people")
        assert {one["uid"]: one["mail"] for one in rows_of(people)} == {one["uid"]: one["mail"] for one in new}
        assert directory.rows("groups")[0]["member"] == [f"uid=u1,{unit.dn}"]
        assert [one["ou"] for one in directory.rows("units")] == [unit.dn.partition(",")[0].partition("=")[2]]
        unit.remove("u2")
        gone = next(one["entryUUID"] for one in rows_of(people) if one["uid"] == "u2")
        assert directory.read("people", str(people[-1].token))[-1].deleted == (gone,)
    units.clear()


@pytest.mark.against("active_directory", "Active Directory (Samba)", "real")
def test_the_profile_of_active_directory_makes_accounts_and_tells_who_is_gone(active_directory: Login) -> None:
    raw, base = connected(active_directory), active_directory.database
    name = "h" + secrets.token_hex(5)
    said = {
        "url": active_directory.url, "starttls": False, "username": active_directory.username,
        "password": active_directory.password, "base": base,
        "resources": {"accounts": {"write": {"dn": f"CN={{cn}},CN=Users,{base}"}}},
    }  # fmt: skip
    new = {
        "sAMAccountName": name, "userPrincipalName": f"{name}@corp.example.com", "cn": name, "displayName": "张 伟",
        "mail": f"{name}@example.com", "department": "IT", "employeeID": "E1", "userAccountControl": 514,
    }  # fmt: skip
    with on_profile("active_directory", said) as directory:
        before = directory.read("users")
        (made,) = directory.deliver("accounts", Change("create", {"sAMAccountName": name}, new))
        assert made.status == "done", made
        after = directory.read("users", str(before[-1].token))
        (seen,) = (one for one in rows_of(after) if one["sAMAccountName"] == name)
        assert (seen["displayName"], seen["userAccountControl"], seen["employeeID"]) == ("张 伟", 514, "E1")
        raw.delete_s(f"CN={name},CN=Users,{base}")
        assert seen["objectGUID"] in directory.read("users", str(after[-1].token))[-1].deleted
        assert "Domain Admins" in {one["cn"] for one in directory.rows("groups")}
        assert "Domain Controllers" in {one["ou"] for one in directory.rows("units")}
    raw.unbind_s()
