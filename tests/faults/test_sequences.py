"""Faults in random sequences: the source changes, runs are broken, killed and planned, and when all is quiet one
clean run brings source, hub and target to agree (P1 to P9).

``COPHUB_FAULT_SEED`` repeats a sequence of examples, ``COPHUB_FAULT_EXAMPLES`` says how many are drawn. A failure
prints the sequence, the seed, and a blob that repeats it alone; ``COPHUB_FAULT_SHRINK=1`` looks for a shorter one.
"""

from __future__ import annotations

import itertools
import os
import random
import tempfile
import time
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.faults.forker import Forker
from tests.faults.matrix import row
from tests.faults.sequence import SECRETS, World, build

pytestmark = pytest.mark.long

SEED = int(os.environ.get("COPHUB_FAULT_SEED") or random.SystemRandom().randrange(1 << 32))
EXAMPLES = int(os.environ.get("COPHUB_FAULT_EXAMPLES") or 160)
SHRINK = bool(os.environ.get("COPHUB_FAULT_SHRINK"))
SOAK = 400
CODES = st.sampled_from([f"A{number}" for number in range(8)])
NAMES = st.sampled_from(["Ann", "Bob", "Cem", "陈伟", "Dó"])
SCORES = st.sampled_from([None, "1", "2", "bad"])
MODES = st.sampled_from(["incremental", "full"])
# What strikes the source while it is read, and the target while it is written.
READING = [
    "cut", "html", "nothing", "refused", "unauthorized", "repeat", "skip", "expire", "empty", "swallowed",
    "count=2", "twice", "reorder", "unavailable",
]  # fmt: skip
WRITING = ["lost", "refused", "broken", "unavailable", "unauthorized", "throttle=0", "cut", "html"]
INWARD = [
    "after_fetch", "after_page", "after_extract", "after_map", "after_resolve", "before_apply", "before_commit",
    "after_commit",
]  # fmt: skip
OUTWARD = [
    "before_intent", "after_intent", "before_target_call", "after_target_ack", "after_outcomes", "before_commit",
]  # fmt: skip


class Machine(RuleBasedStateMachine):
    """Draws what happens; ``World`` knows what must hold."""

    template: ClassVar[Path]
    place: ClassVar[Path]
    forker: ClassVar[Forker]
    numbers: ClassVar = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.template, self.place / f"w{next(self.numbers)}", self.forker)

    def teardown(self) -> None:
        try:
            self.world.settle()
        finally:
            self.world.close()

    @initialize(names=st.lists(NAMES, min_size=2, max_size=6))
    def begins(self, names: list[str]) -> None:
        for number, name in enumerate(names):
            self.world.put(f"A{number}", name, "1")

    @rule(code=CODES, name=NAMES, score=SCORES)
    def changes(self, code: str, name: str, score: str | None) -> None:
        self.world.put(code, name, score)

    @rule(code=CODES)
    def leaves(self, code: str) -> None:
        if code in self.world.codes() and len(self.world.codes()) > 1:
            self.world.take(code)

    @rule(mode=MODES, fault=st.sampled_from(READING), skip=st.integers(0, 2), times=st.integers(1, 3))
    def reads_badly(self, mode: str, fault: str, skip: int, times: int) -> None:
        self.world.one.faults.set(f"{fault},path=accounts,skip={skip},times={times}")
        self.world.run("inward", mode)
        self.world.one.faults.clear()

    @rule(mode=MODES, fault=st.sampled_from(WRITING), skip=st.integers(0, 3), times=st.integers(1, 2))
    def writes_badly(self, mode: str, fault: str, skip: int, times: int) -> None:
        self.world.two.faults.set(f"{fault},path=accounts,skip={skip},times={times}")
        self.world.run("outward", mode)
        self.world.two.faults.clear()

    @rule(mode=MODES, way=st.sampled_from(["inward", "outward"]))
    def runs(self, mode: str, way: str) -> None:
        self.world.run(way, mode)

    @rule(mode=MODES, point=st.sampled_from(INWARD), time=st.integers(1, 2))
    def stops_inward(self, mode: str, point: str, time: int) -> None:
        self.world.run("inward", mode, point=f"{point}:{time}")

    @rule(mode=MODES, point=st.sampled_from(OUTWARD), time=st.integers(1, 2))
    def stops_outward(self, mode: str, point: str, time: int) -> None:
        self.world.run("outward", mode, point=f"{point}:{time}")

    @rule(way=st.sampled_from(["inward", "outward"]), code=CODES, name=NAMES)
    def plans_and_applies(self, way: str, code: str, name: str) -> None:
        self.world.plan_and_apply(way, lambda: self.world.put(code, name, "2"))

    @rule(code=CODES, name=NAMES)
    def touches_the_target(self, code: str, name: str) -> None:
        self.world.touch(code, name)

    @invariant()
    def holds(self) -> None:
        self.world.check()


class Killing(Machine):
    """The same, and processes are killed on their way."""

    @rule(mode=MODES, point=st.sampled_from(INWARD), time=st.integers(1, 2))
    def is_killed_inward(self, mode: str, point: str, time: int) -> None:
        self.world.killed("inward", mode, f"{point}:{time}")

    @rule(mode=MODES, point=st.sampled_from(OUTWARD), time=st.integers(1, 2))
    def is_killed_outward(self, mode: str, point: str, time: int) -> None:
        self.world.killed("outward", mode, f"{point}:{time}")


@pytest.fixture(scope="module", autouse=True)
def prepared(tmp_path_factory: pytest.TempPathFactory, forker: Forker) -> None:
    Machine.forker = forker
    Machine.template = tmp_path_factory.mktemp("sequence") / "template"
    Machine.place = Path(tempfile.mkdtemp(dir=tmp_path_factory.mktemp("sequences")))
    build(Machine.template)
    ran = forker.run(["migrate", "--workspace", str(Machine.template), "--json", "--quiet"], SECRETS)
    assert ran.status == 0, ran.err


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting is as long as it is elsewhere, but for its seconds."""
    slept = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: slept(min(seconds, 0.002)))


def proved(machine: type[Machine], examples: int, steps: int) -> None:
    print(f"COPHUB_FAULT_SEED={SEED}")
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        print_blob=True,
        report_multiple_bugs=False,
        phases=(Phase.explicit, Phase.generate, *((Phase.shrink,) if SHRINK else ())),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(SEED)(machine), settings=chosen)


@row(50, "random sequences of changes, faults, stops, plans")
@pytest.mark.timeout(1200)
def test_random_sequences_of_faults_end_in_agreement():
    proved(Machine, EXAMPLES, 8)


@row(50, "random sequences with SIGKILL")
@pytest.mark.timeout(600)
def test_random_sequences_with_kills_end_in_agreement():
    proved(Killing, max(5, EXAMPLES // 4), 8)


@row(50, "hundreds of long sequences")
@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("machine", [Machine, Killing])
def test_many_long_sequences_end_in_agreement(machine: type[Machine]):
    proved(machine, SOAK, 20)
