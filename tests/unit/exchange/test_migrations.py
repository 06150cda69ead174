"""Tables follow the models only when asked, and never by losing values."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect

from hub.errors import ConfigError
from hub.store.migrate import migrate, pending
from tests.faults.matrix import row
from tests.unit.exchange.world import SUPPLIER, World

pytestmark = pytest.mark.by_turns

ONE = {"id": "1", "name": "ACME", "tax": "T1", "city": "Bonn"}
MORE = SUPPLIER.replace("city: {type: text}", "city: {type: text}\n      employees: {type: integer}")
LESS = SUPPLIER.replace("      city: {type: text}\n", "")


def amount(digits: int, scale: int) -> str:
    """The model with an amount in place of the city."""
    return SUPPLIER.replace(
        "city: {type: text}", f"city: {{type: decimal, digits: {digits}, scale: {scale}}}"
    )


def left(world: World) -> list[tuple[str, str]]:
    """What is pending."""
    with world.opened(schema=False) as opened, opened.hub.database.begin() as connection:
        return [(step.kind, step.text) for step in pending(opened.hub.database, connection)]


def columns(world: World, table: str) -> set[str]:
    with world.opened(schema=False) as opened, opened.hub.database.begin() as connection:
        return {column["name"] for column in inspect(connection).get_columns(table)}


def refused(world: World) -> str:
    """A process does not work on tables that are not its models'."""
    with pytest.raises(ConfigError) as caught, world.opened():
        raise AssertionError("opened")
    assert (caught.value.code, caught.value.hint) == ("store.schema", "run: cophub migrate")
    return caught.value.message


def test_an_empty_database_gets_all_tables_and_then_nothing(world: World):
    assert "no tables yet" in refused(world)
    assert "create table e_supplier" in world.migrate()
    assert (left(world), world.migrate()) == ([], [])
    with world.opened() as opened:
        opened.hub.database.require_schema()


def test_looking_at_what_is_pending_changes_nothing(world: World):
    assert {kind for kind, _ in left(world)} == {"expand"}
    assert "no tables yet" in refused(world)


def test_a_new_field_becomes_a_column_of_both_tables_and_rows_stay(world: World):
    world.first("erp.suppliers", ONE)
    world.model(MORE)
    assert "does not fit" in refused(world)
    assert {text.split(" (")[0] for text in world.migrate()} == {
        "add e_supplier.employees",
        "add h_supplier.employees",
    }
    assert (world.golden()["1"]["city"], world.golden()["1"]["employees"]) == ("Bonn", None)
    assert left(world) == []


def test_a_new_column_with_an_index_gets_it_once(world: World):
    world.migrate()
    with world.opened() as opened, opened.hub.database.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_session_link")
        connection.exec_driver_sql("ALTER TABLE session DROP COLUMN link")
    assert [text.split(" (")[0] for text in world.migrate()] == [
        "add session.link", "create index ix_session_link on session",
    ]  # fmt: skip
    assert left(world) == []


def test_a_new_model_becomes_tables(world: World):
    world.migrate()
    world.model("model: thing\nkey: [code]\nfields:\n  code: {type: text}\n")
    assert {"create table e_thing", "create table h_thing"} <= set(world.migrate())
    assert left(world) == []


def test_a_field_that_is_gone_is_removed_only_on_request(world: World):
    world.first("erp.suppliers", ONE)
    world.model(LESS)
    world.mapping_without("city")
    assert {kind for kind, _ in left(world)} == {"contract"}
    world.migrate()
    assert "city" in columns(world, "e_supplier")
    with world.opened():
        pass
    assert {text for text in world.migrate(contract=True)} == {"drop e_supplier.city", "drop h_supplier.city"}
    assert "city" not in columns(world, "e_supplier") | columns(world, "h_supplier")


def test_rows_are_written_beside_a_column_that_is_kept(world: World):
    world.first("erp.suppliers", ONE)
    world.model(LESS)
    world.mapping_without("city")
    world.first("erp.suppliers", ONE | {"name": "Acme"}, {"id": "2", "name": "Best"})
    assert set(world.golden()) == {"1", "2"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (amount(18, 4), amount(10, 4)),
        (amount(18, 4), amount(18, 2)),
        (amount(18, 4), amount(18, 6)),
        (SUPPLIER, SUPPLIER.replace("city: {type: text}", "city: {type: integer}")),
        (SUPPLIER, SUPPLIER.replace("city: {type: text}", "city: {type: date}")),
    ],
    ids=["fewer-digits", "fewer-places", "less-before-the-point", "text-to-number", "text-to-date"],
)
def test_what_could_lose_values_is_refused_and_nothing_is_changed(world: World, old: str, new: str):
    if world.store.startswith("sqlite") and "decimal" in old:
        stays_as_text(world, old, new)
        return
    world.model(old)
    world.migrate()
    world.model(new.replace("      parent:", "      more: {type: text}\n      parent:"))
    with pytest.raises(ConfigError) as caught:
        world.migrate()
    assert (caught.value.code, "e_supplier.city" in caught.value.message) == ("store.narrowing", True)
    assert "more" not in columns(world, "e_supplier")
    assert "does not fit" in refused(world)


def stays_as_text(world: World, old: str, new: str) -> None:
    """SQLite keeps decimals as text of any length: there a narrower model takes nothing from what is stored."""
    world.model(old)
    world.first("erp.suppliers", ONE | {"city": "12.3456"})
    before = world.one("SELECT city FROM e_supplier")
    world.model(new)
    world.migrate()
    assert world.one("SELECT city FROM e_supplier") == before


def test_a_wider_decimal_keeps_its_values(world: World):
    world.model(amount(10, 2))
    world.first("erp.suppliers", ONE | {"city": "12345678.90"})
    world.model(amount(30, 6))
    world.migrate()
    assert str(world.golden()["1"]["city"]).rstrip("0") == "12345678.9"
    assert left(world) == []


def test_a_field_that_becomes_unique_gets_its_index(world: World):
    world.first("erp.suppliers", ONE)
    world.model(SUPPLIER.replace("city: {type: text}", "city: {type: text, unique: true}"))
    assert "create index ix_e_supplier_city on e_supplier" in world.migrate()
    assert left(world) == []


@row(46, "an error in the middle")
def test_a_migration_that_was_interrupted_is_simply_run_again(world: World, monkeypatch):
    world.first("erp.suppliers", ONE)
    world.model(MORE)
    from alembic.operations import Operations

    whole, calls = Operations.invoke, iter(range(10))

    def fails_in_the_middle(self, operation):
        if next(calls) == 1:
            raise KeyboardInterrupt
        return whole(self, operation)

    monkeypatch.setattr(Operations, "invoke", fails_in_the_middle)
    with pytest.raises(KeyboardInterrupt):
        world.migrate()
    monkeypatch.undo()
    assert "does not fit" in refused(world)
    world.migrate()
    assert (left(world), world.golden()["1"]["city"]) == ([], "Bonn")


def test_two_workspaces_of_one_database_are_told_apart(world: World):
    world.migrate()
    world.model(MORE)
    world.migrate()
    world.model(SUPPLIER)
    assert "does not fit" in refused(world)


@row(46, "two at once")
def test_migrating_waits_for_nobody_twice(world: World):
    world.migrate()
    with world.opened() as one, world.opened() as two:
        assert (migrate(one.hub.database), migrate(two.hub.database)) == ([], [])
