"""Classified values in the clear: for a role, with a reason, and recorded first."""

from __future__ import annotations

import pytest

from tests.unit.cli.desk import Desk

ROLES = "roles: {support: {sees: L3}}\nactors: {anna: [support]}\n"
ASKED = ("entities", "supplier", "--key", "1001", "--json")


@pytest.fixture
def anna(work: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    (work.folder / "config" / "roles.yaml").write_text(ROLES)
    monkeypatch.setenv("COPHUB_ACTOR", "anna")
    work.cophub("run", "--all")
    return work


def phone(desk: Desk, *more: str) -> str:
    return str(desk.cophub(*ASKED, *more).json["entities"][0]["values"]["phone"])


def told(desk: Desk, action: str) -> list[tuple[str, str, str]]:
    entries = desk.cophub("audit", "list", "--action", action, "--json").json["entries"]
    return [(one["actor"], one["object"], one["reason"]) for one in entries]


def test_a_role_and_a_reason_show_the_value_and_are_recorded(anna: Desk):
    assert phone(anna) == "+49***23"
    assert phone(anna, "--unmask", "--reason", "ticket 4711") == "+49 711 5550123"
    assert told(anna, "unmask") == [("anna", "model:supplier", "ticket 4711")]


def test_without_a_reason_nothing_is_shown(anna: Desk):
    said = anna.cophub(*ASKED, "--unmask")
    assert said.code == 65
    assert said.json["error"]["code"] == "unmask.reason"
    assert "5550123" not in said.out + said.err


def test_without_a_role_nothing_is_shown_and_that_is_recorded(anna: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COPHUB_ACTOR", "eve")
    said = anna.cophub(*ASKED, "--unmask", "--reason", "curious")
    assert said.code == 77
    assert "5550123" not in said.out + said.err
    assert told(anna, "unmask.refused") == [("eve", "model:supplier", "curious")]


def test_the_chain_holds_and_a_tampered_one_ends_with_findings(anna: Desk):
    assert anna.cophub("audit", "checkpoint", "--json").json["checkpoint"]["seq"] >= 1
    assert anna.cophub("audit", "verify", "--json").json["whole"] is True
    key = anna.cophub("audit", "key").out.strip()
    chain = anna.folder / "chain.jsonl"
    anna.cophub("audit", "export", str(chain))
    assert anna.cophub("audit", "verify", "--export", str(chain), "--key", key).code == 0
    chain.write_text(chain.read_text().replace('"actor":"anna"', '"actor":"eve"', 1))
    said = anna.cophub("audit", "verify", "--export", str(chain), "--key", key, "--json")
    assert (said.code, said.json["breaks"][0]["kind"]) == (1, "edited")
