"""Whatever is done to the audit chain behind the hub's back is told, at the entry where it was done."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.errors import Fatal, HubError
from hub.security import audit, checkpoints
from hub.security.actors import Actor
from hub.security.verify import Verdict
from hub.store import audit as chain
from hub.store import audit_guard
from hub.store.database import Database
from tests.unit.exchange.world import World

pytestmark = pytest.mark.by_turns

ANNA = Actor("anna")
Tamper = Callable[[Any], None]


@pytest.fixture
def ten(world: World) -> World:
    """A chain of ten entries."""
    world.fill()
    with world.opened() as opened:
        for number in range(1, 11):
            audit.note(opened.hub.database, ANNA, "plan.made", f"plan:{number}")
    return world


def verdict(world: World, **more: Any) -> Verdict:
    with world.opened() as opened:
        return checkpoints.verify_store(opened.hub.database, "test", opened.hub.signer, **more)


def tampered(world: World, *statements: str) -> list[tuple[int, str]]:
    with world.opened() as opened, opened.hub.database.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    return [(one.seq, one.kind) for one in verdict(world).breaks]


def sign(world: World) -> Any:
    with world.opened() as opened:
        hub = opened.hub
        return checkpoints.make(hub.database, hub.signer, hub.workspace.hub, world.folder)


def rehash(database: Database, first: int, *, follow: bool) -> None:
    """What a clever intruder does: make an entry's hash fit again, and of all that follow."""
    with database.bulk(write=False) as session:
        rows = [one for one in chain.entries(session) if one.seq >= first]
    with database.begin() as connection:
        prev = rows[0].prev_hash
        for one in rows if follow else rows[:1]:
            prev_of, prev = prev, dataclasses.replace(one, prev_hash=prev).digest()
            connection.execute(
                text("UPDATE audit SET prev_hash = :p, hash = :h WHERE seq = :s"),
                {"p": prev_of, "h": prev, "s": one.seq},
            )
        if follow:
            connection.execute(text("UPDATE audit_head SET hash = :h"), {"h": prev})


def test_an_untouched_chain_holds(ten: World):
    found = verdict(ten)
    assert (found.whole, found.entries, found.checkpoints) == (True, 10, 0)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["UPDATE audit SET actor = 'eve' WHERE seq = 4"], [(4, "edited")]),
        (["UPDATE audit SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 10"], [(10, "edited")]),
        (["UPDATE audit SET prev_hash = 'x' WHERE seq = 1"], [(1, "edited")]),
        (["DELETE FROM audit WHERE seq = 5"], [(5, "missing")]),
        (["DELETE FROM audit WHERE seq IN (1, 2)"], [(1, "missing")]),
        (["DELETE FROM audit WHERE seq > 7"], [(8, "cut")]),
        (["DELETE FROM audit_head"], [(11, "head")]),
        (["UPDATE audit_head SET seq = 9"], [(10, "added")]),
        (
            [
                "UPDATE audit SET seq = 99 WHERE seq = 3",
                "UPDATE audit SET seq = 3 WHERE seq = 4",
                "UPDATE audit SET seq = 4 WHERE seq = 99",
            ],
            [(3, "missing"), (4, "edited"), (4, "inserted")],
        ),
        (
            [
                "DELETE FROM audit WHERE seq = 5",
                *(f"UPDATE audit SET seq = {n} WHERE seq = {n + 1}" for n in range(5, 10)),
            ],
            [(5, "missing"), (10, "cut")],
        ),
    ],
    ids=["edit", "last", "first", "delete", "beginning", "tail", "head", "behind", "reorder", "closed"],
)
def test_a_change_is_told_at_its_entry(ten: World, statements: list[str], expected: list[tuple[int, str]]):
    assert tampered(ten, *statements) == expected


def test_an_edit_with_its_hash_made_to_fit_is_told_by_the_next_entry(ten: World):
    tampered(ten, "UPDATE audit SET actor = 'eve' WHERE seq = 4")
    with ten.opened() as opened:
        rehash(opened.hub.database, 4, follow=False)
    assert [(one.seq, one.kind) for one in verdict(ten).breaks] == [(4, "rewritten")]


def test_an_inserted_entry_is_told(ten: World):
    with ten.opened() as opened, opened.hub.database.begin() as connection:
        for seq in range(10, 5, -1):
            connection.execute(text(f"UPDATE audit SET seq = {seq + 1} WHERE seq = {seq}"))
        connection.execute(text("UPDATE audit_head SET seq = 11"))
        rows = connection.execute(text("SELECT * FROM audit WHERE seq = 5")).one()
        forged = dict(rows._mapping) | {"seq": 6, "actor": "eve", "prev_hash": rows.hash}
        forged["hash"] = chain.Entry(**forged).digest()
        marks = ", ".join(f":{name}" for name in chain.NAMES)
        connection.execute(text(f"INSERT INTO audit ({', '.join(chain.NAMES)}) VALUES ({marks})"), forged)
    assert [(one.seq, one.kind) for one in verdict(ten).breaks] == [(6, "inserted")]


