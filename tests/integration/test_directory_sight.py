"""What an account does not see is never taken for gone: referrals, units that hide what they have, attributes that are
not shown, and lists that come in pieces.

A slapd of the tests' own has the rights and the referrals; Samba gives lists in pieces only when asked to, so a
stand-in written from [MS-ADTS] 3.1.1.3.1.3.3 gives the first values as Active Directory does.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import SubstrateUnderrunError
from pyasn1_modules import rfc2251

from connectors.ldap.reading import whole
from hub.contract import Query
from hub.errors import AuthError, ConfigError, Retriable
from tests.conftest import Login
from tests.contract.directories import opened
from tests.systems import ldap as system
from tests.systems.place import free_port, listening, run, unprivileged, wait_until

SUFFIX = "dc=sight,dc=org"
ADMIN, CLERK = f"cn=admin,{SUFFIX}", f"uid=clerk,ou=accounts,{SUFFIX}"
CONFIG = """include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "{suffix}"
rootdn "{admin}"
rootpw pw
directory {home}/data
access to attrs=userPassword by anonymous auth by * none
access to dn.children="ou=board,ou=people,{suffix}" by * none
access to dn.subtree="ou=shop,ou=people,{suffix}" attrs=sn by * none
access to * by users read by * none
"""
UNIT = "dn: ou={name}\nobjectClass: organizationalUnit\n"
PERSON = "dn: uid={uid},ou={unit}\nobjectClass: inetOrgPerson\ncn: {uid}\nsn: {uid}\nuserPassword: pw\n"
REFERRAL = "dn: ou=plant,ou=abroad,{suffix}\nobjectClass: referral\nobjectClass: extensibleObject\nref: {url}\n"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[socket.socket]:
    """Where the referral leads. Nobody must come."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(0.05)
        yield made


@pytest.fixture(scope="module")
def directory(openldap: Login, elsewhere: socket.socket) -> Iterator[Login]:
    """People in three units: the clerk sees nobody of the board, and no surnames of the shop."""
    home, port = Path(f"/var/tmp/cophub-sight-{free_port()}"), free_port()
    try:
        for folder in (home, home / "data"):
            folder.mkdir()
            folder.chmod(0o777)
        config, seed = home / "slapd.conf", home / "seed.ldif"
        config.write_text(CONFIG.format(suffix=SUFFIX, admin=ADMIN, home=home))
        units = ["accounts", "people", "board,ou=people", "shop,ou=people", "abroad"]
        seed.write_text("\n".join([
            f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: sight\ndc: sight\n",
            *(UNIT.format(name=f"{unit},{SUFFIX}") for unit in units),
            *(PERSON.format(uid=uid, unit=f"{unit},{SUFFIX}") for uid, unit in (
                ("clerk", "accounts"), ("ceo", "board,ou=people"), ("seller", "shop,ou=people"),
            )),
            REFERRAL.format(suffix=SUFFIX, url=f"ldap://127.0.0.1:{elsewhere.getsockname()[1]}/ou=plant,dc=far"),
        ]))  # fmt: skip
        slapadd, slapd = (str(shutil.which(name, path=system.PATH)) for name in ("slapadd", "slapd"))
        run([slapadd, "-q", "-f", config, "-l", seed], cwd=home, **unprivileged())
        with (home / "log").open("wb") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                [slapd, "-d", "0", "-f", str(config), "-h", f"ldap://127.0.0.1:{port}/"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home, **unprivileged(),
            )  # fmt: skip
        try:
            wait_until(lambda: listening(port), 30, process, home / "log")
            yield Login(f"ldap://127.0.0.1:{port}", CLERK, "pw", "", SUFFIX, "")
        finally:
            process.terminate()
            process.wait(20)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def people(directory: Login, unit: str = "", **more: Any) -> Iterator[Any]:
    base = f"ou={unit},{SUFFIX}" if unit else SUFFIX
    declared = {"people": {"object_class": "inetOrgPerson", "base": base, "key": "uid"}}
    made = opened(directory, declared, **more)
    yield made
    made.close()


def uids(connector: Any) -> list[str]:
    pages = connector.read(Query(connector.resource("people"), ("uid",)))
    return [line.decode().split('"')[3] for page in pages for line in page.records.splitlines()]


def step(connector: Any, name: str) -> Any:
    return next(probe for probe in connector.check() if probe.name == name)


@pytest.mark.against("ldap", "OpenLDAP", "real")
def test_units_that_hide_what_they_have_end_a_whole_read(directory: Login) -> None:
    with people(directory, "people") as connector:
        with pytest.raises(AuthError, match="ou=board,ou=people") as refused:
            uids(connector)
        found = step(connector, "rights people")
        assert (refused.value.code, found.status, found.code) == ("ldap.hidden", "failed", "ldap.hidden")
    with people(directory, "people", parts="skip") as connector:
        assert uids(connector) == ["seller"]
        found = step(connector, "rights people")
        assert (found.status, found.code) == ("warning", "ldap.hidden")
    with people(directory, "people", username=ADMIN, password="pw") as connector:
        assert sorted(uids(connector)) == ["ceo", "seller"]
        assert step(connector, "rights people").status == "ok"
    with people(directory, "accounts") as connector:
        assert (uids(connector), step(connector, "rights people").status) == (["clerk"], "ok")


