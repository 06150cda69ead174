"""Sources as they are: they change while they are read, share timestamps, commit late, have wrong clocks, send poison,
drift, and give half of what they have."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hub.contract import Field, Page, Query, Resource, Settings, Spec
from hub.errors import Fatal, Held, HubError, Retriable
from tests.faults.matrix import row
from tests.stores import SqliteStore
from tests.unit.exchange.world import World, some

Record = dict[str, Any]


class Table:
    """A source in memory in the order of (changed, id), by keyset; ``between`` is called after each page."""

    def __init__(self, page: int = 100) -> None:
        self.rows: dict[str, Record] = {}
        self.page, self.between = page, lambda number: None
        self.announced: int | None = None
        self.reads = 0

    @property
    def spec(self) -> Spec:
        return Spec(
            name="table",
            title="Table",
            summary="A source in memory",
            settings=Settings,
            resource=Settings,
            open=lambda context, settings, resources: self,
            describe=lambda context, settings, name, declared: self.resource(name),
            reads=True,
        )

    def resource(self, name: str) -> Resource:
        fields = (Field("id"), Field("name"), Field("changed", "datetime"))
        return Resource(name, key=("id",), cursor="changed", fields=fields)

    def put(self, key: str, changed: str, **more: Any) -> None:
        self.rows[key] = {"id": key, "name": f"Name of {key}", "changed": changed} | more

    def check(self) -> list[Any]:
        return []

    def read(self, query: Query) -> Iterator[Page]:
        self.reads += 1
        at: tuple[str, str] = (query.since or "", "")
        number = 0
        while True:
            rest = sorted((row["changed"], key) for key, row in self.rows.items() if (row["changed"], key) > at)
            part = rest[: self.page]
            lines = b"".join(json.dumps(self.rows[key]).encode() + b"\n" for _, key in part)
            at, last = (part[-1] if part else at), len(rest) <= self.page
            yield Page(lines, len(part), "table", number * self.page + 1, last, self.announced)
            if last:
                return
            number += 1
            self.between(number)

    def close(self) -> None:
        """Nothing to give back."""


MAPPING = """
    mapping: people
    from: hr.people
    into: person
    match: [[code]]
    fields: {code: id, name: name}
    unmatched: create
    absent: {reaction: disable}
    guard: {create: 100000, update: 100000, disable: 100000}
    overlap: 10m
