"""How the demo speaks: headings, one line an exchange, tables; plain text where there is no terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hub.demo.story import Ran, Told, Travel
from hub.exchange.remedy import remedy
from hub.security.masking import mask
from hub.store.reports import Cause, Entity, Entry
from hub.workspace.shape import MappingFile, ModelFile
from hub.workspace.workspace import Workspace

STAGES = {
    "extract": "reading",
    "map": "mapping",
    "resolve": "matching",
    "merge": "merging",
    "apply": "applying",
    "deliver": "delivering",
}
COUNTS = ("created", "updated", "unchanged", "out_of_scope", "waiting", "in_review", "quarantined")
WORDS = {"out_of_scope": "out of scope", "in_review": "in review"}
STYLES = {
    "created": "green",
    "updated": "green",
    "waiting": "yellow",
    "in_review": "yellow",
    "quarantined": "red",
}
STATES = {"quarantined": "red", "in_review": "yellow", "waiting": "yellow"}
WIDTH = 118


class Shown:
    """The voice of one demo."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = max(self.console.width, WIDTH)

    def heading(self, number: int, text: str, after: str = "") -> None:
        self.console.print()
        self.console.print(
            Text.assemble((f"{number}  {text}", "bold cyan"), (f"   {after}" if after else "", "dim"))
        )

    def line(self, *parts: str | tuple[str, str]) -> None:
        self.console.print(Text.assemble("   ", *parts), soft_wrap=True)

    # ------------------------------------------------------------ runs

    def ended(self, ran: Ran) -> None:
        """``s4-suppliers   128 read   115 created · 3 quarantined``: one line once it is done."""
        line = Text(f"   {ran.result.exchange:<23}{ran.counts.get('read', 0):>5} read   ")
        said = [(name, ran.counts[name]) for name in COUNTS if ran.counts.get(name)]
        for number, (name, count) in enumerate(said):
            line.append(" · " if number else "", style="dim")
            line.append(f"{count} {WORDS.get(name, name)}", style=STYLES.get(name, ""))
        self.console.print(line, soft_wrap=True)

    @contextmanager
    def progress(self) -> Iterator[Told]:
        """A moving line on a terminal; nothing where there is none."""
        if not self.console.is_terminal:
            yield lambda exchange, stage, counts: None
            return
        with self.console.status("") as status:
            yield lambda exchange, stage, counts: status.update(
                f"{exchange}: {STAGES.get(stage, stage)} {counts.get('read', counts.get('sent', '')) or ''}"
            )

    # ------------------------------------------------------------ what was not applied

    def causes(self, found: Sequence[Cause]) -> None:
        """Reasons, grouped: one example each with its record, input, place and advice."""
        for cause in found:
            example = cause.examples[0]
            state = cause.state.replace("_", " ")
            self.line(
                (f"{state:<12}", STATES.get(cause.state, "")), (f"{cause.code:<16} ", "bold"),
                f"{cause.exchange}{'.' + cause.field if cause.field else ''}",
                (f"  {cause.count} records" if cause.count > 1 else "", "dim"),
            )  # fmt: skip
            self._example(example)
            if advice := remedy(cause.code):
                self.line((f"{'':<13}→ {advice}", "dim"))

    def _example(self, entry: Entry) -> None:
        given = _short(entry.input)
        self.line(
            f"{'':<13}record {entry.key} at {_place(entry.position)}: {entry.message}",
            (f"  {given}" if given else "", "dim"),
        )

    # ------------------------------------------------------------ golden records

    def entity(
        self, entity: Entity, model: ModelFile, names: Sequence[str], origin: Mapping[str, str]
    ) -> None:
        """Field, value and where it comes from."""
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
        for name in ("field", "value", "from"):
            table.add_column(name)
        for name in names:
            field = model.fields[name]
            value = _value(mask(entity.values[name], field.level, field))
            table.add_row(_title(field.title) or name, value, origin.get(name, ""))
        self._indented(table)

    def travel(self, travel: Travel, fields: Mapping[str, Sequence[str]]) -> None:
        """Old → new in the golden record and in both targets."""
        for what, before, after in (
            ("golden record", travel.before.values, travel.after.values), ("CRM account", *travel.crm),
            ("ERP row", *travel.erp),
        ):  # fmt: skip
            for name in fields[what]:
                self.line(
                    f"{what:<14}{name:<12}",
                    (_value(before[name]), "red"),
                    " → ",
                    (_value(after[name]), "green"),
                )

    def _indented(self, table: Table) -> None:
        with self.console.capture() as captured:
            self.console.print(table)
        for line in captured.get().splitlines():
            self.console.print(Text("   ") + Text.from_ansi(line), soft_wrap=True)


def landscape(workspace: Workspace) -> str:
    """``9 systems, 6 models, 16 exchanges``."""
    return (
        f"{len(workspace.systems)} systems, {len(workspace.models)} models, "
        f"{len(workspace.codes)} code lists, {len(workspace.mappings)} exchanges"
    )


def totals(runs: Sequence[Ran]) -> dict[str, int]:
    """All counts of some runs together."""
    total: dict[str, int] = {}
    for ran in runs:
        for name, count in ran.counts.items():
            total[name] = total.get(name, 0) + count
    return total


def origins(entity: Entity, mappings: Mapping[str, MappingFile]) -> dict[str, str]:
    """Field → the system and mapping that supplied it."""
    return {
        name: f"{mappings[mapping].from_.partition('.')[0]} ({mapping})" if mapping in mappings else mapping
        for name, mapping in entity.origins.items()
    }


def _title(title: str | Mapping[str, str]) -> str:
    return title if isinstance(title, str) else title.get("en", "")


def _value(value: Any) -> str:
    return "" if value is None else str(value)


def _place(position: str) -> str:
    """The end of a long address says enough."""
    return position.rpartition("/")[2] if position.startswith("/sap/") else position


def _short(text: str | None, most: int = 60) -> str:
    """The offending input, as far as it fits."""
    if text is None:
        return ""
    plain = json.dumps(json.loads(text), ensure_ascii=False) if text[:1] in "{[" else text
    return plain if len(plain) <= most else plain[:most] + "…"
