"""The reference page of functions: ``python -m hub.mapping.reference > docs/reference/functions.md``."""

from __future__ import annotations

from hub.mapping.functions import FUNCTIONS, LONGEST, Function

_GROUPS = {
    "hub": "The hub's own",
    "text": "Text",
    "pattern": "Patterns (RE2)",
    "condition": "Conditions",
    "number": "Numbers",
    "date": "Dates and times",
    "list": "Lists",
    "structure": "Objects and JSON",
}
_PREFACE = f"""# Functions

What an expression of a mapping may call. Signature, meaning, an example and what it gives; every example
is run by test. Whole numbers that say how long a result becomes are written out, at most {LONGEST:,}.

Besides functions: `+ - * / // % **`, `||`, `= <> < <= > >=`, `AND OR NOT`, `IS NULL`, `IN ('a', 'b')`,
`BETWEEN`, `LIKE`, `ILIKE`, `CASE WHEN … THEN … ELSE … END`, `CAST(x AS TYPE)`, `x::TYPE`, `TRY_CAST`,
`EXTRACT(part FROM x)`, `DATE '2026-01-31'`, `INTERVAL 1 DAY`, `list[1]`, `list[1:3]`, `object.field`,
`[a, b]`, `{{'name': a}}`. A lambda is written `x -> x.Name` (in YAML, `lambda x: x.Name` needs quotes).

Written by `python -m hub.mapping.reference`; a test compares.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [_PREFACE]
    for group, title in _GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [_entry(function) for function in FUNCTIONS.values() if function.group == group]
    return "\n".join(parts).rstrip() + "\n"


def _entry(function: Function) -> str:
    text = function.text.replace("{}", "`{}`")
    return f"### `{function.signature}`\n\n{text}\n\n`{function.example}` gives `{_shown(function.gives)}`\n"


def _shown(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else repr(value)


if __name__ == "__main__":
    print(page(), end="")
