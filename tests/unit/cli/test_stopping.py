"""``cophub stop``, ``resume`` and ``status``, as an operator uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.desk import Desk, desk

NAME, SYSTEM = "erp-suppliers", "erp_files"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("COPHUB_ACTOR", "ann")
    return desk(tmp_path)


def test_what_is_stopped_says_who_why_and_how_it_goes_on(work: Desk) -> None:
    assert work.cophub("stop", NAME, "--reason", "stock-taking").code == 0
    refused = work.cophub("run", NAME)
    assert refused.code == 75
    assert "stopped by ann" in refused.err
    assert f"cophub resume {NAME}" in refused.err
    told = work.cophub("status", "--json").json
    assert [(one["kind"], one["name"], one["actor"], one["reason"]) for one in told["stopped"]] == [
        ("exchange", NAME, "ann", "stock-taking")
    ]
    assert [one["waits"]["code"] for one in told["exchanges"] if one["exchange"] == NAME] == ["exchange.stopped"]
    assert "stock-taking" in work.cophub("status").out
    assert work.cophub("resume", NAME).code == 0
    assert "was not stopped" in work.cophub("resume", NAME).out
    assert work.cophub("run", NAME).code == 0
    done = [one["state"] for one in work.cophub("status", "--json").json["exchanges"] if one["exchange"] == NAME]
    assert done == ["done"]
    actions = work.cophub("audit", "list", "--action", "switch", "--json").json["entries"]
    assert [(one["action"], one["object"], one["reason"]) for one in reversed(actions)] == [
        ("switch.stopped", f"exchange:{NAME}", "stock-taking"),
        ("switch.resumed", f"exchange:{NAME}", ""),
    ]


def test_a_name_that_is_not_there_and_no_reason_are_refused(work: Desk) -> None:
    assert "did you mean" in work.cophub("stop", "erp-supplier", "--reason", "x").err
    assert work.cophub("stop", "--target", "nobody", "--reason", "x").code == 65
    assert "switch.reason" in work.cophub("stop", NAME, "--reason", " ").err
    assert "switch.names" in work.cophub("stop", "--reason", "x").err
    assert work.cophub("status", "--json").json["stopped"] == []


def test_maintenance_is_shown_and_a_wrong_zone_found(work: Desk) -> None:
    file = f"config/systems/{SYSTEM}.yaml"
    work.append(file, '\nmaintenance:\n  - {at: "00:00", for: 24h}\n')
    assert "is being maintained until" in work.cophub("status").out
    assert work.cophub("run", NAME).code == 75
    work.edit(file, "for: 24h", "for: 24h, zone: Asia/Shangai")
    found = work.cophub("check")
    assert "reference.zone" in found.out + found.err
    assert "Asia/Shanghai" in found.out + found.err
