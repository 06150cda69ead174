"""Everything sealed in the store follows a new master key, whatever is killed on the way."""

from __future__ import annotations

import ast
import base64
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary

from hub import failpoints
from hub.bus import accept
from hub.crypto import Cipher, KeyRing
from hub.errors import AuthError, Fatal
from hub.exchange.ground import Hub
from hub.security import accounts, resealing
from hub.security.passwords import Passwords
from hub.security.resealing import rotate
from hub.security.secrets import SealedStore, SecretRow, Secrets
from hub.security.signing import Signer
from hub.store import accounts as stored
from hub.store import sealed
from hub.store.database import now
from hub.store.sealed import SEALED
from hub.store.secret_rows import StoredSecretRows
from hub.store.sso_tables import metadata
from hub.todos.people import person
from hub.workspace.sso import Sso
from sso import cas, secondly
from sso import clients as proving
from sso.keys import Keys
from tests.e2e.test_webhook import PROGRAM
from tests.stores import Postgres, PostgresStore, SqliteStore, Store
from tests.unit.portal.conftest import CHEAP, PASSWORD
from tests.unit.todos.conftest import Desk, desk

NEW, OLD = bytes(range(32)), bytes(range(1, 33))
BOTH, FRESH = KeyRing([NEW, OLD]), KeyRing([NEW])
KNOWN = {("login_passkey", "public"), ("sso_secret", "hash"), ("sso_secret", "former_hash")}
"""Columns of bytes that are not sealed."""


def filled(folder: Path, kept: Store) -> Desk:
    made = desk(folder, kept)
    h = made.open_hub.hub
    accounts.add(h.database, h.actor, Passwords(CHEAP), "li.na", person(h, "1"), PASSWORD, h.clock())
    return made


@pytest.fixture(scope="module")
def all_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = filled(tmp_path_factory.mktemp("sealed"), SqliteStore())
    yield made
    made.close()


@pytest.fixture
def office(all_day: Desk) -> Desk:
    with all_day.open_hub.hub.database.begin() as connection:
        for one in SEALED:
            connection.exec_driver_sql(f"DELETE FROM {one.name}")
    return all_day


def put(h: Hub, one: str, **values: Any) -> None:
    with h.database.begin() as connection:
        table = next(found.table for found in SEALED if found.name == one)
        connection.execute(table.insert().values(**values))


class Sealing:
    """What is sealed under a ring by the very code that seals it; ``opened`` is all of it in the clear."""

    def __init__(self, h: Hub, ring: KeyRing) -> None:
        self.hub, self.ring = replace(h, signer=Signer(lambda: ring)), ring
        self.row = stored.named(h.database, "li.na")
        rows = StoredSecretRows(h.database, SecretRow)
        self.secrets = Secrets([], store=SealedStore(rows, lambda: ring))
        self.sso = Cipher(ring, "sso")
        made = partial(Keys, h.database, lambda: self.sso, Sso(), h.clock, h.actor)
        self.keys = [made("RS256"), made("Ed25519")]

    def seal(self) -> None:
        for number in range(3):
            self.secrets.set(f"s{number}/password", f"value-{number}")
        secondly.proposed(self.hub, self.row)
        for keys in self.keys:
            keys.rotate()
        inbox = Cipher(self.ring, accept.PURPOSE).seal(b"{}", accept.context("shop", "1"))
        about = {"source": "shop", "event_id": "1", "place": "shop.order", "kind": "record", "received_at": now()}
        put(self.hub, "inbox", number=1, sealed=inbox, **about)
        ticket = self.sso.seal(b"ST-1", cas._context("d"))
        put(self.hub, "sso_service_ticket", digest="d", family=self.row.id, service="s", initial=True, sealed=ticket,
            ends_at=now())  # fmt: skip

    def opened(self) -> list[Any]:
        found: list[Any] = [self.secrets.resolve(f"s{number}/password").reveal() for number in range(3)]
        found.append(secondly.proposed(self.hub, self.row, again=True))
        found += [keys.current().as_dict(private=True) for keys in self.keys]
        with self.hub.database.begin(reading=True) as connection:
            text = {one.name: connection.execute(one.table.select()).first() for one in SEALED}
        inbox, ticket = text["inbox"], text["sso_service_ticket"]
        assert inbox is not None
        assert ticket is not None
        found.append(Cipher(self.ring, accept.PURPOSE).open(inbox.sealed, accept.context("shop", "1")))
        return [*found, self.sso.open(ticket.sealed, cas._context("d"))]


def test_every_sealed_column_is_listed(office: Desk) -> None:
    columns = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert {(one.name, "sealed") for one in SEALED} == columns - KNOWN


def test_every_purpose_of_a_cipher_is_listed() -> None:
    """Who seals for a purpose of his own seals into a column of the list, or into files (``keep``)."""
    found = set()
    for file in [*Path("hub").rglob("*.py"), *Path("sso").rglob("*.py")]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        said = {ast.unparse(one.targets[0]): one.value for one in tree.body if isinstance(one, ast.Assign)}
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or ast.unparse(call.func) not in ("Cipher", "sealing"):
                continue
            last = call.args[-1]
            last = said.get(ast.unparse(last), last)
            found |= {last.value} if isinstance(last, ast.Constant) else set()
    assert found == {one.purpose for one in SEALED} | {"keep"}