"""


@pytest.fixture
def hr(tmp_path: Path) -> tuple[World, Table]:
    world, table = World(tmp_path / "w", SqliteStore()), Table()
    world.modules = {"table": table.spec}
    world.model("model: person\nkey: [code]\nfields:\n  code: {type: text, required: true}\n"
                "  name: {type: text, required: true}\n")  # fmt: skip
    world.write("config/systems/hr.yaml", "system: hr\nconnector: table\n")
    world.mapping(MAPPING)
    return world, table


def codes(world: World) -> list[str]:
    return [code for (code,) in world.rows("SELECT code FROM e_person WHERE _state = 0 ORDER BY code")]


def at(minute: int, second: int = 0) -> str:
    return f"2026-05-01T10:{minute:02d}:{second:02d}Z"


@row(11, "10,000 records with one timestamp, pages of 100, killed and read again")
def test_records_that_share_a_timestamp_across_pages_all_come(hr: tuple[World, Table]):
    world, table = hr
    for number in range(10_000):
        table.put(f"K{number:05d}", at(5))

    def stop(page: int) -> None:
        if page == 57:
            raise Retriable("http.cut", "the connection was closed")

    table.between = stop
    with pytest.raises(HubError):
        world.run("people", "incremental", initial=True)
    assert codes(world) == []
    table.between = lambda page: None
    assert world.run("people", "incremental", initial=True).counts["created"] == 10_000
    table.put("K99999", at(5))
    assert some(world.run("people", "incremental", initial=True), "created") == {"created": 1}
    assert world.one("SELECT count(*) FROM e_person") == 10_001


@row(10, "records change and come after each page")
def test_what_changes_while_pages_are_read_is_neither_lost_nor_doubled(hr: tuple[World, Table]):
    world, table = hr
    table.page = 10
    for number in range(100):
        table.put(f"K{number:03d}", at(number // 10))

    def mutate(page: int) -> None:
        table.put(f"K{page * 7:03d}", at(30, page), name=f"Changed {page}")  # moves behind the cursor
        table.put(f"N{page:03d}", at(31, page))

    table.between = mutate
    world.run("people", "full", initial=True)
    table.between = lambda page: None
    world.run("people", "incremental", initial=True)
    assert codes(world) == sorted(table.rows)
    names = dict(world.rows("SELECT code, name FROM e_person"))
    assert names == {key: row["name"] for key, row in table.rows.items()}


@row(12, "a transaction commits with a timestamp within the overlap; an older one comes with the next full run")
def test_a_late_commit_is_caught_by_the_overlap_and_an_older_one_by_a_full_run(hr: tuple[World, Table]):
    world, table = hr
    table.put("A", at(20))
    world.run("people", "incremental", initial=True)
    table.put("LATE", at(12))  # within the overlap of ten minutes
    table.put("LATER", at(2))  # and beyond it
    world.run("people", "incremental", initial=True)
    assert codes(world) == ["A", "LATE"]
    world.run("people", "full", initial=True)
    assert codes(world) == ["A", "LATE", "LATER"]


@row(27, "a source whose clock runs ahead, and is set back")
def test_a_clock_that_was_ahead_costs_no_record(hr: tuple[World, Table]):
    world, table = hr
    table.put("AHEAD", "2026-05-01T10:10:00Z")
    world.run("people", "incremental", initial=True)
    table.put("NORMAL", "2026-05-01T10:00:30Z")  # the clock was ten minutes ahead and is right again
    world.run("people", "incremental", initial=True)
    assert codes(world) == ["AHEAD", "NORMAL"]
    table.put("AHEAD", "2026-05-01T10:05:00Z", name="Newer by an hour that was set back")
    world.run("people", "full", initial=True)
    assert world.one("SELECT count(*) FROM e_person") == 2


@row(27, "the hour that comes twice when summer time ends, and dates of both offsets")
def test_the_doubled_hour_is_ordered_by_its_offset(hr: tuple[World, Table]):
    world, table = hr
    table.put("P", "2026-10-25T02:59:00+02:00", name="In summer time")
    world.run("people", "full", initial=True)
    table.put("P", "2026-10-25T02:01:00+01:00", name="In winter time")  # two minutes later
    world.run("people", "full", initial=True)
    assert world.one("SELECT name FROM e_person") == "In winter time"
    table.put("P", "2026-10-25T02:58:00+02:00", name="Older again")
    world.run("people", "full", initial=True)
    assert world.one("SELECT name FROM e_person") == "In winter time"


@row(27, "the hub's own clock jumps an hour either way between two runs")
@pytest.mark.parametrize("hours", [1, -1])
def test_a_jump_of_our_own_clock_loses_nothing(
    hr: tuple[World, Table], monkeypatch: pytest.MonkeyPatch, hours: int
):
    import datetime as dt

    from hub.store import database

    world, table = hr
    table.put("A", at(1))
    world.run("people", "incremental", initial=True)
    was = database.now
    for module in ("database", "journal", "apply"):
        place = "hub.exchange.apply" if module == "apply" else f"hub.store.{module}"
        monkeypatch.setattr(f"{place}.now", lambda: was() + dt.timedelta(hours=hours))
    table.put("A", at(2), name="Later")
    table.put("B", at(2))
    world.run("people", "incremental", initial=True)
    assert dict(world.rows("SELECT code, name FROM e_person")) == {"A": "Later", "B": "Name of B"}


@row(9, "the paging token expires at each page in turn")
def test_a_token_that_expires_anywhere_skips_nothing(hr: tuple[World, Table]):
    world, table = hr
    table.page = 3
    for number in range(15):
        table.put(f"K{number:02d}", at(number))
    for bad in range(1, 5):
        def expire(page: int, bad: int = bad) -> None:
            if page == bad:
                raise Retriable("page.expired", "the token is no longer valid")

        table.between = expire
        with pytest.raises(Retriable):
            world.run("people", "incremental", initial=True)
        assert world.one("SELECT count(*) FROM watermark") == 0
    table.between = lambda page: None
    assert world.run("people", "incremental", initial=True).counts["created"] == 15


@row(34, "page 7 of 9 is missing, whatever the source announces")
@pytest.mark.parametrize("told", ["count", "no count, within the guard"])
def test_a_missing_page_takes_nobody_away(tmp_path: Path, told: str):
    world, table = World(tmp_path / "w", SqliteStore()), Table(page=12)
    world.modules = {"table": table.spec}
    world.model("model: person\nkey: [code]\nfields:\n  code: {type: text, required: true}\n"
                "  name: {type: text, required: true}\n")  # fmt: skip
    world.write("config/systems/hr.yaml", "system: hr\nconnector: table\n")
    world.mapping(MAPPING, guard="{create: 1000, disable: 5}")
    rows = {f"K{number:03d}": at(number // 2) for number in range(105)}
    for key, changed in rows.items():
        table.put(key, changed)
    table.announced = 105 if told == "count" else None
    world.run("people", "full", initial=True)
    for key in list(rows)[72:84]:
        del table.rows[key]
    if told == "count":
        world.run("people", "full")
    else:
        with pytest.raises(Held):
            world.run("people", "full")
    assert codes(world) == list(rows)


# ------------------------------------------------------------ what records hold

POISON: Mapping[str, Any] = {
    "NUL": "a\0b", "emoji": "👨‍👩‍👧 Ltd", "four bytes": "𠮷野家", "GB18030 rare": "㐂㼆䶮", "combining": "e\u0301",
    "right to left": "\u202eevil", "BOM": "\ufeffName", "control": "a\x07b", "long": "x" * 100_000,
    "quote": "O'Brien \"x\"; DROP TABLE e_supplier; --", "formula": "=1+1", "backslash": "a\\nb",
    "number": 5, "float": 1e308, "list": ["a"], "object": {"a": 1}, "true": True, "empty": "", "null": None,
    "NaN text": "NaN", "infinity text": "Infinity", "excel zero": "1900-01-00", "percent": "%s %(x)s {0}",
    "not a character": "\ufffe", "line ends": "a\r\nb\u2028c",
}  # fmt: skip
TYPED = [
    "NaN", "Infinity", "1900-01-00", "0000-00-00", "2026-02-30", "12,5", "1e999", "0x10", "١٢٣", "--", "9" * 40,
]  # fmt: skip


@row(28, "a corpus of texts at the first, middle and last position")
@pytest.mark.parametrize("position", ["first", "middle", "last"])
def test_poison_is_set_aside_alone_or_comes_through_unharmed(tmp_path: Path, position: str):
    world = World(tmp_path / "w", SqliteStore())
    world.standard()
    good = [{"id": f"G{number}", "name": f"Good {number}"} for number in range(6)]
    place = {"first": 0, "middle": 3, "last": 6}[position]
    bad = [{"id": f"P-{what}", "name": value} for what, value in POISON.items()]
    world.data.mkdir(exist_ok=True)
    lines = [json.dumps(one) for one in [*good[:place], *bad, *good[place:]]]
    (world.data / "erp-suppliers.ndjson").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    result = world.run(initial=True)
    golden = {code: one["name"] for code, one in world.golden().items()}
    held = {one["key"] for one in world.held()}
    assert {one["id"] for one in good} <= golden.keys()
    assert {one["id"] for one in bad} == (golden.keys() | held) - {one["id"] for one in good}
    assert not golden.keys() & held
    for what, value in POISON.items():
        if isinstance(value, str) and f"P-{what}" in golden:
            assert golden[f"P-{what}"] == value.strip(), what
    assert {"P-NUL", "P-null"} <= held
    assert result.counts["read"] == len(lines)


@row(28, "values that are no number and no date, each at its place")
def test_values_of_the_wrong_type_are_listed_each_with_its_line(tmp_path: Path):
    world = World(tmp_path / "w", SqliteStore())
    world.model("""
        model: supplier
        key: [code]
        fields:
          code: {type: text, required: true}
          amount: {type: decimal}
          day: {type: date}
    """)
    world.files("erp", suppliers="{id: text, amount: text, day: text}")
    world.mapping("""
        mapping: suppliers
        from: erp.suppliers
        into: supplier
        match: [[code]]
        fields: {code: id, amount: "CAST(amount AS DECIMAL(18,4))", day: CAST(day AS DATE)}
        unmatched: create
    """)
    rows = [{"id": f"B{number}", "amount": text, "day": text} for number, text in enumerate(TYPED)]
    result = world.first("erp.suppliers", {"id": "G", "amount": "1.5", "day": "2026-01-31"}, *rows)
    assert result.counts["created"] == 1
    assert {one["key"] for one in world.held()} == {one["id"] for one in rows}
    lines = {one["key"]: one["position"].rpartition(":")[2] for one in world.held()}
    assert lines == {f"B{number}": str(number + 2) for number in range(len(TYPED))}


@row(31, "a file cut at every percent is used whole or not at all")
def test_a_file_cut_at_any_percent_takes_nothing_away(tmp_path: Path):
    world = World(tmp_path / "w", SqliteStore())
    world.standard()
    mapping = (world.folder / "mappings" / "suppliers.yaml").read_text()
    (world.folder / "mappings" / "suppliers.yaml").write_text(
        mapping + "absent: {reaction: disable}\nguard: {disable: 2, update: 100, create: 100}\n"
    )
    world.put("erp.suppliers", *({"id": f"S{n:02d}", "name": f"Supplier number {n}"} for n in range(40)))
    world.run(initial=True)
    before = world.golden()
    file = world.data / "erp-suppliers.ndjson"
    whole = file.read_bytes()
    for percent in range(0, 100, 4):
        file.write_bytes(whole[: len(whole) * percent // 100])
        with suppress(Held, Fatal):
            world.run()
        assert world.golden() == before, f"{percent} %"
    file.write_bytes(whole)
    assert world.run().counts["unchanged"] == 40


@row(18, "the same records in five runs at once")
def test_the_same_records_by_several_runs_at_once_are_applied_once(hr: tuple[World, Table]):
    world, table = hr
    for number in range(30):
        table.put(f"K{number:02d}", at(number))
    world.fill()
    ended: list[str] = []

    def work(number: int) -> None:
        try:
            world.run("people", "full", key=f"at-once-{number}", initial=True)
            ended.append("done")
        except Retriable as error:
            ended.append(error.code)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 5
    assert set(ended) <= {"done", "run.busy", "store.busy"}
    assert world.rows("SELECT count(*), max(_version) FROM e_person") == [(30, 1)]
