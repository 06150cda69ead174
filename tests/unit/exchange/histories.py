"""Drawn histories: what some sources say of many things, turn by turn; what must come of it says ``foreseen``.

One world holds many things at once, each with a history of its own: the run that brings the next word of one
brings that of all the others.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.bootstrap import Opened
from hub.exchange.at_hand import Given
from hub.exchange.pipeline import lease_names, run_events, run_exchange
from hub.exchange.runfile import open_run
from hub.mapping.compile import compile_mapping
from hub.store import journal
from tests.unit.exchange.world import World, reconciled

STRENGTHS = ("strong", "normal", "weak")
Word = Mapping[str, Any]
GONE: Word = {}


@dataclass(frozen=True)
class Kind:
    """A type of field: how model and source declare it, how it is read, and what is said of it."""

    model: str
    source: str
    value: str
    words: Sequence[Any]

    @property
    def many(self) -> bool:
        return "many" in self.model


ANCHORS = ("anchor", "beside")  # always there
KINDS = {
    "parent": Kind("ref, model: thing", "text", "ref('thing', parent)", [None, *ANCHORS]),
    "city": Kind("text", "text", "city", [None, "Bonn", 'Ü "l\\m', "null", " it's "]),
    "size": Kind("integer", "integer", "size", [None, 0, -7, 2**53 + 1]),
    "price": Kind("decimal", "decimal", "price", [None, "0.10", "12345678901234.5678", "-3"]),
    "open": Kind("boolean", "boolean", "open", [None, True, False]),
    "day": Kind("date", "date", "day", [None, "2026-02-28", "1999-12-31"]),
    "moment": Kind(
        "datetime", "datetime", "moment", [None, "2026-03-29T01:30:00Z", "2026-03-29T01:30:00.123456Z"]
    ),
    "extra": Kind("json", "json", "extra", [None, {"a": None}, {"a": {"b": 1}}, ["x"], 0, "t"]),
    "phones": Kind(
        "text, many: true",
        "json",
        "CAST(phones AS VARCHAR[])",
        [None, [], ["1"], ["2", "1"], ["3", 'q"'], ["1", "3"]],
    ),
    "sizes": Kind("integer, many: true", "json", "CAST(sizes AS BIGINT[])", [None, [], [9], [10, 9], [3, 10]]),
}


@dataclass(frozen=True)
class Source:
    """One system and its mapping: how strongly it says what, and what its silence means."""

    name: str
    strengths: Mapping[str, str]
    whole: frozenset[str]
    absent: str
    scope: str


@dataclass(frozen=True)
class Case:
    """A landscape, in what order its sources are run (``turns``), and how versions are told apart: by a cursor,
    or not at all. ``ranks``: field → sources."""

    seed: int
    sources: tuple[Source, ...]
    ranks: Mapping[str, Sequence[str]]
    turns: tuple[tuple[str, str], ...]
    versioned: bool
    rekeys: bool = False
    rejects: bool = False

    def differing(self, want: Mapping[str, Any], have: Mapping[str, Any]) -> list[str]:
        """The fields in which a golden record is not as expected."""
        plain = {name for name in self.ranks if name == "code" or not KINDS[name].many}
        return [k for k in want if (have[k] not in want[k] if k in plain else have[k] != want[k])]

    def claim(self, source: Source, name: str) -> tuple[int, int]:
        ranks = self.ranks[name]
        place = ranks.index(source.name) if source.name in ranks else len(ranks)
        return STRENGTHS.index(source.strengths[name]), place


@dataclass
class Thing:
    """One thing: what each turn's source says of it then (GONE: nothing), and with which version."""

    mark: str
    words: list[tuple[int, Word]] = field(default_factory=list)


