"""Shapes beyond one record, one entity: elements of lists, several models, joined resources."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.world import FIELDS, SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

POSITION = """
    model: position
    key: [code]
    fields:
      code: {type: text, required: true}
      title: {type: text, required: true}
      holder: {type: ref, model: person}
"""
PERSON = """
    model: person
    key: [code]
    fields:
      code: {type: text, required: true}
      name: {type: text, required: true}
      bank: {type: text}
"""
POSITIONS = """
    mapping: positions
    from: hr.workers
    into: position
    each: posts as p
    key: p.number
    fields:
      code: p.number
      title: p.title
    unmatched: create
"""


def write_hr(world: World) -> None:
    world.model(PERSON)
    world.model(POSITION)
    world.write(
        "config/systems/hr.yaml",
        f"""
        system: hr
        connector: files
        folder: {world.data}
        resources:
          workers: {{path: hr-workers.ndjson, key: id}}
          banks: {{path: hr-banks.ndjson, key: nr}}
        """,
    )


def worker(key: str, *posts: tuple[str, str | None], **more: Any) -> dict[str, Any]:
    return {"id": key, "posts": [{"number": number, "title": title} for number, title in posts], **more}


class TestElements:
    @pytest.fixture(autouse=True)
    def hr(self, world: World) -> None:
        write_hr(world)
        world.mapping(POSITIONS, absent="delete")

    def states(self, world: World) -> dict[str, tuple[str, int]]:
        return {code: (row["title"], row["_state"]) for code, row in world.golden("position").items()}

    def test_every_element_is_one_output(self, world: World):
        result = world.first(
            "hr.workers", worker("1", ("a", "A"), ("b", "B")), worker("2", ("c", "C")), mapping="positions"
        )
        assert some(result, "applied", "created") == {"applied": 3, "created": 3}
        assert self.states(world) == {"a": ("A", 0), "b": ("B", 0), "c": ("C", 0)}
        keys = world.rows("SELECT key FROM shadow WHERE entity IS NOT NULL ORDER BY key")
        assert keys == [('["1","a"]',), ('["1","b"]',), ('["2","c"]',)]

    def test_nothing_changed_is_nothing_done(self, world: World):
        world.first("hr.workers", worker("1", ("a", "A"), ("b", "B")), worker("2"), mapping="positions")
        seq = world.seq("position")
        result = world.run("positions")
        assert some(result, "applied", "absent") == {"applied": 0, "absent": 0}
        assert world.seq("position") == seq

    def test_an_element_changes_alone(self, world: World):
        world.first("hr.workers", worker("1", ("a", "A"), ("b", "B")), mapping="positions")
        result = world.first("hr.workers", worker("1", ("a", "A"), ("b", "BB")), mapping="positions")
        assert some(result, "updated") == {"updated": 1}
        assert self.states(world) == {"a": ("A", 0), "b": ("BB", 0)}

    def test_an_element_that_left_its_record_is_absent(self, world: World):
        world.first("hr.workers", worker("1", ("a", "A"), ("b", "B")), mapping="positions")
        result = world.first("hr.workers", worker("1", ("a", "A")), mapping="positions")
        assert some(result, "absent", "deleted") == {"absent": 1, "deleted": 1}
        assert self.states(world) == {"a": ("A", 0), "b": ("B", 2)}

    def test_the_last_element_may_leave_too_and_come_back(self, world: World):
        world.first("hr.workers", worker("1", ("a", "A")), worker("2", ("c", "C")), mapping="positions")
        world.first("hr.workers", worker("1"), worker("2", ("c", "C")), mapping="positions")
        assert self.states(world)["a"] == ("A", 2)
        world.first("hr.workers", worker("1", ("a", "A")), worker("2", ("c", "C")), mapping="positions")
        assert self.states(world) == {"a": ("A", 0), "c": ("C", 0)}

    def test_elements_go_with_their_record(self, world: World):
        world.first(
            "hr.workers", worker("1", ("a", "A"), ("b", "B")), worker("2", ("c", "C")), mapping="positions"
        )
        result = world.first("hr.workers", worker("2", ("c", "C")), mapping="positions")
        assert some(result, "deleted") == {"deleted": 2}
        assert self.states(world) == {"a": ("A", 2), "b": ("B", 2), "c": ("C", 0)}

    def test_a_bad_element_is_set_aside_alone(self, world: World):
        result = world.first("hr.workers", worker("1", ("a", "A"), ("b", None)), mapping="positions")
        assert some(result, "created", "quarantined") == {"created": 1, "quarantined": 1}
        (entry,) = world.held("positions")
        assert (entry["code"], entry["field"], entry["position"]) == (
            "required",
            "title",
            "hr-workers.ndjson:1",
        )

    def test_a_mended_element_closes_its_entry(self, world: World):
        world.first("hr.workers", worker("1", ("a", "A"), ("b", None)), mapping="positions")
        world.run("positions")
        assert len(world.held("positions")) == 1
        world.first("hr.workers", worker("1", ("a", "A"), ("b", "B")), mapping="positions")
        assert (world.held("positions"), set(self.states(world))) == ([], {"a", "b"})

    def test_a_bad_element_that_was_there_before_is_not_absent(self, world: World):
        world.first("hr.workers", worker("1", ("a", "A"), ("b", "B")), mapping="positions")
        world.first("hr.workers", worker("1", ("a", "A"), ("b", None)), mapping="positions")
        assert self.states(world) == {"a": ("A", 0), "b": ("B", 0)}

    def test_an_unchanged_bad_element_is_listed_once(self, world: World):
        world.first("hr.workers", worker("1", ("a", "A"), ("b", None)), mapping="positions")
        entry = world.rows("SELECT id FROM quarantine")
        assert some(world.run("positions"), "applied", "quarantined") == {"applied": 0, "quarantined": 1}
        assert world.rows("SELECT id FROM quarantine") == entry

    def test_an_entry_goes_with_its_record(self, world: World):
        world.first("hr.workers", worker("1", ("a", None)), worker("2", ("b", "B")), mapping="positions")
        world.first("hr.workers", worker("2", ("b", "B")), mapping="positions")
        assert world.held("positions") == []

    def test_elements_of_one_key_are_not_two_entities(self, world: World):
        result = world.first("hr.workers", worker("1", ("a", "A"), ("a", "B")), mapping="positions")
        assert some(result, "created", "duplicate") == {"created": 1, "duplicate": 1}
        assert some(world.run("positions"), "applied") == {"applied": 0}

    def test_an_incremental_read_knows_the_elements_it_saw(self, world: World):
        text = (world.folder / "config/systems/hr.yaml").read_text()
        world.write("config/systems/hr.yaml", text.replace("key: id}", "key: id, cursor: at}"))
        world.first(
            "hr.workers", worker("1", ("a", "A"), ("b", "B"), at="2026-01-01T00:00:00Z"), mapping="positions"
        )
        world.put("hr.workers", worker("1", ("a", "AA"), at="2026-01-02T00:00:00Z"))
        result = world.run("positions", "incremental")
        assert some(result, "created", "updated", "deleted") == {"created": 0, "updated": 1, "deleted": 1}
        assert self.states(world) == {"a": ("AA", 0), "b": ("B", 2)}

    def test_a_plan_of_elements_is_applied(self, world: World):
        world.first("hr.workers", worker("1", ("a", "A"), ("b", "B")), mapping="positions")
        world.put("hr.workers", worker("1", ("a", "AA"), ("d", "D")), worker("2", ("c", "C")))
        world.apply(world.plan("positions"))
        assert self.states(world) == {"a": ("AA", 0), "b": ("B", 2), "c": ("C", 0), "d": ("D", 0)}
        assert some(world.run("positions"), "applied", "absent") == {"applied": 0, "absent": 0}


SEVERAL = """
    mapping: workers
    from: hr.workers
    into:
      - into: person
        fields: {code: id, name: name}
        unmatched: create
        absent: delete
      - into: position
        where: post IS NOT NULL
        fields: {code: post, title: "'Post ' || post", holder: "ref('person', id)"}
        unmatched: create
        absent: delete
