"""The audit chain in the store: appended inside the caller's transaction, whoever writes."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from hub.errors import ConfigError
from hub.security import audit
from hub.security.actors import Actor
from hub.store import audit as chain
from tests.unit.exchange.world import World

ANNA = Actor("anna", "board")


def entries(world: World) -> list[chain.Entry]:
    with world.opened() as opened, opened.hub.database.bulk(write=False) as session:
        return list(chain.entries(session))


def test_entries_of_both_kinds_of_transaction_are_one_chain(world: World):
    world.fill()
    with world.opened() as opened:
        database = opened.hub.database
        with database.begin() as connection:
            audit.record(connection, ANNA, "plan.approved", "plan:1", reason="it's a 'test': 100%\\", details={"n": 1})
        with database.bulk(write=True) as session:
            audit.record(session, ANNA, "run.applied", "run:ü:2", reason="it's a 'test': 100%\\ $1 :x")
    found = entries(world)[-2:]
    assert [entry.action for entry in found] == ["plan.approved", "run.applied"]
    assert found[1].prev_hash == found[0].hash
    assert [entry.digest() == entry.hash for entry in found] == [True, True]
    assert found[1].reason == "it's a 'test': 100%\\ $1 :x"


def test_an_entry_stands_or_falls_with_its_transaction(world: World):
    world.fill()
    before = len(entries(world))
    with world.opened() as opened:
        with suppress(ConfigError), opened.hub.database.begin() as connection:
            audit.record(connection, ANNA, "plan.approved", "plan:1")
            raise ConfigError("x", "y")
        audit.note(opened.hub.database, ANNA, "plan.approved", "plan:2")
    found = entries(world)
    assert len(found) == before + 1
    assert found[-1].object == "plan:2"


def test_a_hashed_value_can_be_proven_until_its_salt_is_removed(world: World):
    world.fill()
    with world.opened() as opened:
        database = opened.hub.database
        seq = audit.note(database, ANNA, "lookup.classified", "model:party", hashed={"phone": "+49 30 1"})
        told = json.loads(entries(world)[-1].details)["phone"]
        salt = chain.salt_of(database, seq)
        assert salt is not None
        assert told == chain.salted(salt, "+49 30 1")
        with database.begin() as connection:
            assert chain.forget(connection, seq)
        assert chain.salt_of(database, seq) is None


def test_an_undeclared_action_is_a_defect(world: World):
    world.fill()
    with world.opened() as opened, pytest.raises(KeyError, match="declared"):
        audit.note(opened.hub.database, ANNA, "plan.eaten", "plan:1")
