"""OpenLDAP keeps the contract: by a cursor and as a target, and by syncrepl."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from hub.testing import Case, failures, run_contract
from hub.testing.writing import BATCH, SINGLE, WHOLE, exempting
from tests.conftest import Login
from tests.contract.directories import CLASSES, FIELDS, WRONG, Unit, Units, opened, stored
from tests.integration.relay import LDAP_ADD, Relay

pytestmark = pytest.mark.against("ldap", "OpenLDAP", "real")

EXEMPT = {
    **exempting("each entry is a request of its own", BATCH),
    "announced_count": "a search tells no number of entries beforehand",
    "cursor_order": "a directory sorts nothing; the hub takes the greatest cursor",
    "rate_limit_honoured": "a directory has no rate limits",
    **exempting("entries are written one by one", WHOLE),
}


@pytest.fixture
def units(openldap: Login) -> Iterator[Units]:
    made = Units(openldap, "contract")
    yield made
    made.clear()


def record(number: int) -> dict[str, Any]:
    return {
        "uid": f"p{number:03}", "cn": f"张 {number}", "sn": f"Sn {number}",
        "hubChanged": f"2026-01-01T00:{number:02}:00Z",
    }  # fmt: skip


def test_a_directory_keeps_the_contract(units: Units) -> None:
    parts = urlsplit(units.login.url)
    with Relay(str(parts.hostname), parts.port or 0, LDAP_ADD) as relay:
        through = replace(units.login, url=f"ldap://127.0.0.1:{relay.port}")

        def open_(unit: Unit, **more: Any) -> Any:
            declared = {
                "base": unit.dn, "object_class": CLASSES, "key": "uid", "cursor": "hubChanged", "fields": FIELDS,
                "write": {"dn": f"uid={{uid}},{unit.dn}"},
            }  # fmt: skip
            return opened(through, {"person": declared}, page_size=9, **more)

        case = Case(
            name="openldap", fresh=units.fresh, open=open_, resource="person", key=("uid",), record=record,
            cursor="hubChanged",
            exact={"uid": 'a,b+c="d" #ü\\', "cn": 'O\'Neil "安" 😀\n\\ *()', "sn": "12345678901234567890.10"},
            stored=stored, change=lambda unit, new: unit.change(new), refused={"mail": "müller@example.com"},
            locked_out=lambda unit: open_(unit, password=WRONG), lose_answer=lambda unit: relay.lose_answer(),
            secrets=(units.login.password, WRONG),
            exempt={**EXEMPT, "deletes_seen": "a cursor shows no deletions"},
        )  # fmt: skip
        assert failures(run_contract(case)) == []


def test_syncrepl_keeps_the_contract(units: Units) -> None:
    def open_(unit: Unit, **more: Any) -> Any:
        declared = {"base": unit.dn, "object_class": CLASSES, "sync": "syncrepl", "fields": FIELDS}
        return opened(units.login, {"person": declared}, page_size=9, **more)

    case = Case(
        name="syncrepl", fresh=units.fresh, open=open_, resource="person", key=("entryUUID",),
        record=lambda number: record(number) | {"entryUUID": f"00000000-0000-4000-8000-{number:012}"},
        exact={"cn": 'O\'Neil "安" 😀\n\\ *()'}, remove=lambda unit, old: unit.remove(old["uid"]),
        locked_out=lambda unit: open_(unit, password=WRONG), secrets=(WRONG,),
        exempt=EXEMPT | exempting("nothing is written here", SINGLE)
        | dict.fromkeys(("cursor_ties", "since_inclusive", "change_seen"), "there is no cursor"),
    )  # fmt: skip
    assert failures(run_contract(case)) == []
