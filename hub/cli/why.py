"""``why``: which entity a record belongs to, told rule by rule."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer
from rich.text import Text

from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, plain, plural, short
from hub.cli.unmasking import Reason, Unmask, sight
from hub.exchange.keytokens import Keys
from hub.exchange.matching.why import Candidate, RuleTold, Why, explain_record
from hub.exchange.shown import models_shown

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False)


@app.command("why", cls=Command)
def why(
    ctx: typer.Context,
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="An inbound mapping")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="The record's key in its system")],
    output: Annotated[int, typer.Option("--output", min=1, metavar="N", help="Which of several outputs")] = 1,
    unmask: Unmask = False,
    reason: Reason = "",
) -> None:
    """Tell which entity a record belongs to, and why, rule by rule.

    Shows the candidates of each rule with their likeness, score and outcome.

    cophub why crm-suppliers A-1001
    """
    say = Say(ctx)
    with opened_hub(say) as opened:
        hub = opened.hub
        models = models_shown(hub.workspace, exchange)
        eyes = sight(hub, unmask=unmask, reason=reason, models=models, object=f"exchange:{exchange}")
        found = explain_record(hub, exchange, key, output - 1)
        found = dataclasses.replace(found, key=Keys(hub, eyes).shown(exchange, found.key))
    for rule in found.rules:
        _rule(say, rule)
    _outcome(say, found)
    say.answer(plain(dataclasses.asdict(found)))


def _rule(say: Say, rule: RuleTold) -> None:
    limits = [f"links from {rule.at_least:g}"] if rule.at_least is not None else []
    limits += [f"review from {rule.review:g}"] if rule.review is not None else []
    told = ", ".join([*limits, plural(rule.compared, "candidate")])
    say.line(say.text(rule.rule, "bold"), say.text(told, "dim"))
    if not rule.candidates:
        return
    fields = list(rule.candidates[0].why)
    table = say.table("entity", "#score", *(f"#{name}" for name in fields))
    for one in rule.candidates:
        cells = (_likeness(one, name) for name in fields)
        say.row(table, Text(short(one.entity), style="cyan"), f"{one.score:.3f}", *cells)
    if "bits" not in rule.candidates[0].why[fields[0]]:
        weights = (f"× {rule.candidates[0].why[name].get('weight', 1):g}" for name in fields)
        say.row(table, Text("weight", style="dim"), "", *weights)
    say.show(table)


def _likeness(one: Candidate, name: str) -> str:
    told = one.why.get(name, {})
    if told.get("likeness") is None:
        return "missing"
    bits = f" {told['bits']:+g} bits" if "bits" in told else ""
    return f"{told['likeness']:.3f}{bits}"


def _outcome(say: Say, found: Why) -> None:
    to = f"entity {short(found.entity)}" if found.entity else "no entity yet"
    says = f"the mapping says {found.reaction}" if found.reaction else ""
    say.line(say.text(f"{found.key} is {found.situation}", "bold"), say.text(to), say.text(says, "dim"))
    if found.code or found.message:
        say.line(say.text(" ".join(filter(None, (found.code, found.message))), "yellow"))
    if found.evidence:
        say.line(
            f"linked by {found.evidence['rule']}, confidence {found.evidence['confidence']:.3f}", style="dim"
        )
