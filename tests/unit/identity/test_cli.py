"""People on the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.cli.frame import run
from tests.unit.identity.conftest import Registry


@pytest.fixture(autouse=True)
def _at_home(shared: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("COPHUB_STORE", shared.store)


def told(shared: Registry, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    found = run([*words, "--workspace", str(shared.folder), "--json"])
    out = capsys.readouterr()
    assert found == code, out.err
    return json.loads(out.out)


def test_people_are_found_and_their_accounts_explained(shared: Registry, capsys: pytest.CaptureFixture[str]):
    found = told(shared, capsys, "people", "search", "li", "--organization", "plant")["people"]
    assert [one["name"] for one in found] == ["李梅", "李娜"]
    accounts = told(shared, capsys, "people", "accounts", "1")["accounts"]
    assert [(one["system"], one["account"]) for one in accounts] == [("hr", "1"), ("oa", "lina")]
    (why,) = told(shared, capsys, "people", "explain", "1", "oa", "lina")["reasons"]
    assert why["code"] == "account.rule"
    wrong = told(shared, capsys, "people", "explain", "1", "oa", "wang", code=65)
    assert wrong["error"]["code"] == "account.unknown"
    assert told(shared, capsys, "people", "accounts", "99", code=65)["error"]["code"] == "person.unknown"