def test_all_is_sealed_again_and_opens_without_the_old_key(office: Desk) -> None:
    h = office.open_hub.hub
    Sealing(h, KeyRing([OLD])).seal()
    before = Sealing(h, BOTH).opened()
    done = rotate(h.database, BOTH, h.actor)
    assert {name: one.resealed for name, one in done.items()} == {
        "secret": 3, "login_totp": 1, "sso_key": 1, "sso_ticket_key": 1, "sso_service_ticket": 1, "inbox": 1
    }  # fmt: skip
    assert Sealing(h, FRESH).opened() == before
    again = rotate(h.database, FRESH, h.actor)
    assert [(one.resealed, one.current) for one in again.values()] == [(0, one.resealed) for one in done.values()]


@pytest.mark.parametrize("batches", [1, 4, 7])
def test_an_interrupted_rotation_goes_on_where_it_was(
    office: Desk, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 1)
    h = office.open_hub.hub
    Sealing(h, KeyRing([OLD])).seal()
    before = Sealing(h, BOTH).opened()
    failpoints.arm(f"during_rotate:{batches}=raise")
    with pytest.raises(Fatal):
        rotate(h.database, BOTH, h.actor)
    failpoints.arm("")
    assert Sealing(h, BOTH).opened() == before
    assert sum(one.resealed for one in rotate(h.database, BOTH, h.actor).values()) == 8 - batches
    assert Sealing(h, FRESH).opened() == before


def test_a_kill_half_way_loses_nothing(office: Desk) -> None:
    h = office.open_hub.hub
    first = h.signer.opened()
    old = first.key(first.newest)
    Sealing(h, first).seal()
    before = Sealing(h, first).opened()
    keys = ",".join(base64.b64encode(key).decode() for key in (NEW, old))
    environment = os.environ | {"COPHUB_STORE": office.store, "COPHUB_MASTER_KEY": keys}
    words = [*PROGRAM, "-w", str(office.folder), "secrets", "rotate", "--json"]
    killed = subprocess.run(words, env=environment | {"COPHUB_FAILPOINT": "during_rotate:2=kill"}, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    ring = KeyRing([NEW, old])
    assert Sealing(h, ring).opened() == before
    done = json.loads(subprocess.run(words, env=environment, capture_output=True, check=True).stdout)
    assert {name: one["resealed"] for name, one in done["tables"].items()} == {
        "secret": 0, "login_totp": 0, "sso_key": 1, "sso_ticket_key": 1, "sso_service_ticket": 1, "inbox": 1
    }  # fmt: skip
    assert Sealing(h, FRESH).opened() == before


def test_bytes_are_compared_alike_on_postgresql(tmp_path: Path, postgres: Postgres, monkeypatch: Any) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    kept = PostgresStore(postgres)
    made = filled(tmp_path, kept)
    h = made.open_hub.hub
    Sealing(h, KeyRing([OLD])).seal()
    before = Sealing(h, BOTH).opened()
    assert [one.resealed for one in rotate(h.database, BOTH, h.actor).values()] == [3, 1, 1, 1, 1, 1]
    assert [one.current for one in rotate(h.database, BOTH, h.actor).values()] == [3, 1, 1, 1, 1, 1]
    assert Sealing(h, FRESH).opened() == before
    made.close()
    kept.renew()


def test_without_the_old_key_it_names_what_stays_and_does_the_rest(office: Desk) -> None:
    h = office.open_hub.hub
    Sealing(h, KeyRing([OLD])).secrets.set("s4/password", "x")
    Sealing(h, KeyRing([bytes(32)])).secrets.set("s5/password", "y")
    with pytest.raises(AuthError) as caught:
        rotate(h.database, BOTH, h.actor)
    assert caught.value.code == "key.unknown"
    assert "secret s5/password" in caught.value.message
    assert Sealing(h, FRESH).secrets.resolve("s4/password").reveal() == "x"


def test_what_somebody_sets_meanwhile_stays(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    h = office.open_hub.hub
    Sealing(h, KeyRing([OLD])).secrets.set("s4/password", "x")
    done = sealed.replace

    def late(database: Any, one: Any, rows: Any, told: Any) -> int:
        if one.name == "secret":
            Sealing(h, BOTH).secrets.set("s4/password", "newer")
        return done(database, one, rows, told)

    monkeypatch.setattr(sealed, "replace", late)
    assert rotate(h.database, BOTH, h.actor)["secret"].passed == 1
    assert Sealing(h, FRESH).secrets.resolve("s4/password").reveal() == "newer"


def test_the_secret_of_a_client_follows_when_it_is_used(office: Desk) -> None:
    h = office.open_hub.hub

    def under(*keys: bytes) -> proving.Secrets:
        return proving.Secrets(h.database, lambda: Cipher(KeyRing(list(keys)), "sso"), h.clock)

    text = under(OLD).make(h.actor, "shop")
    assert under(NEW, OLD).proves("shop", "x") is False
    assert under(NEW).proves("shop", text) is False
    assert under(NEW, OLD).proves("shop", text)
    assert under(NEW).proves("shop", text)
