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

from hub.todos.converge import Ignored, State, dumped, join, loaded, seen
from hub.todos.registers import INFERRED, KEPT
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


def concluded(report: Report, *, revives: bool = False) -> Report:
    """The same, as what the hub concludes from a row that left, or is back."""
    told = report.version._replace(seq=report.version.seq + 1, dated=revives, digest=INFERRED)
    return replace(report, version=told)


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
WHO = st.sampled_from(["source", "source", "source", "hub", "hub, again"])
PROCESSORS = st.sampled_from(["", "account:li", "mail:zhao@example.com"])


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Some have no time; several have the same one."""
    status = draw(STATUSES)
    report = said(
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
    match draw(WHO):
        case "hub":
            return concluded(report)
        case "hub, again":
            return concluded(replace(report, status=None), revives=True)
    return report


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


@st.composite
def after_the_end(draw: st.DrawFn) -> Report:
    """What comes later than minute 5: claims, assignments and lists, and leavings that the hub concludes."""
    report = said(
        draw(st.integers(6, 9)),
        *(one for one in draw(SEVERAL) if one.there or one.receiver != "account:li"),
        status=draw(st.sampled_from([None, Status.READY, Status.RESERVED, Status.SUSPENDED, Status.CANCELLED])),
        whole=draw(WHOLE),
    )
    if report.status is Status.RESERVED:
        report = replace(report, processor=draw(PROCESSORS))
    if draw(st.booleans()):
        gone = said(draw(st.integers(0, 9)), li(there=False), status=draw(st.sampled_from([None, *FINAL])))
        return concluded(gone)
    return report


HOW = st.sampled_from([
    [said(2, status=Status.RESERVED, processor="account:li"), said(5, status=Status.COMPLETED)],  # he had claimed it
    [said(2, li(), status=Status.RESERVED, processor="account:li"), said(5, status=Status.COMPLETED)],
    [said(2, wang(there=False)), said(5, status=Status.COMPLETED)],  # nobody else had it
    [said(2, li(), whole=True), said(5, status=Status.COMPLETED)],
    [said(5, li(done=True), status=Status.COMPLETED)],  # it is said that he did it
])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(HOW, st.lists(after_the_end(), max_size=4), st.randoms(use_true_random=False))
def test_it_stays_in_the_box_of_who_did_it(did: list[Report], later: list[Report], drawn: random.Random):
    events = [said(1, li(), wang(), title="Leave"), *did, *later]
    state, _ = joined(*drawn.sample(events, k=len(events)))
    assert (state.status, boxes(state)["li"]) == (Status.COMPLETED, "done")


@settings(max_examples=150, deadline=None)
@given(st.lists(reports(), max_size=5), st.sampled_from([None, 0, 2, 9]), st.integers(0, 5))
def test_what_was_withdrawn_is_seen_by_nobody_whatever_else_is_said(events: list[Report], when: int | None, place: int):
    withdrawn = said(when, status=Status.WITHDRAWN, arrived=2)
    state, _ = joined(*events[:place], withdrawn, *events[place:])
    assert state.status is Status.WITHDRAWN
    assert set(boxes(state).values()) <= {""}


@settings(max_examples=100, deadline=None)
@given(st.lists(reports(), max_size=6))
def test_a_state_comes_back_from_the_store_as_it_was(events: list[Report]):
    state = joined(*events)[0]
    own, rows = orjson.loads(orjson.dumps(dumped(state)))
    assert text(loaded(own, state.content.value, rows)) == text(state)


def before(register: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    """A receiver's part in the shape it had when what was concluded lay beside what was said."""
    names = ("gone", "returned", "done", "reopened", "read", "unread")
    return {"about": register} | dict.fromkeys(names) | {"urges": 0} | more


@pytest.mark.parametrize(
    ("final", "gone", "box", "status"),
    [
        ([3, 0, True, "c", {"status": "completed", "outcome": "agree"}], None, "done", Status.COMPLETED),
        ([3, 0, False, INFERRED, {"status": "completed", "outcome": ""}], None, "done", Status.COMPLETED),
        (None, [2, 1, False, INFERRED, None], "", Status.READY),
        (None, [2, 0, True, "b", None], "", Status.READY),
        (None, None, "to_do", Status.READY),
    ],
)
def test_a_state_that_was_kept_in_the_earlier_shape_counts_on(
    final: list[Any] | None, gone: list[Any] | None, box: str, status: Status
):
    own = {"content": [1, 0, True, "a", None], "final": final, "listed": None,
           "going": [1, 0, True, "a", {"status": "ready", "outcome": ""}]}  # fmt: skip
    rows = {"account:li": before([1, 0, True, "a", {"kind": "to_do", "since": None}], gone=gone)}
    state = loaded(own, {"title": "Leave"}, rows)
    assert state.status is status
    assert seen(state, "account:li").box == box
    again = loaded(*dumped(state)[:1], {"title": "Leave"}, dumped(state)[1])
    assert again == state
    late = said(5, status=Status.WITHDRAWN)
    join(again, late)
    assert again.status is Status.WITHDRAWN


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


