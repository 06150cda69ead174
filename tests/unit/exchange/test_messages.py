"""What a target says is kept without the classified values of its row, and stays readable."""

from __future__ import annotations

import types
from typing import Any

import pytest

from hub.exchange.delivering.outcomes import _without_secrets


@pytest.mark.parametrize(
    ("value", "message", "kept"),
    [
        ("a", "a phone is taken: a", "*** phone is taken: ***"),
        ("M", "Madame M is known", "Madame *** is known"),
        ("12", "row 12 of 1200: the grade 12.", "row *** of 1200: the grade ***."),
        ("+49 711 5550", "+49 711 5550 and 497115550 and 49-711.5550x", "*** and *** and ***x"),
        ("7654321.00", "7,654,321 is too much, so is 7654321", "*** is too much, so is ***"),
        ("Müller", "MÜLLER's", "***'s"),
        ({"iban": ["DE02 1234"], "n": None}, "no DE02 1234 here", "no *** here"),
        ("", "nothing", "nothing"),
        (True, "it is True", "it is True"),
    ],
)
def test_values_are_hidden_and_words_stay(value: Any, message: str, kept: str):
    row: Any = types.SimpleNamespace(body={"phone": value, "name": "known"})
    assert _without_secrets(row, message, frozenset({"phone"})) == kept


def test_a_part_of_a_longer_value_leaks_nothing_of_it():
    row: Any = types.SimpleNamespace(body={"phone": "5550123", "grade": "55"})
    told = _without_secrets(row, "5550123 and 55 and 550", frozenset({"phone", "grade"}))
    assert told == "*** and *** and 550"
