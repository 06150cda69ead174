"""Classified values in the clear: for a role, with a reason, and recorded first."""

from __future__ import annotations

import re

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


def held(desk: Desk) -> str:
    """One quarantined record, its phone the reason."""
    desk.edit("config/models/supplier.yaml", "phone:      {type: text,", "phone:      {type: text, max_length: 3,")
    assert desk.cophub("run", "--all").code in (0, 1)
    return str(desk.cophub("quarantine", "--json").json["causes"][0]["examples"][0]["id"])


def test_the_values_behind_a_quarantined_record_are_opened(work: Desk, monkeypatch: pytest.MonkeyPatch):
    (work.folder / "config" / "roles.yaml").write_text(ROLES)
    monkeypatch.setenv("COPHUB_ACTOR", "anna")
    entry = held(work)
    masked = work.cophub("quarantine", "show", entry)
    assert "5550" not in masked.out + masked.err
    opened = work.cophub("quarantine", "show", entry, "--unmask", "--reason", "ticket 4711", "--json").json["entry"]
    assert "+" in opened["input"]
    assert "longer than 3" in opened["message"]
    assert told(work, "unmask.shown") == [("anna", f"quarantine:{entry}", "ticket 4711")]


def test_a_quarantined_record_stays_closed_without_a_role(work: Desk, monkeypatch: pytest.MonkeyPatch):
    entry = held(work)
    monkeypatch.setenv("COPHUB_ACTOR", "eve")
    said = work.cophub("quarantine", "show", entry, "--unmask", "--reason", "curious")
    assert (said.code, "5550" in said.out + said.err) == (77, False)
    assert told(work, "unmask.refused") == [("eve", f"quarantine:{entry}", "curious")]
    assert work.cophub("quarantine", "--unmask", "--reason", "all of it").code == 65


def test_a_classified_key_is_a_token_until_it_is_unmasked(work: Desk, monkeypatch: pytest.MonkeyPatch):
    (work.folder / "config" / "roles.yaml").write_text(ROLES)
    monkeypatch.setenv("COPHUB_ACTOR", "anna")
    work.edit("config/models/supplier.yaml", "code:       {type: text,", "code:       {type: text, level: L3,")
    entry = held(work)
    said = work.cophub("quarantine", "--json").json["causes"][0]["examples"][0]
    assert said["key"].startswith("#")
    assert work.cophub("quarantine", "show", entry, "--json").json["entry"]["key"] == said["key"]
    opened = work.cophub("quarantine", "show", entry, "--unmask", "--reason", "ticket 4711", "--json")
    assert re.fullmatch(r"100\d|BJ-?\d+", opened.json["entry"]["key"])


def test_classified_keys_are_tokens_in_files_of_links_until_they_are_unmasked(
    work: Desk, monkeypatch: pytest.MonkeyPatch
):
    (work.folder / "config" / "roles.yaml").write_text(ROLES)
    work.edit("config/models/supplier.yaml", "code:       {type: text,", "code:       {type: text, level: L3,")
    work.cophub("run", "--all")
    exported, report = ("links", "export"), ("links", "report", "erp-suppliers", "--json", "--out")
    token = re.compile(r'"#[0-9a-f]{10}"')
    assert work.cophub("run", "erp-suppliers", "--mode", "link_only", "--initial").code == 0
    why = work.cophub("why", "erp-suppliers", "1001", "--json").json
    for number, text in enumerate((work.cophub(*exported).out, _written(work, *report))):
        assert "1001" not in text, number
        assert token.search(text), number
    assert (why["key"][0], why["situation"]) == ("#", "linked")
    monkeypatch.setenv("COPHUB_ACTOR", "eve")
    assert work.cophub(*exported, "--unmask", "--reason", "curious").code == 77
    monkeypatch.setenv("COPHUB_ACTOR", "anna")
    reason = ("--unmask", "--reason", "ticket 4711")
    assert "1001" in work.cophub(*exported, *reason).out
    assert "1001" in _written(work, *report, *reason)
    assert work.cophub("why", "erp-suppliers", "1001", *reason, "--json").json["key"] == "1001"
    assert [about for _, about, _ in told(work, "unmask.shown")] == [
        "exchange:erp-suppliers",
        "links:erp-suppliers",
        "links:all",
    ]


def _written(work: Desk, *words: str) -> str:
    """What a command says, and what it writes into the file that its option --out names."""
    file = work.folder / "out.csv"
    place = words.index("--out") + 1
    said = work.cophub(*words[:place], str(file), *words[place:])
    assert said.code == 0, said.err
    return said.out + file.read_text("utf-8")
