"""Every order of the same reports, with repetitions, ends in the same state; and the state is the one meant."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.todos.converge import INFERRED, Ignored, State, dumped, join, loaded, seen
from hub.todos.reports import FINAL, Assignee, Key, Kind, Report, Status, version

KEY = Key("oa", "", "A-1")
START = dt.datetime(2026, 11, 2, 8, tzinfo=dt.UTC)


def said(
    minute: int | None = None,
    *assignees: Assignee,
    arrived: int = 0,
    seq: int = 0,
    title: str | None = None,
    status: Status | None = None,
    outcome: str = "",
    whole: bool = False,
    processor: str = "",
) -> Report:
    """A report of a minute; None is one that tells no time, and came in the minute ``arrived``."""
    content = None if title is None else {"title": title}
    at = None if minute is None else START + dt.timedelta(minutes=minute)
    digest_of = [content, status, outcome, whole, processor, [repr(one) for one in assignees]]
    return Report(
        KEY,
        version(at, seq, digest_of, START + dt.timedelta(minutes=arrived)),
        content,
        status,
        outcome,
        assignees,
        whole,
        processor,
    )


def li(**more: Any) -> Assignee:
    return Assignee("account:li", **more)


def wang(**more: Any) -> Assignee:
    return Assignee("account:wang", **more)


def joined(*reports: Report) -> tuple[State, list[Ignored]]:
    state, ignored = State(), []
    for report in reports:
        ignored = join(state, report)
    return state, ignored


def boxes(state: State) -> dict[str, str]:
    return {receiver.partition(":")[2]: seen(state, receiver).box for receiver in state.rows}


def text(state: State) -> bytes:
    """All that is stored of it, and all that is seen."""
    own, rows = dumped(state)
    visible = [str(state.status), state.outcome, {name: repr(seen(state, name)) for name in state.rows}]
    return orjson.dumps([own, state.content.value, rows, visible], option=orjson.OPT_SORT_KEYS)


ASSIGNEES = st.builds(
    Assignee,
    receiver=st.sampled_from(["account:li", "account:wang", "group:all"]),
    kind=st.sampled_from(Kind),
    done=st.sampled_from([None, True, False]),
    outcome=st.sampled_from(["", "agree"]),
    read=st.sampled_from([None, True, False]),
    since=st.sampled_from([None, START]),
    urges=st.integers(0, 3),
    there=st.booleans(),
)


# Made once: to make a strategy takes longer than to draw from it.
STATUSES = st.none() | st.sampled_from(Status)
TIMES = st.none() | st.integers(0, 4)
SEVERAL = st.lists(ASSIGNEES, max_size=2)
ARRIVALS, SEQUENCES = st.integers(0, 6), st.integers(0, 1)
TITLES = st.sampled_from([None, "a", "b"])
OUTCOMES = st.sampled_from(["", "agree", "disagree"])
WHOLE = st.booleans()
PROCESSORS = st.sampled_from(["", "account:li", "mail:zhao@example.com"])


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Some have no time; several have the same one."""
    status = draw(STATUSES)
    return said(
        draw(TIMES),
        *draw(SEVERAL),
        arrived=draw(ARRIVALS),
        seq=draw(SEQUENCES),
        title=draw(TITLES),
        status=status,
        outcome=draw(OUTCOMES),
        whole=draw(WHOLE),
        processor=draw(PROCESSORS) if status is Status.RESERVED else "",
    )


@settings(max_examples=500, deadline=None)
@given(st.lists(reports(), max_size=7), st.randoms(use_true_random=False))
def test_every_order_and_repetition_ends_alike(events: list[Report], drawn: random.Random):
    wanted = text(joined(*events)[0])
    orders = [list(order) for order in itertools.permutations(events)] if len(events) <= 3 else []
    for _ in range(6 if events else 0):
        more = events + drawn.choices(events, k=3)
        orders.append(drawn.sample(more, k=len(more)))
    for order in orders:
        state, finished = State(), False
        for event in order:
            join(state, event)
            assert not finished or state.status in FINAL, "what is finished came back"
            finished = state.status in FINAL
        assert text(state) == wanted


@settings(max_examples=100, deadline=None)
@given(st.lists(reports(), max_size=6))
def test_a_state_comes_back_from_the_store_as_it_was(events: list[Report]):
    state = joined(*events)[0]
    own, rows = orjson.loads(orjson.dumps(dumped(state)))
    assert text(loaded(own, state.content.value, rows)) == text(state)


def test_a_to_do_is_seen_once_its_content_is_there():
    state, _ = joined(said(1, li()))
    assert (state.status, boxes(state)) == (Status.INCOMPLETE, {"li": ""})
    join(state, said(2, title="Leave"))
    assert (state.status, boxes(state)) == (Status.READY, {"li": "to_do"})


