"""What sampled values say of a pair: they are looked at, counted, and never told."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MOST: Final = 200
FEW: Final = 3
"""From so many values on they count."""
_FORMS: Final = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "phone": re.compile(r"\+?[0-9][0-9 ()/.-]{5,20}[0-9]"),
    "url": re.compile(r"https?://\S+"),
    "date": re.compile(r"\d{4}-\d\d-\d\d([T ]\S*)?|\d{4}/\d\d?/\d\d?|\d\d?\.\d\d?\.\d{4}|/Date\(-?\d+([+-]\d+)?\)/"),
    "iban": re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}"),
    "national_id": re.compile(r"\d{17}[\dXx]"),
    "boolean": re.compile(r"(?i)true|false|yes|no|[yn01]|x|是|否"),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one field, as text, empty ones left out; ``rows`` is how many records were looked at."""

    values: tuple[str, ...] = ()
    rows: int = 0

    @property
    def distinct(self) -> frozenset[str]:
        return frozenset(self.values)

    def share(self, form: str) -> float:
        """How many of the values have a form."""
        pattern = _FORMS[form]
        return sum(pattern.fullmatch(one.strip()) is not None for one in self.values) / (len(self.values) or 1)


def sampled(rows: Sequence[Mapping[str, Any]], path: Sequence[str]) -> Sample:
    """The values at a path of records: a name, or ``1`` for the first of a list."""
    found = []
    for row in rows[:MOST]:
        value: Any = row
        for step in path:
            if step == "1" and isinstance(value, list):
                value = value[0] if value else None
            else:
                value = value.get(step) if isinstance(value, Mapping) else None
        if isinstance(value, str | int | float | dt.date) and value not in ("", None):
            found.append(str(value).strip())
    return Sample(tuple(one for one in found if one), min(len(rows), MOST))


@dataclass(frozen=True, slots=True)
class Expected:
    """What a field takes: a format, a pattern, values of a code list (the hub's, and what systems call them), golden
    values; ``key`` says that no two records share one."""

    type: str = "text"
    format: str = ""
    pattern: str = ""
    codes: frozenset[str] = frozenset()
    golden: frozenset[str] = field(default_factory=frozenset)
    key: bool = False
    max_length: int = 0


def judged(sample: Sample, wanted: Expected) -> tuple[float, str]:
    """How much the values speak for the pair (up to 1) or against it (down to -1), and why in words that hold none
    of them."""
    if len(sample.values) < FEW:
        return 0.0, ""
    spoken = [*_formats(sample, wanted), *_lists(sample, wanted), *_unique(sample, wanted)]
    if known := _golden(sample, wanted):
        return known[0]
    against = min((one for one in spoken if one[0] < 0), default=None)
    return against or max(spoken, default=(0.0, ""))


def telling(sample: Sample, wanted: Expected) -> bool:
    """Whether values alone, without a like name, may speak for a pair: few fields of a record have such ones."""
    if len(sample.values) < FEW:
        return False
    mails = wanted.format == "email" and sample.share("email") >= 0.8
    return mails or any(weight >= 0.5 for weight, _ in _golden(sample, wanted))


def _formats(sample: Sample, wanted: Expected) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    for form in ("email", "phone", "url"):
        share = sample.share(form)
        if wanted.format == form:
            found.append((share, f"values look like {form}") if share >= 0.8 else (-0.9, f"values are no {form}"))
    if wanted.format != "email" and sample.share("email") >= 0.8 and wanted.type in ("text", "code"):
        found.append((-0.5, "values look like email") if not wanted.key else (0.0, ""))
    if wanted.type in ("date", "datetime"):
        share = sample.share("date")
        found.append((0.3 * share, "values are dates") if share >= 0.8 else (-0.8, "values are no dates"))
    elif wanted.type in ("text", "code") and sample.share("date") >= 0.9:
        found.append((-0.6, "values are dates"))
    if wanted.type == "boolean":
        share = sample.share("boolean")
        found.append((0.1, "values are yes and no") if share >= 0.9 else (-0.7, "values are not yes and no"))
    if wanted.type in ("decimal", "integer") and not all(_number(one) for one in sample.values):
        found.append((-0.9, "values are no numbers"))
    if wanted.pattern:
        share = _matching(wanted.pattern, sample.values)
        fits = (0.8 * share, "values fit the pattern")
        found.append(fits if share >= 0.8 else (-0.2, "values do not fit the pattern"))
    if wanted.max_length and any(len(one) > wanted.max_length for one in sample.values):
        found.append((-0.3, "values are too long"))
    return found


def _lists(sample: Sample, wanted: Expected) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    if wanted.codes:
        share = _in(sample.values, wanted.codes)
        found.append((0.7 * share, "values stand in the code list") if share >= 0.7 else
                     (-0.4 * (1 - share), "values do not stand in the code list"))  # fmt: skip
    return found


def _golden(sample: Sample, wanted: Expected) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    if wanted.golden and len(sample.distinct) >= FEW:
        share = _in(sorted(sample.distinct), wanted.golden)
        if share >= 0.3:
            found.append((min(1.0, 0.5 + share / 2), f"{share:.0%} of the values are golden values already"))
    return found


def _unique(sample: Sample, wanted: Expected) -> list[tuple[float, str]]:
    if not wanted.key or sample.rows < FEW:
        return []
    if len(sample.values) < sample.rows:
        return [(-0.5, "some records have no value, and it would be the key")]
    if len(sample.distinct) < len(sample.values):
        return [(-0.8, "records share values, and it would be the key")]
    return [(0.3, "no two records share a value")]


def _in(values: Collection[str], among: frozenset[str]) -> float:
    folded = {one.casefold() for one in among}
    return sum(one.casefold() in folded for one in values) / (len(values) or 1)


def _matching(pattern: str, values: Collection[str]) -> float:
    try:
        compiled = re.compile(pattern)
    except re.error:
        return 1.0
    return sum(compiled.fullmatch(one[:200]) is not None for one in values) / (len(values) or 1)


def _number(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,30}([.,]\d{1,20})?", text) is not None
