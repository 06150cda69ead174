"""The draft of a mapping, as a file: every line with its score and reason, and what else it could be.

No value of any record stands in it, be it classified or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hub.errors import Finding
from hub.mapping.suggest.pairs import Proposal, Side
from hub.mapping.suggest.sides import DATES
from hub.workspace.draft import flow

BOOLEANS: Final = "lower({0}::VARCHAR) IN ('1', 'true', 'yes', 'y', 'x', '是')"
TIMES: Final = "parse_date({0}, '%Y-%m-%d', '%Y/%m/%d', '%d.%m.%Y')"
WIDE: Final = 78


@dataclass(frozen=True, slots=True)
class Line:
    """One field of the draft: an expression, or none. ``trouble`` is why the expression cannot stand."""

    field: str
    expression: str
    proposal: Proposal
    trouble: str = ""

    @property
    def written(self) -> bool:
        return bool(self.expression) and not self.trouble


@dataclass(frozen=True, slots=True)
class Sketch:
    """A draft before it is written: ``source`` and ``into`` as the file names them, ``key`` of model or target."""

    mapping: str
    source: str
    into: str
    key: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def inbound(self) -> bool:
        return "." not in self.into

    def without(self, findings: Iterable[Finding]) -> Sketch:
        """The same, without the fields that an error is about: the file's lines are those of ``text``."""
        rows = self.text().split("\n")
        wrong = {}
        for one in findings:
            row = rows[one.line - 1] if 0 < one.line <= len(rows) else ""
            wrong[row.strip().partition(":")[0].strip('"')] = one.message
        return replace(self, lines=tuple(
            replace(line, trouble=wrong[line.field]) if line.field in wrong else line for line in self.lines
        ))  # fmt: skip

    def text(self) -> str:
        """The file."""
        fields = [line for line in self.lines if line.written]
        wide = min(WIDE, max((len(_entry(line)) for line in fields), default=0))
        named = {line.field for line in fields}
        made = [
            f"# proposed by cophub map suggest {self.source} {self.into}: behind each line its score and the reason",
            f"mapping: {flow(self.mapping)}",
            "draft: true    # nothing runs it; once every line is judged, take this one out",
            f"from: {flow(self.source)}",
            f"into: {flow(self.into)}",
            *self._keys(named),
            "fields:",
            *(f"{_entry(line):<{wide}}    # {_why(line.proposal)}" for line in fields),
            *(f"  # {line.field}: {_absent(line)}" for line in self.lines if not line.written),
            *(["unmatched: review    # nothing is made until you write create"] if self.inbound else []),
            "schedule: manual",
        ]
        return "\n".join([*made, ""])

    def _keys(self, named: set[str]) -> list[str]:
        listed = ", ".join(flow(one) for one in self.key)
        if not self.key or not named.issuperset(self.key):
            lacking = ", ".join(one for one in self.key if one not in named) or "a key"
            word = "match" if self.inbound else "key"
            return [f"# {word}: nothing is proposed for {lacking}, by which records would be found"]
        return ["match:", f"  - [{listed}]"] if self.inbound else [f"key: [{listed}]"]


def sketch(
    mapping: str, source: str, into: str, key: Sequence[str], made: Sequence[Proposal],
    lists: Mapping[str, str], refers: Mapping[str, str],
) -> Sketch:  # fmt: skip
    """A draft of proposals. ``lists`` and ``refers`` are the model's fields with their code list and the model that
    they refer to."""
    inbound = "." not in into
    system = (source if inbound else into).partition(".")[0]
    lines = []
    for one in made:
        expression = ""
        if one.source is not None and inbound:
            expression = _inbound(one.target, one.source, lists, refers)
        elif one.source is not None:
            refer = one.source.text in refers
            expression = f"key_in('{system}', {one.source.text})" if refer else one.source.text
        lines.append(Line(_plain(one.target) if not inbound else one.target.text, expression, one))
    return Sketch(mapping, source, into, tuple(key), tuple(lines))


def _inbound(target: Side, source: Side, lists: Mapping[str, str], refers: Mapping[str, str]) -> str:
    text = f"{source.text}[1]" if source.many and not target.many else source.text
    kind = "text" if source.type == "time" else source.type
    if target.text in lists:
        return f"code('{lists[target.text]}', {_as_text(text, kind)})"
    if target.text in refers:
        return f"ref('{refers[target.text]}', {text})"
    if target.type == "boolean" and kind != "boolean":
        return BOOLEANS.format(text)
    if target.type in DATES and kind == "text":
        return TIMES.format(text)
    if target.type == "date" and kind == "datetime":
        return f"{text}::DATE"
    if target.type == "text":
        return _as_text(text, kind)
    if target.type in ("decimal", "integer") and kind == "text":
        return f"{text}::{'DECIMAL(18, 4)' if target.type == 'decimal' else 'BIGINT'}"
    return text


def _as_text(text: str, kind: str) -> str:
    return text if kind in ("text", "code", "ref") else f"{text}::VARCHAR"


def _plain(side: Side) -> str:
    """The name of a target's field: dotted, and without the quotes of expressions."""
    return side.text.replace('"', "")


def _entry(line: Line) -> str:
    return f"  {flow(line.field)}: {flow(line.expression)}"


def _why(one: Proposal) -> str:
    others = f"; or {', '.join(f'{_plain(side)} {score:.2f}' for side, score in one.others)}" if one.others else ""
    return f"{one.score:.2f} {one.reason}{others}"


def _absent(line: Line) -> str:
    if line.trouble:
        return f"{line.expression} ({line.proposal.score:.2f}) cannot stand: {' '.join(line.trouble.split())[:160]}"
    others = ", ".join(f"{_plain(side)} {score:.2f}" for side, score in line.proposal.others)
    asked = "required, and nothing" if line.proposal.target.required else "nothing"
    return f"{asked} is proposed" + (f"; perhaps {others}" if others else "")


def told(made: Sketch) -> list[dict[str, Any]]:
    """The lines as data."""
    return [
        {
            "field": line.field, "expression": line.expression or None, "score": line.proposal.score,
            "reason": line.proposal.reason, "trouble": line.trouble,
            "alternatives": [{"field": _plain(side), "score": score} for side, score in line.proposal.others],
        }
        for line in made.lines
    ]  # fmt: skip
