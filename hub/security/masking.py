"""Masking of classified values of records for everyone without clearance (P10).

A value of level 3 and above is shown by its field's ``mask`` (how many characters stay at both ends),
or not at all where the field declares none.
"""

from __future__ import annotations

from typing import Any

from hub.workspace.shape import Mask, ModelField

HIDDEN = "***"
CLASSIFIED = ("L3", "L4", "L5")


def is_classified(level: str | None) -> bool:
    """Whether values of this level are shown only to people with clearance."""
    return level in CLASSIFIED


def mask(value: Any, level: str | None, field: ModelField | None = None) -> Any:
    """The value as anybody may see it; None and values below level 3 as they are.

    >>> mask("+49 711 5550123", "L3", ModelField(level="L3", mask=Mask(keep=(3, 2))))
    '+49***23'
    """
    if value is None or not is_classified(level):
        return value
    how = field.mask if field is not None else None
    if not isinstance(how, Mask) or how.full or how.keep is None or not isinstance(value, str):
        return HIDDEN
    first, last = how.keep
    if len(value) <= 2 * (first + last):  # what stays must be less than what goes
        return HIDDEN
    return value[:first] + HIDDEN + (value[-last:] if last else "")
