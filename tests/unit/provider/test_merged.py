"""What is made while two persons are one goes, when that is undone, with the one through whose account it was made."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from hub.exchange.uniting.merger import merge_entities
from hub.exchange.uniting.unmerging import unmerge_entities
from hub.store import logins
from hub.todos.people import person
from sso.links import Claimed, opened
from tests.unit.provider.conftest import Office, Rp

ISSUER = "https://idp.example"


class Merged:
    """Li Na went into Wang Wei."""

    def __init__(self, office: Office) -> None:
        self.hub = office.open_hub.hub
        self.li, self.wang = person(self.hub, "1"), person(self.hub, "2")
        self.id: uuid.UUID | None = merge_entities(self.hub, "person", self.wang, [self.li], "the same")[0]

    def undo(self) -> None:
        if self.id is not None:
            unmerge_entities(self.hub, str(self.id), "they are not")
        self.id = None


@pytest.fixture
def merged(office: Office) -> Iterator[Merged]:
    with office.open_hub.hub.database.begin() as connection:
        for table in ("sso_subject", "sso_known", "login_link"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        connection.exec_driver_sql("DELETE FROM account WHERE password = ''")
    made = Merged(office)
    yield made
    made.undo()


def sub(office: Office, name: str, **more: Any) -> str:
    rp = Rp(office, "app", "http://127.0.0.1/callback")
    found: str = rp.claims(rp.tokens(name=name, **more))["sub"]
    return found


def test_a_sub_that_was_made_while_two_were_one_goes_with_the_account_that_it_was_made_through(
    office: Office, merged: Merged
) -> None:
    """Li's account comes first: while they are one both have the sub, and after that Li alone."""
    hers = sub(office, "li.na")
    assert sub(office, "wang.wei") == hers
    merged.undo()
    assert sub(office, "li.na") == hers
    assert sub(office, "wang.wei") != hers


def test_a_sub_of_before_stays_through_a_merge_and_its_undoing(office: Office, merged: Merged) -> None:
    merged.undo()
    before = [sub(office, "li.na"), sub(office, "wang.wei")]
    again = Merged(office)
    try:
        assert {sub(office, "li.na"), sub(office, "wang.wei")} == {before[1]}
    finally:
        again.undo()
    assert [sub(office, "li.na"), sub(office, "wang.wei")] == before


def test_a_log_in_under_the_sub_of_the_other_ends_with_the_merge(office: Office, merged: Merged) -> None:
    li, wang = (Rp(office, "app", "http://127.0.0.1/callback") for _ in range(2))
    hers, his = li.tokens(name="li.na"), wang.tokens(name="wang.wei")
    merged.undo()
    assert li.refresh(hers["refresh_token"]).status_code == 200
    assert wang.refresh(his["refresh_token"]).json()["error"] == "invalid_grant"
    assert wang.userinfo(his["access_token"]).status_code == 401
    told = office.rows("SELECT subject FROM outbox WHERE type = 'session.ended'")
    assert [row[0] for row in told] == ["sso:app"]


def test_an_account_that_was_made_while_two_were_one_goes_with_the_record_that_it_was_made_for(
    office: Office, merged: Merged
) -> None:
    """The record lina of the OA is Li's, and Wang's as long as they are one."""
    row, _ = opened(merged.hub, Claimed(ISSUER, "s-1", "idp:s-1", "oa", ("lina",)))
    assert row.person == merged.li
    merged.undo()
    found = logins.linked(merged.hub.database, ISSUER, "s-1")
    assert found is not None
    again, _ = opened(merged.hub, Claimed(ISSUER, "s-1", "idp:s-1", "oa", ("lina",)), follow=True)
    assert found[1].person == again.person == merged.li