"""


class TestSeveralOutputs:
    @pytest.fixture(autouse=True)
    def hr(self, world: World) -> None:
        write_hr(world)
        world.mapping(SEVERAL)

    def holders(self, world: World) -> dict[str, str]:
        people = {row["_id"]: code for code, row in world.golden("person").items()}
        return {code: people[row["holder"]] for code, row in world.golden("position").items()}

    def test_one_record_becomes_entities_that_refer_to_each_other(self, world: World):
        world.put(
            "hr.workers", {"id": "1", "name": "Li", "post": "a"}, {"id": "2", "name": "Wu", "post": None}
        )
        world.run("workers")
        world.run("workers")
        assert (set(world.golden("person")), self.holders(world)) == ({"1", "2"}, {"a": "1"})
        assert world.held("workers") == []

    def test_counts_of_all_outputs_reconcile_and_settle(self, world: World):
        world.put(
            "hr.workers", {"id": "1", "name": "Li", "post": "a"}, {"id": "2", "name": None, "post": "b"}
        )
        for _ in range(3):
            last = world.run("workers")
        assert some(last, "applied", "updated") == {"applied": 0, "updated": 0}

    def test_all_outputs_follow_an_absent_record(self, world: World):
        records = {"id": "1", "name": "Li", "post": "a"}, {"id": "2", "name": "Wu", "post": "b"}
        world.put("hr.workers", *records)
        world.run("workers")
        world.run("workers")
        world.put("hr.workers", records[0])
        world.run("workers")
        assert (world.golden("person")["2"]["_state"], world.golden("position")["b"]["_state"]) == (2, 2)

    def test_a_guard_on_one_output_stops_all(self, world: World):
        world.mapping(SEVERAL, guard="{delete: 1}")
        records = [{"id": str(number), "name": "x", "post": f"p{number}"} for number in range(4)]
        world.put("hr.workers", *records)
        world.run("workers")
        world.run("workers")
        world.put("hr.workers", *records[:2], {"id": "9", "name": "New", "post": "p9"})
        before = world.dump()
        with pytest.raises(Exception, match="guard"):
            world.run("workers")
        assert world.dump() == before


WITH = """
    mapping: people
    from: hr.workers
    into: person
    with:
      bank: {from: hr.banks, on: bank.worker = id}
    fields: {code: id, name: name, bank: bank.iban}
    unmatched: create
