"""What works once works once, over processes: eight ways at once, four in each of two processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.store.accounts import named
from hub.store.audit import newest
from hub.store.sso_tickets import Kept, keep
from hub.store.tables import audit
from hub.todos.people import person
from sso.ground import digest, fresh
from sso.tickets import audited
from tests.stores import Postgres, PostgresStore
from tests.unit.provider.conftest import Office, Rp, office_of
from tests.unit.provider.test_cas import Cas
from tests.unit.provider.test_devices import DEVICE, Tv

A8 = """
client: a8
system: oa
tickets: {dialect: seeyon, url: "https://oa.example.com", todo: "/login/sso?ticket={token}"}
"""
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Office]:
    store = PostgresStore(postgres)
    made = office_of(tmp_path_factory.mktemp("once"), store)
    made.write("config/clients/a8.yaml", A8)
    yield made
    made.close()
    store.renew()


@pytest.fixture(scope="module")
def two(shared: Office) -> Iterator[list[subprocess.Popen[str]]]:
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.unit.provider.redeem", str(shared.folder), shared.store, "4"]
        made = [
            stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
            )
            for _ in range(2)
        ]
        for one in made:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        yield made
        for one in made:
            assert one.stdin is not None
            one.stdin.close()


def together(two: list[Any], form: dict[str, str]) -> list[int]:
    for one in two:
        one.stdin.write(json.dumps(form) + "\n")
        one.stdin.flush()
    return sorted(status for one in two for status in json.loads(one.stdout.readline()))


def rounds(shared: Office, two: list[Any], number: int) -> None:
    """Codes and refresh tokens of a public client, whose requests carry no secret; codes of a device; tickets of CAS,
    and for systems."""
    rp, at, tv = Rp(shared, "app", "http://127.0.0.1/callback"), Cas(shared), Tv(shared)
    rp.code()  # logged in from here on
    here = shared.provider
    owner = named(here.hub.database, "li.na").id
    for _ in range(number):
        form = {"grant_type": "authorization_code", "redirect_uri": rp.callback, "client_id": "app"}
        form |= {"code_verifier": rp.verifier, "code": rp.code()}
        assert together(two, form) == [200, *[400] * 7]
        token = rp.redeem(rp.code()).json()["refresh_token"]
        form = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": token}
        assert together(two, form) == [200, *[400] * 7]
        tv.codes = tv.begin().json()
        tv.answer()
        form = {"grant_type": DEVICE, "device_code": tv.codes["device_code"], "authorization": tv.proof()}
        assert together(two, form) == [200, *[400] * 7]
        assert together(two, {"ticket": at.ticket(), "service": at.service}) == [200, *[400] * 7]
        about = ("a8", person(here.hub, "1"), owner, "lina", here.now(), here.after("60s"))
        told = audited.issued("li.na", digest(text := fresh("cpt")), "a8", "seeyon")
        keep(here.hub.database, Kept(digest(text), *about), told)
        assert together(two, {"kept": text}) == [200, *[400] * 7]
    actions = Counter(one.action for one in newest(here.hub.database, 9 * number, action="ticket"))
    assert actions == {"ticket.issued": 2 * number, "ticket.redeemed": 2 * number}


def test_codes_and_tokens_and_tickets_are_redeemed_once_by_eight_at_once(shared: Office, two: list[Any]) -> None:
    rounds(shared, two, 3)


def test_a_key_that_signs_is_in_the_audit(shared: Office) -> None:
    key = str(shared.provider.keys.current().kid)
    with shared.provider.hub.database.begin(reading=True) as connection:
        told = connection.scalars(select(audit.c.object).where(audit.c.action == "client.key")).all()
    assert f"client:{key}" in told


@pytest.mark.soak
def test_the_same_a_hundred_times(shared: Office, two: list[Any]) -> None:
    rounds(shared, two, 100)
