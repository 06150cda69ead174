"""What connectors are tested against is what tests say and what came of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hub.workspace.connectors import shipped
from tests.house import tested


def test_the_summary_holds_the_markers_that_exist() -> None:
    """A new marker: run its tests, then ``make reference``. A marker that is gone: ``make reference``."""
    assert set(tested.summary()) == tested.markers()
    assert all(number > 0 for number in tested.summary().values())


def test_markers_name_what_there_is() -> None:
    known = {*shipped().connectors(), *shipped().profiles()}
    for connector, system, kind, module in tested.markers():
        assert connector in known, f"{module}: {connector} is neither a connector nor a profile"
        assert kind in tested.KINDS, f"{module}: {kind}"
        assert system, module


def test_every_connector_is_tested_against_something() -> None:
    assert set(shipped().connectors()) - {connector for connector, *_ in tested.markers()} == set()


def test_results_are_folded_unless_the_last_of_them_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (claim, *_) = sorted(tested.markers())
    monkeypatch.setattr(tested, "SUMMARY", tmp_path / "summary")

    def ran(**ended: bool) -> tuple[dict[tested.Claim, int], list[str]]:
        results = [[*claim, ended], ["nothing", "that", "real", "exists", {"test_c": True}]]
        number = len(list(tmp_path.glob("*.json")))
        (tmp_path / f"{number}.json").write_text(json.dumps(results))
        os.utime(tmp_path / f"{number}.json", (number, number))
        return tested.fold(tmp_path)

    assert ran(test_a=True, test_b=True) == ({claim: 2}, [])
    assert ran(test_b=False) == ({}, [f"{claim[3]}::test_b"])
    assert ran(test_b=True) == ({claim: 2}, [])
