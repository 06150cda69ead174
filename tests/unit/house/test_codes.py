"""Every error code of the code is documented, and nothing is documented that is gone."""

from __future__ import annotations

import re

import pytest

from hub.redact import redact
from tests.house import codes
from tests.house.meanings import MEANINGS


def documented() -> set[str]:
    if not codes.PAGE.exists():
        pytest.skip(f"{codes.PAGE.relative_to(codes.ROOT)} is not written yet: python -m tests.house.codes")
    return set(re.findall(r"^\| `([A-Za-z0-9_.]+)` \|", codes.PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_code_is_documented() -> None:
    assert set(codes.collect()) - documented() == set(), "make reference"


def test_no_documented_code_is_gone() -> None:
    assert documented() - set(codes.collect()) == set(), "make reference"


def test_codes_are_found_in_every_place_they_stand() -> None:
    found = codes.collect()
    assert found["xml.malformed"].messages  # raised
    assert "json.truncated" in found  # kept in a variable first
    assert "plan.changed" in found  # within SQL
    assert all(re.fullmatch(r"[a-z0-9_.]+[A-Z]*", code) for code in found)


def test_no_message_and_no_hint_is_taken_for_a_secret() -> None:
    """What is told is redacted: ``password: of the system`` would arrive as ``password: *** the system``."""
    said = {text for use in codes.collect().values() for text in (*use.messages, *use.hints)}
    assert {text: masked for text in said if (masked := redact(text)) != text and "***" in masked} == {}


def test_every_code_has_a_meaning_and_a_remedy() -> None:
    said = {code: codes.said_of(code, use) for code, use in codes.collect().items()}
    assert [code for code, both in said.items() if not all(both)] == [], "tests/house/meanings.py"


def test_no_meaning_is_kept_of_a_code_that_is_gone() -> None:
    assert set(MEANINGS) - set(codes.collect()) == set(), "tests/house/meanings.py"