def drawn(seed: int, *, versioned: bool = False, rekeys: bool = False, rejects: bool = False) -> Case:
    """A landscape; ``rekeys``: records come back under other keys; ``rejects``: some words are not valid."""
    by = random.Random(seed)
    reactions = ["unlink", "disable", "ignore"]
    if versioned or rekeys:  # what is ignored when it comes last never was when it comes first
        reactions.remove("ignore")
    names = ["a", "b", "c", "d"][: by.choice([2, 3, 3, 4])]
    fields = ["code", *by.sample(sorted(KINDS), 5)]
    ranks = {one: by.sample(names, len(names)) for one in fields}
    for one in fields:
        if (one == "code" or not KINDS[one].many) and by.random() < 0.2:
            ranks[one] = ranks[one][: by.randint(0, 1)]
    sources = []
    for name in names:
        told = [one for one in fields if one == "code" or by.random() < 0.85]
        strengths = {one: by.choice(STRENGTHS) for one in told}
        whole = frozenset(one for one in told if one != "code" and KINDS[one].many and by.random() < 0.2)
        sources.append(Source(name, strengths, whole, by.choice(reactions), by.choice(["ignore", "disable", "unlink"])))
    turns = [name for name in names for _ in range(4 if len(names) == 2 else 3)]
    by.shuffle(turns)
    modes = ("full", "events") if versioned else ("full",)
    order = tuple((name, by.choice(modes)) for name in turns)
    return Case(seed, tuple(sources), ranks, order, versioned, rekeys, rejects)


def drawn_word(by: random.Random, case: Case, mark: str, source: Source) -> Word:
    said = {name: by.choice(KINDS[name].words) for name in source.strengths if name != "code"}
    return {"code": f"{by.choice('xyz')}-{mark}", **said}


def things(case: Case, number: int) -> list[Thing]:
    """So many things, each with a history of its own."""
    by = random.Random(f"{case.seed} things")
    found = []
    for at in range(number):
        thing = Thing(f"T{at:03}")
        words: dict[int, tuple[int, Word]] = {}
        for source in case.sources:
            places = [n for n, (name, _) in enumerate(case.turns) if name == source.name]
            told = _versions if case.versioned else _states
            words |= dict(zip(places, told(by, case, thing.mark, source, len(places)), strict=True))
        thing.words = [words[place] for place in range(len(case.turns))]
        found.append(thing)
    return found


def _versions(by: random.Random, case: Case, mark: str, source: Source, times: int) -> list[tuple[int, Word]]:
    """Every version at least once, in any order; one may be a deletion."""
    count = by.randint(1, times)
    versions = [drawn_word(by, case, mark, source) for _ in range(count)]
    if by.random() < 0.2:
        versions[by.randrange(count)] = GONE
    order = [*range(count), *(by.randrange(count) for _ in range(times - count))]
    by.shuffle(order)
    return [(version + 1, versions[version]) for version in order]


def _states(by: random.Random, case: Case, mark: str, source: Source, times: int) -> list[tuple[int, Word]]:
    """What snapshot after snapshot has: something new, the same again, nothing, or what is out of scope."""
    last: Word = GONE
    version, found = 0, []
    for _ in range(times):
        kind = by.random()
        if kind < 0.25:
            last, version = GONE, version + 1
        elif kind < 0.35 and last:
            last, version = {**last, "skip": "yes"}, version + 1
        elif kind < 0.85 or not last:
            last, version = drawn_word(by, case, mark, source), version + 1
        if case.rekeys and last and by.random() < 0.15:
            last = {**last, "id": f"{by.choice('pq')}-{mark}"}
        invalid = case.rejects and last and by.random() < 0.15
        found.append((version, {**last, "bad": "x"} if invalid else last))
    return found


# ---------------------------------------------------------------- the landscape