"""
LI, WU = {"id": "1", "name": "Li"}, {"id": "2", "name": "Wu"}


class TestJoined:
    @pytest.fixture(autouse=True)
    def hr(self, world: World) -> None:
        write_hr(world)
        world.mapping(WITH)

    def banks(self, world: World, *banks: tuple[str, str]) -> dict[str, str | None]:
        rows = [{"nr": str(number), "worker": who, "iban": iban} for number, (who, iban) in enumerate(banks)]
        world.put("hr.banks", *rows)
        self.result = world.run("people")
        return {code: row["bank"] for code, row in world.golden("person").items()}

    def test_a_record_reads_what_is_joined_to_it(self, world: World):
        world.put("hr.workers", LI, WU)
        assert self.banks(world, ("1", "DE1")) == {"1": "DE1", "2": None}

    def test_a_change_of_the_joined_record_is_a_change(self, world: World):
        world.put("hr.workers", LI, WU)
        self.banks(world, ("1", "DE1"), ("2", "DE2"))
        assert self.banks(world, ("1", "DE9"), ("2", "DE2")) == {"1": "DE9", "2": "DE2"}
        assert some(self.result, "updated", "unchanged") == {"updated": 1, "unchanged": 1}

    def test_two_where_one_is_expected_sets_the_record_aside(self, world: World):
        world.put("hr.workers", LI, WU)
        assert self.banks(world, ("1", "DE1"), ("1", "DE2"), ("2", "DE3")) == {"2": "DE3"}
        assert [(entry["key"], entry["state"]) for entry in world.held("people")] == [("1", "quarantined")]

    def test_all_of_them_as_a_list(self, world: World):
        world.mapping(
            WITH.replace("bank.worker = id}", "bank.worker = id, many: true}").replace(
                "bank.iban", "CAST(length(bank) AS VARCHAR)"
            )
        )
        world.put("hr.workers", LI, WU)
        assert self.banks(world, ("1", "DE1"), ("1", "DE2")) in ({"1": "2", "2": None}, {"1": "2", "2": "0"})


class TestLinkOnly:
    ONE, TWO = {"id": "1", "name": "ACME", "tax": "T1"}, {"id": "2", "name": "Best", "tax": "T2"}

    @pytest.fixture(autouse=True)
    def crm(self, world: World) -> None:
        world.files("crm", suppliers=FIELDS)
        world.first("erp.suppliers", self.ONE, self.TWO)
        world.mapping(SUPPLIERS.replace("mapping: suppliers", "mapping: crm").replace("erp.", "crm."))
        world.put("crm.suppliers", self.ONE | {"name": "Acme"}, {"id": "3", "name": "Three"})

    def test_a_baseline_links_and_writes_no_golden_row(self, world: World):
        before = world.dump()
        result = world.run("crm", "link_only")
        after = world.dump()
        assert some(result, "created", "updated", "linked") == {"created": 0, "updated": 0, "linked": 1}
        changed = {name for name in after if after[name] != before[name]}
        assert changed <= {"shadow", "watermark", "evidence", "match_report", "audit", "audit_head"}
        assert "e_supplier" not in changed
        assert world.golden()["1"]["name"] == "ACME"

    def test_the_first_live_run_applies_the_values(self, world: World):
        world.run("crm", "link_only")
        result = world.run("crm")
        assert some(result, "created", "updated") == {"created": 1, "updated": 1}
        assert world.golden()["1"]["name"] == "Acme"