@pytest.mark.against("ldap", "OpenLDAP", "real")
def test_a_base_that_hides_what_it_has_is_told_from_an_empty_one(directory: Login) -> None:
    with people(directory, "board,ou=people") as connector, pytest.raises(AuthError, match="ou=board"):
        uids(connector)


@pytest.mark.against("ldap", "OpenLDAP", "real")
def test_attributes_that_are_not_shown_are_named(directory: Login) -> None:
    with people(directory, "shop,ou=people") as connector:
        found = step(connector, "rights people")
        assert (found.status, found.code, "read sn," in found.detail) == ("warning", "rights.read", True)
    with people(directory, "shop,ou=people", username=ADMIN, password="pw") as connector:
        assert step(connector, "rights people").status == "ok"


@pytest.mark.against("ldap", "OpenLDAP", "real")
def test_referrals_are_named_and_never_followed(directory: Login, elsewhere: socket.socket) -> None:
    address = f"ldap://127.0.0.1:{elsewhere.getsockname()[1]}/ou=plant,dc=far"
    with people(directory, "abroad") as connector:
        with pytest.raises(ConfigError, match=address) as refused:
            uids(connector)
        found = step(connector, "read people")
        assert (refused.value.code, found.status, address in found.detail) == ("ldap.referral", "failed", True)
    with people(directory, "abroad", parts="skip") as connector:
        assert uids(connector) == []
        assert step(connector, "rights people").code == "ldap.referral"
    with people(directory, "plant,ou=abroad") as connector:  # the base itself is elsewhere
        with pytest.raises(ConfigError, match=address.partition("/ou")[0]) as refused:
            uids(connector)
        assert refused.value.code == "ldap.referral"
    with pytest.raises(TimeoutError):
        elsewhere.accept()


# ------------------------------------------------------------------ long lists

MEMBERS = [f"CN=m{number},DC=x".encode() for number in range(3700)]
MOST = 1500
"""MaxValRange of Active Directory."""


class Group(socketserver.BaseRequestHandler):
    """One group, of which an answer gives so many members; ``changes`` says that it changes between two answers."""

    changes = False
    usn = 0

    def handle(self) -> None:
        rest = b""
        while octets := self.request.recv(65536):
            rest += octets
            while rest:
                try:
                    message, rest = decoder.decode(rest, asn1Spec=rfc2251.LDAPMessage())
                except SubstrateUnderrunError:
                    break
                self.answer(message)

    def answer(self, message: Any) -> None:
        operation = message["protocolOp"]
        if operation.getName() == "bindRequest":
            self.send(message, "bindResponse", rfc2251.BindResponse())
        elif operation.getName() == "searchRequest":
            asked = [bytes(one).decode() for one in operation["searchRequest"]["attributes"]]
            entry = rfc2251.SearchResultEntry()
            entry["objectName"] = "CN=g,DC=x"
            for number, (name, values) in enumerate(self.values(asked).items()):
                one = entry["attributes"][number]
                one["type"] = name
                one["vals"].extend(values)
            self.send(message, "searchResEntry", entry)
            self.send(message, "searchResDone", rfc2251.SearchResultDone())

    def values(self, asked: list[str]) -> dict[str, list[bytes]]:
        Group.usn += self.changes
        made: dict[str, list[bytes]] = {"uSNChanged": [str(Group.usn).encode()]} if "uSNChanged" in asked else {}
        for name in asked:
            bare, _, span = name.partition(";range=")
            if bare != "member":
                continue
            start = int(span.partition("-")[0] or 0)
            some = MEMBERS[start : start + MOST]
            end = "*" if start + MOST >= len(MEMBERS) else str(start + MOST - 1)
            made |= {"member": []} if not span else {}  # as Active Directory does beside the first piece
            made[f"member;range={start}-{end}"] = some
        return made

    def send(self, message: Any, name: str, answer: Any) -> None:
        if name != "searchResEntry":
            answer["resultCode"], answer["matchedDN"], answer["errorMessage"] = 0, "", ""
        made = rfc2251.LDAPMessage()
        made["messageID"] = message["messageID"]
        made["protocolOp"][name] = answer
        self.request.sendall(encoder.encode(made))


@pytest.mark.parametrize("changes", [False, True])
@pytest.mark.against("ldap", "Active Directory's MaxValRange", "simulator")
def test_long_lists_come_whole_or_not_at_all(
    openldap: Login, monkeypatch: pytest.MonkeyPatch, changes: bool
) -> None:
    monkeypatch.setattr(Group, "changes", changes)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Group) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        login = Login(f"ldap://127.0.0.1:{server.server_address[1]}", "cn=x", "pw", "", "DC=x", "")
        connector = opened(login, {})
        connection = connector._connection
        entry = connection.entry("CN=g,DC=x", ["member", "cn"])
        assert set(entry[1]) == {"member", "member;range=0-1499"}
        if changes:
            with pytest.raises(Retriable) as refused:
                whole(connection, *entry)
            assert refused.value.code == "ldap.range"
        else:
            assert whole(connection, *entry) == {"member": MEMBERS}
        connector.close()
        server.shutdown()
        thread.join(5)
