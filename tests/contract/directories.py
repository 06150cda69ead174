"""OpenLDAP as a system of the kit: each fresh system is a unit of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import ldap
from ldap.controls.simple import RelaxRulesControl

from connectors.ldap import SPEC
from hub.contract import Context
from tests.conftest import Login

CLASSES = ["inetOrgPerson", "hubPerson"]
FIELDS = {
    "uid": "text", "cn": "text", "sn": "text", "mail": "text", "hubChanged": "datetime", "entryUUID": "text",
}  # fmt: skip
WRONG = "wr0ng-pa55word"


def connected(login: Login) -> Any:
    """A connection beside the hub's, logged in as who may do everything."""
    raw = ldap.initialize(login.url)
    raw.set_option(ldap.OPT_REFERRALS, 0)
    raw.simple_bind_s(login.username, login.password)
    return raw


def settings(login: Login, **more: Any) -> Any:
    given = {
        "url": login.url, "starttls": False, "username": login.username, "password": login.password,
        "base": login.database, "timeout": "20s",
    }  # fmt: skip
    return SPEC.settings.model_validate(given | more)


def opened(login: Login, resources: Mapping[str, Mapping[str, Any]], *, now: Any = None, **more: Any) -> Any:
    declared = {name: SPEC.resource.model_validate(one) for name, one in resources.items()}
    return SPEC.open(Context("directory", now=now), settings(login, **more), declared)


class Unit:
    """A unit below ``ou=tests``, made anew and emptied; ``name`` belongs to one test."""

    def __init__(self, login: Login, name: str) -> None:
        self.login = login
        self.raw = connected(login)
        self.dn = f"ou={name},ou=tests,{login.database}"
        self.empty()
        self.raw.add_s(self.dn, [("objectClass", [b"organizationalUnit"])])

    def empty(self) -> None:
        try:
            found = self.raw.search_s(self.dn, ldap.SCOPE_SUBTREE, attrlist=["1.1"])
        except ldap.NO_SUCH_OBJECT:
            return
        for dn, _ in sorted(found, key=lambda entry: -len(ldap.dn.str2dn(entry[0]))):
            self.raw.delete_s(dn)

    def name_of(self, uid: str) -> str:
        return f"uid={ldap.dn.escape_dn_chars(uid)},{self.dn}"

    def add(self, record: Mapping[str, Any]) -> None:
        values = {name: [octets(name, value)] for name, value in record.items() if value is not None}
        classes = [one.encode() for one in CLASSES]
        self.raw.add_ext_s(
            self.name_of(record["uid"]), [("objectClass", classes), *values.items()],
            serverctrls=[RelaxRulesControl(True)],  # sets entryUUID
        )  # fmt: skip

    def change(self, record: Mapping[str, Any]) -> None:
        mods = [
            (ldap.MOD_REPLACE, name, [octets(name, value)])
            for name, value in record.items()
            if name not in ("uid", "entryUUID")
        ]
        self.raw.modify_s(self.name_of(record["uid"]), mods)

    def remove(self, uid: str) -> None:
        self.raw.delete_s(self.name_of(uid))

    def stored(self) -> list[dict[str, Any]]:
        found = self.raw.search_s(
            self.dn, ldap.SCOPE_ONELEVEL, "(objectClass=inetOrgPerson)", ["*", "entryUUID"]
        )
        return [
            {name: read(name, several[0]) for name, several in values.items() if name in FIELDS}
            for _, values in found
        ]


def octets(name: str, value: Any) -> bytes:
    if name == "hubChanged":
        return f"{datetime.fromisoformat(value).astimezone(UTC):%Y%m%d%H%M%SZ}".encode()
    return str(value).encode()


def read(name: str, value: bytes) -> str:
    if name == "hubChanged":
        return datetime.strptime(value.decode(), "%Y%m%d%H%M%SZ").isoformat() + "Z"
    return value.decode()


class Units:
    """Makes units with the names that one test gives out."""

    def __init__(self, login: Login, name: str) -> None:
        self.login = login
        self._names = (f"{name} {number}" for number in itertools.count(1))
        self.made: list[Unit] = []

    def fresh(self, records: Sequence[Mapping[str, Any]] = ()) -> Unit:
        made = Unit(self.login, next(self._names))
        self.made.append(made)
        for record in records:
            made.add(record)
        return made

    def clear(self) -> None:
        for one in self.made:
            one.empty()
            one.raw.unbind_s()


def stored(unit: Unit) -> Iterable[dict[str, Any]]:
    return unit.stored()
