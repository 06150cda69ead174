"""The answers that joins need: code lists from the workspace, pinyin from its dictionary, the rest
(keys in other systems) from whoever runs the mapping."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pyarrow as pa

from hub.mapping.scope import Lookup

Inputs: TypeAlias = "pa.Array[pa.StringScalar]"
Provider = Callable[[Lookup, Inputs], pa.Table]
"""Given a lookup and its distinct inputs (texts, without NULL), a table of ``input`` and ``output``; an
input without an answer is left out."""

ANSWER = pa.schema([("input", pa.string()), ("output", pa.string())])


def answers(lookup: Lookup, inputs: Inputs, provider: Provider | None) -> pa.Table:
    """The answers to the distinct inputs of one lookup."""
    if lookup.kind == "pinyin":
        return _pinyin(inputs, lookup.args[0])
    if provider is None:
        return ANSWER.empty_table()
    return provider(lookup, inputs)


def code_table(lookup: Lookup) -> pa.Table:
    """All answers of a code list."""
    pairs = lookup.pairs or ()
    return pa.table([[pair[0] for pair in pairs], [pair[1] for pair in pairs]], schema=ANSWER)


def _pinyin(inputs: Inputs, style: str) -> pa.Table:
    """Once per distinct text; the dictionary is loaded at first use (it takes a while)."""
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415 (60 ms, needed by few)

    form = {"initials": Style.FIRST_LETTER, "tones": Style.TONE}.get(style, Style.NORMAL)
    texts = [str(text) for text in inputs.to_pylist()]
    latin = []
    for text in texts:
        syllables = [part.strip() for part in lazy_pinyin(text, style=form, v_to_u=style == "tones")]
        latin.append(_joined([part for part in syllables if part], style))
    return pa.table([texts, latin], schema=ANSWER)


def _joined(syllables: list[str], style: str) -> str:
    if style == "initials":
        return "".join(part[:1].upper() for part in syllables)
    if style in ("lower", "tones"):
        return " ".join(syllables)
    capitals = [part[:1].upper() + part[1:] for part in syllables]
    return ("" if style == "joined" else " ").join(capitals)
