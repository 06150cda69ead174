"""How a to-do that was read from its source differs from what the hub keeps of it, part by part.

What the source says is joined with what is kept as though it were the newest: where that changes what anybody sees,
the hub differs. So what a report cannot change (a final status, what somebody did) is no difference that heals.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from hub.store.todos import Stored, is_member
from hub.todos.converge import State, is_done, join, loaded, seen_by
from hub.todos.registers import HEALED, NEVER
from hub.todos.reports import FINAL, Assignee, Kind, Report, Status, Version


def state_of(found: Stored) -> State:
    """The registers of a stored to-do."""
    rows = {name: row["registers"] for name, row in found.receivers.items() if not is_member(name)}
    return loaded(found.row["registers"], found.row["content"], rows)


def off(state: State, stays: Collection[str]) -> list[Assignee]:
    """Take it off all others who have it to do; who began it, reads it or did his part keeps it."""
    return [
        Assignee(name, there=False)
        for name, row in sorted(state.rows.items())
        if name not in stays and row.kind() == Kind.TO_DO and not is_done(row)
    ]


def difference(found: Stored | None, said: Report, *, whole: bool) -> str:
    """The kind of difference, "" where there is none. ``whole``: who is not named has it no more."""
    open_ = said.status not in FINAL and any(
        one.there and one.kind is Kind.TO_DO and not one.done for one in said.assignees
    )
    if found is None or found.row["status"] == Status.INCOMPLETE:
        return "missing" if open_ and said.content is not None else ""
    state = state_of(found)
    if state.final is not None:
        return "finished" if open_ else ""
    before, had = _seen(state), _owners(state)
    join(state, mending(state, said, whole=whole))
    after, has = _seen(state), _owners(state)
    if before == after:
        return ""
    if had != has:
        return "wrong_owner" if has else "ghost"
    return "stale"


def mending(state: State | None, said: Report, *, whole: bool) -> Report:
    """What the source says, as of just after all that is known. What somebody did he has not to do again, unless
    only the hub concluded that he did; nor is anything unread that somebody read."""
    if state is None or (last := state.newest) == NEVER:
        return said
    assignees = [dataclasses.replace(one, read=one.read or None, done=_done(state, one)) for one in said.assignees]
    if whole:
        assignees += off(state, {one.receiver for one in assignees})
    base = max(last, said.version) if said.version.dated else last
    version = Version(base.at, base.seq, True, HEALED)  # before what is inferred when its row leaves (0040)
    if version <= last:
        version = version._replace(seq=base.seq + 1)
    return dataclasses.replace(said, version=version, assignees=assignees, whole=False)


def _done(state: State, one: Assignee) -> bool | None:
    row = state.rows.get(one.receiver)
    if one.done is False and row is not None and row.did():
        return None
    return one.done


def _seen(state: State) -> Mapping[str, Any]:
    boxes = {name: one.box for name, one in seen_by(state).items() if one.box}
    return {"status": state.status, "content": state.content.value, "boxes": boxes}


def _owners(state: State) -> set[str]:
    return {name for name, one in seen_by(state).items() if one.box == "to_do"}
