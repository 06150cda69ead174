"""The one place that shows values of records to people: on the command line, as JSON, in plans, reviews,
quarantine and reports (P10).

Levels L1 and L2 are shown. L3 is shown by the field's ``mask``, else by what its class allows, else not at
all. L4 is shown by the field's ``mask`` alone. Of L5 not even is shown whether there is a value. Whoever may
see more has a ``Sight`` (see ``hub.security.clearance``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.workspace.shape import Mask, ModelField, ModelFile

HIDDEN = "***"
CLASSIFIED = ("L3", "L4", "L5")
HIDDEN_AT_LEAST = 4

_DISTRICT = re.compile(
    r"(?:[^\s市区县]{1,8}(?:省|自治区|特别行政区))?(?:[^\s区县]{1,8}?(?:市|州|盟))?[^\s市区县]{1,8}(?:区|县|旗|市)"
)


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see in the clear: values up to this level."""

    clear: str = "L2"

    def sees(self, level: str | None) -> bool:
        return (level or "L1") <= self.clear


NOBODY = Sight()


def is_classified(level: str | None) -> bool:
    """Whether values of this level are shown only to people with clearance."""
    return level in CLASSIFIED


def level_in(models: Mapping[str, ModelFile], field: ModelField) -> str:
    """The level of what is shown of a field: a reference is shown by the key of what it refers to."""
    named = models.get(field.model) if field.type == "ref" and field.model else None
    keys = [named.fields[name].level or "" for name in named.key if name in named.fields] if named else []
    return max([field.level or "", *keys])


def mask(value: Any, level: str | None, field: ModelField | None = None, sight: Sight = NOBODY) -> Any:
    """The value as somebody may see it; None and what is not classified as it is.

    >>> mask("+49 711 5550123", "L3", ModelField(level="L3", mask=Mask(keep=(3, 2))))
    '+49***23'
    """
    if value is None or not is_classified(level) or sight.sees(level):
        return value
    if level == "L5":
        return None
    if isinstance(value, list | tuple):
        return [mask(item, level, field, sight) for item in value]
    if not isinstance(value, str):
        return HIDDEN
    class_ = (field.class_ if field else None) or ""
    declared = field.mask if field is not None else None
    if declared is not None:
        if not isinstance(declared, Mask) or declared.full or declared.keep is None:
            return HIDDEN
        return _ends(value, *declared.keep, known=class_.startswith("pi."))
    return _by_class(value, class_) if level == "L3" else HIDDEN


def _by_class(value: str, class_: str) -> str:
    """What a class of data allows to be shown.

    >>> [_by_class("11010519491231002X", "pi.identity"), _by_class("13812345678", "pi.contact")]
    ['110***002X', '138***5678']
    >>> [_by_class("anna@example.com", "pi.contact"), _by_class("王伟", "pi.name")]
    ['a***@example.com', '王***']
    """
    match class_:
        case "pi.identity":  # of an old number of 15 digits the last four would show a digit of the birthday
            return _ends(value, 3, 4 if len(value) >= 18 else 3, known=True)
        case "pi.contact" | "pi.phone" | "pi.email" if "@" in value:
            name, _, domain = value.rpartition("@")
            return f"{name[:1]}{HIDDEN}@{domain}"
        case "pi.contact" | "pi.phone":
            return _ends(value, 3, 4, known=True)
        case "pi.finance" | "pi.bank":
            return _ends(value, 0, 4, known=True)
        case "pi.name":
            return value[:1] + HIDDEN
        case "pi.address":
            district = _DISTRICT.match(value)
            return district.group() + HIDDEN if district else HIDDEN
    return HIDDEN


def _ends(value: str, first: int, last: int, *, known: bool) -> str:
    """Both ends; nothing where less would be hidden than is shown, or of a known class less than four."""
    hidden = len(value) - first - last
    if hidden < HIDDEN_AT_LEAST or (not known and hidden <= first + last):
        return HIDDEN
    return value[:first] + HIDDEN + (value[-last:] if last else "")