def test_of_several_final_statuses_one_counts_whenever_they_were_said():
    ends = [said(2, status=Status.WITHDRAWN), said(3, status=Status.COMPLETED), said(4, status=Status.CANCELLED)]
    for order in itertools.permutations([said(1, li(done=True), title="Leave"), *ends]):
        assert joined(*order)[0].status is Status.WITHDRAWN
    for order in itertools.permutations([said(1, li(), title="Leave"), *ends[1:]]):
        state, _ = joined(*order)
        assert (state.status, boxes(state)) == (Status.COMPLETED, {"li": "done"})


def test_a_final_status_that_counts_not_is_told_so():
    state, _ = joined(said(1, li(), title="Leave"), said(2, status=Status.WITHDRAWN))
    assert [one.code for one in join(state, said(3, status=Status.COMPLETED))] == ["todo.finished"]


@pytest.mark.parametrize("ends", [Status.WITHDRAWN, Status.COMPLETED])
def test_what_was_concluded_undoes_nothing_that_was_said(ends: Status):
    told = [said(1, li(), title="Leave"), said(3, status=ends)]
    other = Status.COMPLETED if ends is Status.WITHDRAWN else Status.WITHDRAWN
    wanted = (ends, boxes(joined(*told)[0]))
    for minute in (0, 1, 9):
        for left in (said(minute, li(there=False)), said(minute, status=other)):
            for order in itertools.permutations([*told, concluded(left)]):
                state, _ = joined(*order)
                assert (state.status, boxes(state)) == wanted


def test_what_was_taken_off_by_its_source_comes_not_back_by_a_conclusion_that_was_wrong():
    told = [
        said(1, li(), title="Leave"), said(2, status=Status.RESERVED, processor="account:li"),
        said(None, li(there=False), arrived=5), concluded(said(6, li(there=False))),
        concluded(concluded(said(6, li())), revives=True),
    ]  # fmt: skip
    for order in itertools.permutations(told):
        assert boxes(joined(*order)[0]) == {"li": ""}


def test_what_is_done_stays_with_him_when_his_row_leaves():
    state, _ = joined(said(1, li(), title="Leave"), said(2, li(done=True, outcome="agree")))
    join(state, concluded(said(2, li(there=False))))
    assert (boxes(state), seen(state, "account:li").outcome) == ({"li": "done"}, "agree")


def test_who_had_it_last_did_it_also_where_only_rows_that_left_say_so():
    told = [said(1, li(), title="Leave"), concluded(said(1, li(there=False))), said(2, wang())]
    told += [said(5, status=Status.COMPLETED), concluded(said(2, wang(there=False)))]
    for order in itertools.permutations(told):
        assert boxes(joined(*order)[0]) == {"li": "", "wang": "done"}


def test_what_was_concluded_to_be_completed_stays_with_who_had_it_then():
    left = concluded(said(1, status=Status.COMPLETED))
    left = replace(left, concluded=said(5).version.at)
    told = [said(1, li(), wang(), title="Leave"), said(2, status=Status.RESERVED, processor="account:li"), left]
    told += [said(7, status=Status.RESERVED, processor="account:wang"), said(8, wang(), whole=True)]
    for order in itertools.permutations(told):
        assert boxes(joined(*order)[0]) == {"li": "done", "wang": ""}


def test_a_course_keeps_its_beginning_and_its_end_in_every_order():
    claims = [said(minute, status=Status.RESERVED, processor=f"account:{minute}") for minute in range(40)]
    for order in (claims, claims[::-1], random.Random(1).sample(claims, k=40)):
        state, _ = joined(*order)
        assert text(state) == text(joined(*claims)[0])
        assert len(state.going.earliest) == KEPT
    join(state, said(5, status=Status.COMPLETED, title="Leave"))
    assert boxes(state)["5"] == "done"


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
