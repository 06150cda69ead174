"""A merge of two entities as people see it before it is made."""

from __future__ import annotations

import json
import uuid
from typing import Any

from rich.text import Text

from hub.cli.say import Say, plain, plural, short
from hub.exchange.ground import Hub
from hub.exchange.uniting.merger import MergePlan
from hub.security.masking import level_in, mask
from hub.store.reports import key_texts

FATES = {
    "carried": "goes on as the survivor's",
    "deleted": "is deleted by its exchange's next run",
    "disabled": "is disabled by its exchange's next run",
    "stays": "stays: its exchange removes nothing (absent)",
}


def show_merge(say: Say, hub: Hub, plan: MergePlan) -> None:
    """Field by field, then what moves."""
    table = say.table("field", f"survivor {short(plan.survivor.id)}", f"other {short(plan.loser.id)}", "result", "from")
    for one in plan.fields:
        if one.survivor is None and one.loser is None:
            continue
        style = "yellow" if one.taken == "loser" else ""
        values = (one.survivor, one.loser, one.result)
        mine, other, result = (_text(hub, plan.model, one.field, value) for value in values)
        say.row(table, Text(one.field, style="cyan"), mine, other, Text(say.clean(result), style=style), one.origin)
    say.show(table)
    for link in plan.moved:
        say.line(say.text("  record", "dim"), say.text(link.key, "bold"), f"of {link.exchange} moves")
    for link in plan.twins:
        say.line(
            say.text("  record", "dim"),
            say.text(link.key, "bold"),
            f"of {link.exchange} stays behind the survivor's own record there",
        )
    for place, count in plan.references.items():
        if count:
            say.line(f"  {plural(count, 'reference')} of {place} {'moves' if count == 1 else 'move'}")
    for target in plan.targets:
        style = "yellow" if target.fate == "stays" else ""
        say.line(f"  {target.output} {target.key} {FATES[target.fate]}", style=style)


def merge_json(hub: Hub, plan: MergePlan) -> dict[str, Any]:
    """The same for programs; values as people may see them."""
    return {
        "model": plan.model,
        "survivor": plan.survivor.id,
        "loser": plan.loser.id,
        "fields": [
            {
                "field": one.field,
                **{
                    name: _shown(hub, plan.model, one.field, getattr(one, name))
                    for name in ("survivor", "loser", "result")
                },
                "origin": one.origin,
                "taken": one.taken,
            }
            for one in plan.fields
        ],
        "moved": [{"exchange": one.exchange, "key": one.key} for one in plan.moved],
        "twins": [{"exchange": one.exchange, "key": one.key} for one in plan.twins],
        "references": plan.references,
        "targets": plan.targets,
    }


def _shown(hub: Hub, model: str, name: str, value: Any) -> Any:
    field = hub.workspace.models[model].fields[name]
    if isinstance(value, uuid.UUID) and field.model:
        value = key_texts(hub.database, field.model, [value]).get(value, str(value))
    if (field.many or field.type == "json") and isinstance(value, str):
        value = json.loads(value)
    return mask(value, level_in(hub.workspace.models, field), field)


def _text(hub: Hub, model: str, name: str, value: Any) -> str:
    shown = _shown(hub, model, name, value)
    return "" if shown is None else str(plain(shown))
