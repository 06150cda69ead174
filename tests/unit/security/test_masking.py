"""Classified values are shown by their field's mask, or not at all."""

from __future__ import annotations

import pytest

from hub.security.masking import mask
from hub.workspace.shape import Mask, ModelField

PHONE = ModelField(level="L3", mask=Mask(keep=(3, 2)))


@pytest.mark.parametrize("level", [None, "", "L1", "L2"])
def test_a_value_of_a_low_level_is_shown(level: str | None) -> None:
    assert mask("13800000000", level, PHONE) == "13800000000"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("13800000042", "138***42"), ("1234567890", "***"), (13800000042, "***"), ("", "***"), (None, None)],
)
def test_a_mask_keeps_the_ends_of_a_text_that_is_long_enough(value: object, shown: object) -> None:
    assert mask(value, "L3", PHONE) == shown


@pytest.mark.parametrize("field", [None, ModelField(level="L4"), ModelField(level="L4", mask="full")])
def test_without_a_mask_nothing_is_shown(field: ModelField | None) -> None:
    assert mask("a long enough value", "L4", field) == "***"
