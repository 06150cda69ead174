"""Workday, Active Directory and a SCIM service around one hub, by the files of ``docs/how-to/people.md``: people come,
change and leave, and the accounts are looked at in the directory and in the service themselves."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ldap
import pytest

from connectors.simulators import Simulator
from connectors.simulators.workday import PASSWORD, SERVICE
from hub.exchange.manifest import READ_PARTS
from tests.conftest import Login
from tests.contract.directories import connected
from tests.docs.pages import DOCS, blocks
from tests.unit.cli.desk import Desk, Said

PAGE = DOCS / "how-to" / "people.md"
RUNS = ("hr-people", "people-to-ad", "people-to-travel")
UNIT = "OU=Landscape"
ENVIRONMENT = """
environment: test
systems:
  hr:
    url: {hr}
    limits: {{rate: 1000/s, timeout: 1s, retries: 1, max_wait: 2s}}
    resources: {{workers: {{paging: {{page: {{size: 8}}}}}}}}
  ad:
    url: {ad}
    tls: {{ca: {ca}}}
    username: {username}
    base: {unit}
    resources: {{account: {{write: {{dn: "CN={{cn}},{unit}"}}}}}}
  travel: {{url: {travel}}}
"""
Row = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """What an account is to say, in a directory or a service: values, and whether it is open."""

    values: tuple[str, ...]
    open: bool


Accounts = dict[str, Account]


@dataclass
class People:
    """The landscape. ``ids`` are the targets' own ids of accounts, ``wanted`` by number the row of HR that an account
    shows and whether it is open, as of the last time that everything was right."""

    desk: Desk
    hr: Simulator
    ad: Login
    scim: Login
    ids: dict[str, set[str]] = field(default_factory=dict)
    wanted: dict[str, tuple[Row, bool]] = field(default_factory=dict)
    turn: int = 0

    def __post_init__(self) -> None:
        self.raw = connected(self.ad)

    @property
    def unit(self) -> str:
        return f"{UNIT},{self.ad.database}"

    # ------------------------------------------------------------ what happens at work

    def move(self) -> list[str]:
        """Somebody comes, changes name and position, leaves, comes back, and is taken out of HR: another one each.
        Answers the numbers of whom HR does not show any more."""
        self.turn += 1
        workers = {row["Worker_ID"]: row for row in self.hr.rows("workers")}
        old = [one for one in sorted(workers) if one < "W00100" and good(workers[one])]
        number = f"W{self.turn + 100:05d}"
        joiner = workers[old[0]] | {
            "Worker_ID": number, "User_ID": f"u{number[1:]}", "Local_Name": f"新人 {self.turn}",
            "Email": f"{number}@lanhai-medical.example".lower(), "Active": True, "Termination_Date": None,
        }  # fmt: skip
        self.hr.change("workers", joiner)
        mover = workers[old[self.turn % len(old)]]
        self.hr.change(
            "workers", mover | {"Local_Name": f"改名, {self.turn}", "Business_Title": f"职位 {self.turn}"}
        )
        leaver = old[(self.turn + 5) % len(old)]
        self.hr.change("workers", workers[leaver] | {"Active": False, "Termination_Date": "2026-02-01"})
        back = workers[old[(self.turn + 4) % len(old)]]
        self.hr.change("workers", back | {"Active": True, "Termination_Date": None})
        gone = [one for one in workers if one == f"W{self.turn + 98:05d}"]
        for one in gone:
            self.hr.remove("workers", one)
        return gone

    def expected(self) -> dict[str, tuple[Row, bool]]:
        """By number the row that an account is to show, and whether it is open: of who was ever at work."""
        rows = {row["Worker_ID"]: row for row in self.hr.rows("workers") if good(row)}
        found = {number: (row, False) for number, (row, _) in self.wanted.items()}
        found |= {number: (row, True) for number, row in rows.items() if row["Active"]}
        return found

    # ------------------------------------------------------------ what the hub does

    def run(self, *names: str) -> tuple[Said, dict[str, Any]]:
        """Exchanges in one command, and the result of each; totals reconcile."""
        said = self.told("run", *(names or RUNS), "--json")
        runs = {one["exchange"]: one for one in said.json["runs"]}
        for one in runs.values():
            counts = one.get("counts") or {}
            assert counts.get("read", 0) == sum(counts.get(name, 0) for name in READ_PARTS), one
        return said, runs

    def told(self, *words: str) -> Said:
        said = self.desk.cophub(*words)
        assert "Traceback" not in said.err
        assert [one for one in self.secrets() if one in said.out + said.err] == []
        return said

    def settle(self) -> None:
        """Everything is as HR says, once: a run without faults, and another one that has nothing to do."""
        self.hr.faults.clear()
        self.told("systems", "reset", "hr")
        self.wanted = self.expected()
        said, _ = self.run()
        assert said.code == 0, said.out + said.err
        self.require(self.wanted)
        assert {one.actor for kind in ("create", "update", "delete") for one in self.hr.log.of(kind)} <= {
            "user"
        }

    # ------------------------------------------------------------ what stands there

    def require(self, wanted: Mapping[str, tuple[Row, bool]]) -> None:
        """Both targets hold these accounts and no others."""
        assert self.directory() == {number: Account(in_ad(row), on) for number, (row, on) in wanted.items()}
        assert self.service() == {number: Account(in_app(row), on) for number, (row, on) in wanted.items()}

    def directory(self) -> Accounts:
        """The accounts of the unit, read by LDAP; there are no others of these numbers in the domain."""
        names = ["employeeID", *IN_AD, "userAccountControl", "objectGUID"]
        found = self.raw.search_s(self.ad.database, ldap.SCOPE_SUBTREE, "(employeeID=W*)", names)
        here = [(dn, one) for dn, one in found if dn is not None]
        assert all(dn.endswith(self.unit) for dn, _ in here)
        accounts: Accounts = {}
        for _, one in here:
            number = one["employeeID"][0].decode()
            assert number not in accounts, f"{number} has two accounts"
            values = tuple(one[name][0].decode() if name in one else "" for name in IN_AD)
            accounts[number] = Account(values, {b"512": True, b"514": False}[one["userAccountControl"][0]])
            self.same(f"ad {number}", one["objectGUID"][0].hex())
        return accounts

    def service(self) -> Accounts:
        """The users of the service, read by HTTP."""
        accounts: Accounts = {}
        for one in self.users():
            number = one["externalId"]
            assert number not in accounts, f"{number} has two accounts"
            mails = [each["value"] for each in one.get("emails", ())]
            assert len(mails) <= 1
            told = (one["userName"], one["displayName"], one["name"]["givenName"], one["name"]["familyName"])
            accounts[number] = Account((*told, "".join(mails), one.get("title", "")), one["active"])
            self.same(f"app {number}", one["id"])
        return accounts

    def same(self, what: str, identity: str) -> None:
        """It is the object that it was: not deleted, and not made anew."""
        self.ids.setdefault(what, set()).add(identity)
        assert len(self.ids[what]) == 1, f"{what} was made {len(self.ids[what])} times"

    def users(self) -> Iterator[dict[str, Any]]:
        start, total = 1, 1
        while start <= total:
            page = self.ask("GET", f"/Users?startIndex={start}&count=100")
            total = page["totalResults"]
            found = page["Resources"]
            start += len(found)
            yield from (one for one in found if str(one.get("externalId", "")).startswith("W"))

    def ask(self, method: str, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.scim.key}"}
        with urllib.request.urlopen(
            urllib.request.Request(self.scim.url + path, method=method, headers=headers)
        ) as told:
            return json.loads(told.read() or b"null")

    # ------------------------------------------------------------ the beginning and the end

    def begin(self) -> None:
        self.clear()
        self.raw.add_s(self.unit, [("objectClass", [b"organizationalUnit"])])

    def clear(self) -> None:
        try:
            found = self.raw.search_s(self.unit, ldap.SCOPE_SUBTREE, attrlist=["1.1"])
        except ldap.NO_SUCH_OBJECT:
            found = []
        for dn, _ in sorted(found, key=lambda entry: -len(ldap.dn.str2dn(entry[0]))):
            self.raw.delete_s(dn)
        for one in list(self.users()):
            self.ask("DELETE", f"/Users/{one['id']}")

    def secrets(self) -> Iterable[str]:
        """What nobody may see."""
        yield from (PASSWORD, self.ad.password, self.scim.key)
        yield from (first_password(row["Worker_ID"]) for row in self.hr.rows("workers"))


IN_AD = (
    "sAMAccountName", "userPrincipalName", "cn", "displayName", "givenName", "sn", "mail", "title", "department",
)  # fmt: skip


def in_ad(row: Row) -> tuple[str, ...]:
    login, name = row["User_ID"], row["Local_Name"]
    return (
        login, f"{login}@corp.example.com", f"{name} ({login})", name, row["First_Name"], row["Last_Name"],
        row["Email"].lower(), row["Business_Title"], row["Organization"],
    )  # fmt: skip


def in_app(row: Row) -> tuple[str, ...]:
    return (
        row["User_ID"], row["Local_Name"], row["First_Name"], row["Last_Name"], row["Email"].lower(),
        row["Business_Title"],
    )  # fmt: skip


def good(row: Row) -> bool:
    """Whether the model takes it: some of the invented people have half an e-mail address."""
    return not row["Email"].endswith("@")


def first_password(number: str) -> str:
    wid = f"{int(number[1:]):032x}"
    return "Aa1!" + hashlib.sha256(wid.encode()).hexdigest()[:24]


@contextmanager
def landscape(folder: Path, ad: Login, scim: Login, *, records: int) -> Iterator[People]:
    """The workspace of the page, pointed at these systems; nobody has an account yet."""
    with Simulator("workday", records=records) as hr, pytest.MonkeyPatch.context() as patch:
        secrets = {"HR_PASSWORD": PASSWORD, "AD_PASSWORD": ad.password, "TRAVEL_TOKEN": scim.key}
        for name, value in {f"SECRET_{name}": value for name, value in secrets.items()}.items():
            patch.setenv(f"COPHUB_{name}", value)
        patch.setenv("COPHUB_ENV", "test")
        for block in blocks("yaml"):
            if block.page == str(PAGE.relative_to(DOCS.parent)) and block.place:
                path = folder / block.place
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text.replace(", grace: 7d", ""), encoding="utf-8")
        (folder / "config" / "hub.yaml").write_text("hub: lanhai\nthreads: 1\n", encoding="utf-8")
        unit = f"{UNIT},{ad.database}"
        given = ENVIRONMENT.format(
            hr=hr.url + SERVICE, ad=ad.url.replace("ldap://", "ldaps://").partition(":389")[0], ca=ad.ca,
            username=ad.username, unit=unit, travel=scim.url,
        )  # fmt: skip
        (folder / "config" / "environments").mkdir()
        (folder / "config" / "environments" / "test.yaml").write_text(given, encoding="utf-8")
        people = People(Desk(folder), hr, ad, scim)
        try:
            people.begin()
            yield people
        finally:
            people.clear()
            people.raw.unbind_s()