def build(world: World, case: Case) -> None:
    """Write the model, and a system and a mapping for each source."""
    fields = [
        f"  {name}: {{type: {KINDS[name].model}, rank: [{', '.join(ranks)}]}}"
        for name, ranks in case.ranks.items()
        if name != "code"
    ]
    marks = ", ".join(one.name for one in case.sources)
    world.model(
        "\n".join(
            [
                "model: thing",
                "key: [code]",
                "fields:",
                f"  mark: {{type: text, required: true, rank: [{marks}]}}",
                f"  code: {{type: text, required: true, rank: [{', '.join(case.ranks['code'])}]}}",
                *fields,
            ]
        )
    )
    for source in case.sources:
        columns = "".join(f", {name}: {KINDS[name].source}" for name in source.strengths if name != "code")
        declared = f"{{id: text, mark: text, code: text, skip: text, bad: text, version: integer{columns}}}"
        world.files(source.name, cursor="version" if case.versioned else "", things=declared)
        lines = [
            f"mapping: {source.name}",
            f"from: {source.name}.things",
            "into: thing",
            "where: skip IS NULL",
            "match:",
            "  - [mark]",
            "fields:",
            "  mark: \"CASE WHEN bad IS NULL THEN mark END\"",
        ]
        for name, strength in source.strengths.items():
            value = "code" if name == "code" else KINDS[name].value
            reach = ", range: all" if name in source.whole else ""
            lines.append(f"  {name}: {{value: {json.dumps(value)}, strength: {strength}{reach}}}")
        lines += ["unmatched: create", f"absent: {source.absent}", f"out_of_scope: {source.scope}", "guard: off"]
        world.mapping("\n".join(lines))


def record(thing: Thing, version: int, said: Word) -> dict[str, Any]:
    return {"id": f"id-{thing.mark}", "mark": thing.mark, "version": version, **said}


def play(world: World, opened: Opened, case: Case, all_things: Sequence[Thing]) -> None:
    """Run turn after turn: a snapshot, or a batch of events."""
    for source in case.sources:
        snapshot(world, opened, source.name, [], f"anchors-{source.name}")
    for turn, (name, mode) in enumerate(case.turns):
        said = [(thing, *thing.words[turn]) for thing in all_things]
        there = [record(thing, version, what) for thing, version, what in said if what]
        gone = {f"id-{thing.mark}": str(version) for thing, version, what in said if not what}
        if mode == "events":
            events(opened, name, there, gone, f"turn-{turn}")
        else:
            if case.versioned:  # a snapshot has everything: here what is deleted is told by events alone
                for thing, _, what in said:
                    told = [w for n, w in enumerate(thing.words[:turn]) if case.turns[n][0] == name and w[1]]
                    if not what and told:
                        there.append(record(thing, *max(told, key=lambda one: one[0])))
            snapshot(world, opened, name, there, f"turn-{turn}")


def snapshot(world: World, opened: Opened, name: str, there: Sequence[Mapping[str, Any]], key: str) -> Any:
    anchors = ({"id": one, "mark": one, "code": one, "version": 1} for one in ANCHORS)
    world.put(f"{name}.things", *anchors, *there)
    return reconciled(run_exchange(opened.hub, name, "full", key))


def events(
    opened: Opened, name: str, there: Sequence[Mapping[str, Any]], gone: Mapping[str, str], key: str
) -> None:
    hub = opened.hub
    mapping = hub.workspace.mapping(name)
    given = Given([json.dumps(one).encode() for one in there], tuple(gone), versions=gone, origin="inbox")
    with journal.leases(hub.database, lease_names(mapping)) as held, open_run(hub.scratch, hub.memory, 1) as run:
        compiled = compile_mapping(mapping, hub.workspace)
        reconciled(run_events(hub, name, key, held, given, (compiled, run), lambda session, run: None))


def settle(world: World, opened: Opened, case: Case, all_things: Sequence[Thing], key: str) -> list[Any]:
    """Every source is read once more, as it is now."""
    results = []
    for source in case.sources:
        last = final(case, source, all_things)
        there = [record(thing, *last[thing.mark]) for thing in all_things if last[thing.mark][1]]
        results.append(snapshot(world, opened, source.name, there, f"{key}-{source.name}"))
    return results


def final(case: Case, source: Source, all_things: Sequence[Thing]) -> dict[str, tuple[int, Word]]:
    """What a source has in the end, by thing: the newest version, or what came last where there are none."""
    turns = [n for n, (name, _) in enumerate(case.turns) if name == source.name]
    found = {}
    for thing in all_things:
        if case.versioned:
            told = [thing.words[n] for n in turns if thing.words[n][1] or case.turns[n][1] == "events"]
            found[thing.mark] = max(told, key=lambda one: one[0], default=(0, GONE))
        else:
            found[thing.mark] = thing.words[turns[-1]]
    return found
