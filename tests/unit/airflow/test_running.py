"""A run for a task of Airflow: patient with others; what a person answers about its plan is done in their name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hub.airflow.noting import note
from hub.airflow.running import Asked, Decision, Ended, Opening, Part, Run
from hub.bootstrap import open_hub
from hub.store.audit import entries
from tests.unit.bus.robots import Robots
from tests.unit.cli.desk import Desk, desk

EXCHANGE, MAPPING = "erp-suppliers", "mappings/erp-suppliers.yaml"


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A workspace whose guard holds the first run."""
    monkeypatch.setenv("COPHUB_ACTOR", "airflow")
    work = desk(tmp_path)
    work.edit(MAPPING, "guard: {", "guard: {create: 1, ")
    return work


def asked(work: Desk, **more: str) -> Asked:
    return Asked(EXCHANGE, work.folder, None, "airflow/dag/run", **more)  # type: ignore[arg-type] # texts only


def run(work: Desk, **more: str) -> Ended:
    return Run(asked(work, **more), print, lambda: False)()


def decide(work: Desk, plan: str, *, approved: bool, reason: str = "looked at", who: str = "ann") -> Ended:
    return Decision(asked(work), plan, approved, reason, who, print, lambda: False)()


def test_a_held_plan_is_applied_in_the_name_of_whoever_approved_it(held: Desk) -> None:
    ended = run(held)
    assert (ended.report["state"], ended.again) == ("held", False)
    done = decide(held, ended.report["plan"], approved=True)
    assert (done.failure, done.report["state"], done.report["counts"]["created"]) == ("", "done", 4)
    with open_hub(held.folder, variables={}) as opened, opened.hub.database.begin(reading=True) as connection:
        said = [one.actor for one in entries(connection) if one.action == "plan.approved"]
    assert said == ["ann"]


def test_a_rejected_plan_is_closed_for_good(held: Desk) -> None:
    plan = run(held).report["plan"]
    assert "ann rejected the plan" in decide(held, plan, approved=False).failure
    assert decide(held, plan, approved=True).code == "plan.closed"


def test_whoever_asked_for_the_run_may_not_approve_it_and_nobody_without_a_reason(held: Desk) -> None:
    plan = run(held, on_behalf="ann").report["plan"]
    assert decide(held, plan, approved=True).code == "approval.author"
    assert decide(held, plan, approved=True, who="bob", reason=" ").code == "approval.reason"
    assert decide(held, plan, approved=True, who="bob").failure == ""


def test_the_same_dag_run_again_answers_how_it_ended(tmp_path: Path) -> None:
    work = desk(tmp_path)
    first, second = run(work), run(work)
    assert (first.report["repeated"], second.report["repeated"]) == (False, True)
    assert first.report["run"] == second.report["run"]


def test_everything_is_read_when_its_time_came_round_and_once(tmp_path: Path) -> None:
    work = desk(tmp_path)
    modes = []
    for number in range(2):
        one = Asked(EXCHANGE, work.folder, None, f"k{number}", full="0 2 * * *")
        modes.append(Run(one, print, lambda: False)().report["mode"])
    assert modes == ["full", "incremental"]


def test_a_run_that_is_asked_to_end_stops_and_is_tried_again(tmp_path: Path) -> None:
    ended = Run(asked(desk(tmp_path)), print, lambda: True)()
    assert (ended.code, ended.again) == ("airflow.stopped", True)


def test_reconcile_plans_what_heals_and_notes_what_differs(tmp_path: Path) -> None:
    work = desk(tmp_path)
    assert run(work).report["state"] == "done"
    work.append("data/suppliers.csv", "1006,New,DE,,,1\n")
    told = Run(Asked(EXCHANGE, work.folder, None, "again", mode="reconcile"), print, lambda: False)().report
    assert (told["mode"], told["state"]) == ("reconcile", "planned")
    assert "unseen: 1" in told["notes"]
    assert told["plan"]


def test_what_is_stopped_is_put_off_without_costing_a_try(tmp_path: Path) -> None:
    work = desk(tmp_path)
    assert work.cophub("stop", EXCHANGE, "--reason", "stock-taking").code == 0
    ended = run(work)
    assert (ended.report["state"], ended.code, ended.waits) == ("stopped", "exchange.stopped", 60.0)
    assert work.cophub("resume", EXCHANGE).code == 0
    ended = run(work)
    assert (ended.report["state"], ended.waits) == ("done", None)


def test_a_failed_task_tells_people_though_no_worker_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = desk(tmp_path)
    with Robots() as robots:
        monkeypatch.setenv("COPHUB_SECRET_ALERTS_WECOM", robots.url("wecom"))
        work.append("config/hub.yaml", "\nalerts: {ops: {channel: wecom, url: secret://alerts/wecom}}\n")
        (work.folder / "data" / "suppliers.csv").unlink()
        ended = run(work)
        assert ended.report["state"] == "failed"
        for attempt in (1, 2):
            assert note(work.folder, None, "retry", EXCHANGE, "airflow/dag/run", attempt, ended.failure)
        assert [text for _, text in robots.said if f"{EXCHANGE} failed" in text] == [text for _, text in robots.said]
        assert len(robots.said) == 1


def test_a_run_in_parts_is_opened_read_and_closed_by_tasks_of_their_own(tmp_path: Path) -> None:
    work, twin = desk(tmp_path / "a"), desk(tmp_path / "b")
    work.append(MAPPING, "split: {by: number, at: ['1003']}\n")
    mine = dataclasses.replace(asked(work, mode="full"), parts=2)
    assert Opening(mine, print, lambda: False)().report["parts"] == [0, 1]
    assert "2 parts of the run are not read yet" in Run(mine, print, lambda: False)().failure
    for number in (1, 0):
        assert Part(mine, print, lambda: False, number=number)().failure == ""
    ended, whole = Run(mine, print, lambda: False)(), run(twin, mode="full")
    assert (ended.failure, ended.report["counts"]) == ("", whole.report["counts"])
    assert Opening(mine, print, lambda: False)().report["parts"] == []