def test_what_is_finished_stays_finished_and_says_so():
    done = said(2, li(done=True, outcome="agree"), status=Status.COMPLETED, outcome="agree")
    state, _ = joined(said(1, li(), title="Leave"), done)
    late = join(state, said(3, li(done=False), status=Status.READY))
    assert {one.code for one in late} == {"todo.finished"}
    assert state.status == Status.COMPLETED


@pytest.mark.parametrize(
    ("again", "box", "code"),
    [
        (said(1, li(done=False), title="Leave"), "done", "todo.done"),  # the first one, late
        (said(None, li(done=False), arrived=9), "done", "todo.done"),  # without a time of its source
        (said(3, li(done=False)), "to_do", ""),  # the process came back to him
    ],
)
def test_who_has_done_it_gets_it_back_only_by_a_newer_report(again: Report, box: str, code: str):
    state, _ = joined(said(0, li(), title="Leave"), said(2, li(done=True)))
    assert boxes(state) == {"li": "done"}
    codes = {one.code for one in join(state, again)}
    assert boxes(state) == {"li": box}
    assert code in codes if code else not codes


def test_a_newer_whole_list_takes_it_from_who_is_missing():
    state, _ = joined(said(1, li(), wang(), title="Leave", whole=True), said(2, wang(), whole=True))
    assert boxes(state) == {"li": "", "wang": "to_do"}
    join(state, said(1, li(), wang(), title="Leave", whole=True))
    assert boxes(state) == {"li": "", "wang": "to_do"}


def test_a_part_of_the_list_takes_it_from_nobody():
    state, _ = joined(said(1, li(), title="Leave"), said(2, wang()))
    assert boxes(state) == {"li": "to_do", "wang": "to_do"}


def test_what_was_taken_off_comes_back_by_a_newer_report_only():
    state, _ = joined(said(1, li(), title="Leave"), said(2, li(there=False)))
    assert boxes(state) == {"li": ""}
    assert [one.code for one in join(state, said(None, li(), arrived=5))] == ["todo.taken_off"]
    assert boxes(state) == {"li": ""}
    join(state, said(3, li()))
    assert boxes(state) == {"li": "to_do"}


def test_what_a_colleague_finished_leaves_the_others_list():
    state, _ = joined(
        said(1, li(), wang(), Assignee("account:boss", Kind.INITIATED), title="Leave"),
        said(2, li(done=True), status=Status.COMPLETED),
    )
    assert boxes(state) == {"li": "done", "wang": "", "boss": "initiated"}


def test_who_alone_had_it_has_done_it():
    state, _ = joined(said(1, li(), title="Leave"), said(2, status=Status.COMPLETED, outcome="agree"))
    assert (boxes(state), seen(state, "account:li").outcome) == ({"li": "done"}, "agree")


def test_what_is_withdrawn_is_seen_by_nobody():
    state, _ = joined(said(1, li(), wang(done=True), title="Leave"), said(2, status=Status.WITHDRAWN))
    assert boxes(state) == {"li": "", "wang": ""}


def test_reading_stays_and_urges_only_grow():
    state, _ = joined(said(2, li(read=True, urges=2), title="Leave"), said(1, li(read=False, urges=1)))
    assert (seen(state, "account:li").read, seen(state, "account:li").urges) == (True, 2)
    join(state, said(3, li(read=False)))
    assert not seen(state, "account:li").read


def test_an_older_content_is_told_to_be_stale():
    state, _ = joined(said(2, title="new"))
    assert [(one.part, one.code) for one in join(state, said(1, title="old"))] == [("content", "todo.stale")]
    assert join(state, said(2, title="new")) == []
    assert state.content.value == {"title": "new"}


@pytest.mark.parametrize(("named", "digest", "box"), [
    ((), INFERRED, "to_do"),  # of a candidate, who is none any more since he has it
    ((), "~", ""),  # a source says that he has it no more
    ((li(),), INFERRED, ""),  # the row that said so left
])  # fmt: skip
def test_that_a_row_left_takes_a_claim_away_only_where_the_claim_came_with_it(
    named: tuple[Assignee, ...], digest: str, box: str
):
    state, _ = joined(
        said(1, li(), wang(), title="Leave"), said(2, *named, status=Status.RESERVED, processor="account:li")
    )
    assert boxes(state) == {"li": "to_do", "wang": ""}
    left = said(3, li(there=False))
    join(state, replace(left, version=left.version._replace(digest=digest)))
    assert boxes(state)["li"] == box
    join(state, said(4, status=Status.READY))
    assert boxes(state) == {"li": "", "wang": "to_do"}
