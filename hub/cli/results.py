"""How runs ended, as one table: what was read and what became of every record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from hub.cli.say import Say, seconds
from hub.errors import HubError
from hub.exchange.manifest import READ_PARTS
from hub.exchange.pipeline import Result

ALWAYS = ("read", "applied", "unchanged", "quarantined")
WORDS = {"out_of_scope": "out of scope", "in_review": "in review", "future_dated": "future"}
DETAILS = ("created", "updated", "linked", "merged", "disabled", "deleted", "absent")
STYLES = {
    "quarantined": "red",
    "refused": "red",
    "waiting": "yellow",
    "in_review": "yellow",
    "held": "yellow",
    "applied": "green",
}
STATES = {
    "done": "green",
    "planned": "cyan",
    "running": "blue",
    "held": "yellow",
    "stopped": "yellow",
    "failed": "red",
    "lost": "red",
}

Ended = tuple[str, Result | None, HubError | None, float]


def show_results(say: Say, ended: Sequence[Ended]) -> None:
    """The table, notes, and the line that totals reconcile."""
    results = [result for _, result, _, _ in ended if result is not None]
    parts = [
        name
        for name in ("read", *READ_PARTS)
        if name in ALWAYS or any(one.counts.get(name) for one in results)
    ]
    table = say.table("exchange", "state", *(f"#{WORDS.get(name, name)}" for name in parts), "of it", "#time")
    for exchange, result, error, took in ended:
        state = result.state if result else error.state if error else "failed"
        counts = result.counts if result else {}
        cells = [number(counts.get(name, 0), STYLES.get(name, "")) if result else Text("") for name in parts]
        say.row(
            table, exchange, Text(state, style=STATES.get(state, "")), *cells, detail(counts), seconds(took)
        )
    say.show(table)
    for exchange, result, _, _ in ended:
        for note in result.notes if result else ():
            say.line(say.text(f"{exchange}:", "bold"), note)
        if result is not None and result.repeated:
            say.line(
                say.text(f"{exchange}:", "bold"),
                f"the run {result.run_key} had ended before: this is its answer",
            )
    total: dict[str, int] = {}
    for one in results:
        for name, count in one.counts.items():
            total[name] = total.get(name, 0) + count
    if results:
        say.line(reconciled(total), style="dim")


def number(count: int, style: str = "") -> Text:
    """A count; zero is quiet."""
    return Text(f"{count:,}" if count else "·", style=style if count else "dim")


def detail(counts: Mapping[str, int]) -> str:
    """``3 created, 1 updated``."""
    return ", ".join(f"{counts[name]:,} {name}" for name in DETAILS if counts.get(name))


def fates(counts: Mapping[str, int]) -> str:
    """``4 applied, 1 out of scope``: what became of the records read."""
    return ", ".join(f"{counts[name]:,} {WORDS.get(name, name)}" for name in READ_PARTS if counts.get(name))


def reconciled(counts: Mapping[str, int]) -> str:
    """The sum that says where every record went, or that one is missing."""
    parts = {name: counts[name] for name in READ_PARTS if counts.get(name)}
    text = " + ".join(f"{count:,} {WORDS.get(name, name)}" for name, count in parts.items()) or "0"
    read, total = counts.get("read", 0), sum(parts.values())
    if read == total:
        return f"totals reconcile: {read:,} read = {text}"
    return f"totals do NOT reconcile: {read:,} read, but {text} (a defect of the hub)"