def test_only_a_checkpoint_tells_a_chain_that_was_rewritten_to_its_end(ten: World):
    kept = [sign(ten)]
    tampered(ten, "UPDATE audit SET actor = 'eve' WHERE seq = 4")
    with ten.opened() as opened:
        rehash(opened.hub.database, 4, follow=True)
    assert [(one.seq, one.kind) for one in verdict(ten).breaks] == [(1, "replaced")]
    assert tampered(ten, "DELETE FROM audit_checkpoint") == []  # all in the database agrees again
    assert [(one.seq, one.kind) for one in verdict(ten, kept=kept).breaks] == [(1, "replaced")]


def test_an_old_backup_is_told_by_a_checkpoint_outside(ten: World):
    kept = [sign(ten)]
    old = chain_at(ten, 7)
    assert tampered(ten, "DELETE FROM audit WHERE seq > 7", "DELETE FROM audit_checkpoint", old) == []
    assert [(one.seq, one.kind) for one in verdict(ten, kept=kept).breaks] == [(8, "cut")]
    with ten.opened() as opened:  # and when life went on from there
        for number in range(11, 16):
            audit.note(opened.hub.database, ANNA, "plan.made", f"plan:{number}")
    assert [(one.seq, one.kind) for one in verdict(ten, kept=kept).breaks] == [(1, "replaced")]


def chain_at(world: World, seq: int) -> str:
    digest = world.one("SELECT hash FROM audit WHERE seq = :seq", seq=seq)
    return f"UPDATE audit_head SET seq = {seq}, hash = '{digest}'"


def test_a_forged_checkpoint_is_told(ten: World):
    sign(ten)
    forged = "UPDATE audit_checkpoint SET at = '2020-01-01T00:00:00.000000Z'"
    assert tampered(ten, forged) == [(10, "signature")]


def test_a_broken_chain_is_not_signed(ten: World):
    tampered(ten, "UPDATE audit SET actor = 'eve' WHERE seq = 4")
    with pytest.raises(Fatal, match="does not hold at entry 4"):
        sign(ten)


def test_the_public_key_alone_verifies_an_export(ten: World, tmp_path: Path):
    sign(ten)
    with ten.opened() as opened:
        key = opened.hub.signer.public_key()
        checkpoints.export(opened.hub.database, "test", tmp_path / "chain.jsonl")
    found = checkpoints.verify_export(tmp_path / "chain.jsonl", [key])
    assert (found.whole, found.entries, found.signed) == (True, 10, 10)
    assert not checkpoints.verify_export(tmp_path / "chain.jsonl", [bytes(32)]).whole
    lines = (tmp_path / "chain.jsonl").read_text().splitlines()
    (tmp_path / "cut.jsonl").write_text("\n".join([*lines[:3], *lines[4:]]))
    assert [one.seq for one in checkpoints.verify_export(tmp_path / "cut.jsonl", [key]).breaks] == [4]


def test_the_database_refuses_changes_once_protected(ten: World):
    with ten.opened() as opened:
        database = opened.hub.database
        audit_guard.protect(database)
        audit_guard.protect(database)
        for statement in ("UPDATE audit SET actor = 'eve'", "DELETE FROM audit"):
            with pytest.raises((HubError, DBAPIError), match="append-only"), database.begin() as connection:
                connection.execute(text(statement))
        audit.note(database, ANNA, "plan.made", "plan:11")
    assert verdict(ten).entries == 11


WRITER = """
import sys
from pathlib import Path
from hub.bootstrap import open_hub
from hub.security import audit
from hub.security.actors import Actor
folder, store, name = sys.argv[1:]
with open_hub(Path(folder), variables={"COPHUB_STORE": store}) as opened:
    for number in range(60):
        if number % 2:
            audit.note(opened.hub.database, Actor(name), "plan.made", f"plan:{number}")
        else:
            with opened.hub.database.bulk(write=True) as session:
                audit.record(session, Actor(name), "plan.made", f"plan:{number}")
"""


def test_three_writers_keep_one_chain(world: World):
    world.fill()
    arguments = [sys.executable, "-c", WRITER, str(world.folder), world.store]
    writers = [subprocess.Popen([*arguments, name]) for name in ("a", "b", "c")]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    found = verdict(world)
    assert (found.whole, found.entries) == (True, 180)
    assert world.rows("SELECT actor, count(*) FROM audit GROUP BY actor ORDER BY actor") == [
        ("a", 60),
        ("b", 60),
        ("c", 60),
    ]


def test_a_run_leaves_one_entry_per_output(world: World):
    world.first("erp.suppliers", {"id": "1", "name": "A"}, {"id": "2", "name": "B"})
    world.run()  # finds nothing new, and leaves none
    world.put("erp.suppliers", {"id": "1", "name": "A"}, {"id": "2", "name": "C"})
    world.apply(world.plan())
    found = world.rows("SELECT action, object FROM audit ORDER BY seq")
    assert [action for action, _ in found] == ["run.applied", "plan.made", "run.applied", "plan.applied"]
    assert found[1][1] == found[3][1]
    assert "sha" not in world.one("SELECT details FROM audit WHERE seq = 1")
    assert verdict(world).whole
