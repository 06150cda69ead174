"""To-dos of as many receivers as there may be: whoever reports them holds the row that all who report wait for."""

from __future__ import annotations

import time

import pytest

from hub.todos.converge import State, join, seen, seen_by
from hub.todos.inbox import RECEIVERS
from hub.todos.reports import Assignee, Key, Report, Status, Version

KEY = Key("oa", "", "A-1")


@pytest.mark.parametrize(("kind", "status"), [("code", Status.COMPLETED), ("group", Status.RESERVED)])
def test_what_all_see_takes_a_time_that_grows_as_their_number_does(kind: str, status: Status) -> None:
    state = State()
    many = [Assignee(f"{kind}:{number}") for number in range(RECEIVERS)]
    join(state, Report(KEY, Version(1, 0, True, "a"), {"title": {"": "Leave"}}, assignees=many))
    join(state, Report(KEY, Version(2, 0, True, "b"), status=status))
    began = time.process_time()
    found = seen_by(state)
    assert time.process_time() - began < 10, "each with each took a quarter of an hour"
    assert (len(found), found[f"{kind}:7"]) == (RECEIVERS, seen(state, f"{kind}:7"))
