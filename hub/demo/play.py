"""The demo from its first line to its last."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from hub.bootstrap import Opened, open_hub
from hub.demo import shown, story
from hub.demo.scene import ENVIRONMENT, SECRETS, Scene, prepare, stage
from hub.demo.shown import Shown
from hub.demo.story import Ran, Travel
from hub.store.reports import Cause

MERGED = ("code", "name", "tax_number", "city", "phone", "payment_terms", "buyer", "account_owner")
TRAVELLED = {
    "golden record": ("name", "name_latin"),
    "CRM account": ("name_local", "name"),
    "ERP row": ("name", "name_latin"),
}


@dataclass(frozen=True, slots=True)
class Played:
    """What came of the demo: both rounds, what was not applied, the change that travelled. ``folder`` is
    gone unless it was to be kept."""

    folder: Path
    first: tuple[Ran, ...]
    second: tuple[Ran, ...]
    causes: tuple[Cause, ...]
    travel: Travel
    crm_writes: int
    erp_writes: int
    seconds: float

    def told(self) -> dict[str, Any]:
        """The outcome as data, for ``--json``."""
        return {
            "first": {ran.result.exchange: dict(ran.counts) for ran in self.first},
            "second": {ran.result.exchange: dict(ran.counts) for ran in self.second},
            "reasons": [
                {
                    "exchange": one.exchange,
                    "state": one.state,
                    "code": one.code,
                    "field": one.field,
                    "count": one.count,
                }
                for one in self.causes
            ],
            "travel": {"crm": list(self.travel.crm_log), "erp": list(self.travel.erp_log)},
            "seconds": round(self.seconds, 1),
        }


def play(keep: Path | None = None, console: Console | None = None) -> Played:
    """Run the whole demo. ``keep`` names a folder that does not exist yet, or is empty, and stays.
    Raises the errors of ``hub.errors``."""
    say, start = Shown(console), time.monotonic()
    with stage(keep) as scene:
        tables = prepare(scene)
        with open_hub(scene.folder, ENVIRONMENT, variables=scene.variables) as opened:
            _introduce(say, scene, opened, tables)
            first = _first(say, opened)
            found = tuple(story.not_applied(opened))
            say.heading(3, "What was not applied, and why", "nothing is lost: each waits with its reason")
            say.causes(found)
            _merged(say, opened)
            crm, erp = _writes(scene)
            second = _second(say, opened)
            after_crm, after_erp = _writes(scene)
            travel = _travel(say, scene, opened)
        played = Played(
            scene.folder,
            first,
            second,
            found,
            travel,
            after_crm - crm,
            after_erp - erp,
            time.monotonic() - start,
        )
    _end(say, played, keep)
    return played


def _introduce(say: Shown, scene: Scene, opened: Opened, tables: int) -> None:
    say.heading(1, "The landscape of Lanhai Medical 岚海医疗", shown.landscape(opened.hub.workspace))
    for name, simulator in (("SAP S/4HANA", scene.s4), ("HR cloud", scene.hr), ("CRM cloud", scene.crm)):
        say.line(f"{name:<14}", (simulator.url, "green"), ("  simulated", "dim"))
    say.line(f"{'ERP database':<14}", (str(scene.erp.path), "green"))
    say.line(f"{'File drop':<14}", (str(scene.folder / "data"), "green"))
    say.line(f"{'The hub':<14}", f"{tables} tables in SQLite, {len(SECRETS)} secrets sealed with AES-GCM")


def _first(say: Shown, opened: Opened) -> tuple[Ran, ...]:
    say.heading(2, "First load", "every record read has exactly one fate")
    with say.progress() as told:
        return tuple(story.round_of(opened, 1, story.EXCHANGES, told, say.ended))


def _merged(say: Shown, opened: Opened) -> None:
    entity = story.supplier(opened)
    workspace = opened.hub.workspace
    say.heading(
        4,
        f"One supplier, {len({name for name, _ in entity.links})} links: who says what",
        "the more trusted source wins, field by field",
    )
    say.entity(entity, workspace.model("supplier"), MERGED, shown.origins(entity, workspace.mappings))


def _second(say: Shown, opened: Opened) -> tuple[Ran, ...]:
    say.heading(5, "Everything again", "nothing changed, so nothing is written")
    with say.progress() as told:
        runs = tuple(story.round_of(opened, 2, story.EXCHANGES, told, lambda ran: None))
    total = shown.totals(runs)
    held = sum(total.get(name, 0) for name in ("quarantined", "in_review", "waiting"))
    say.line(
        f"{len(runs)} exchanges read {total.get('read', 0)} records: ",
        (f"{total.get('applied', 0)} applied", "bold"),
        f", {total.get('unchanged', 0)} unchanged, {total.get('out_of_scope', 0)} out of scope, "
        f"{held} held back as before",
    )
    return runs


def _travel(say: Shown, scene: Scene, opened: Opened) -> Travel:
    say.heading(6, f"Somebody renames supplier {story.SUPPLIER} in SAP", "one source change on its way")
    with say.progress() as told:
        travel = story.travel(scene, opened, told, say.ended)
    say.line()
    say.travel(travel, TRAVELLED)
    say.line()
    say.line(
        "the systems' own logs: ",
        ("; ".join("CRM " + one for one in travel.crm_log), "bold"),
        " and ",
        ("; ".join("ERP " + one for one in travel.erp_log), "bold"),
    )
    return travel


def _end(say: Shown, played: Played, keep: Path | None) -> None:
    total = shown.totals(played.first)
    say.heading(7, "Done", f"{played.seconds:.0f} s")
    say.line(
        f"{total['read']} records read, {total.get('applied', 0)} applied, "
        f"{sum(cause.count for cause in played.causes)} reasons to look at; the second run wrote nothing"
    )
    if keep is not None:
        say.line(("the simulated systems have stopped; what they held is in the hub", "dim"))
    say.line("go on with:")
    if keep is None:
        say.line(("  cophub demo --keep landscape", "bold"), "      the same, in a folder that stays")
    else:
        say.line((f"  cophub -w {keep} --env {ENVIRONMENT} quarantine", "bold"), "   what was not applied")
    place = "landscape" if keep is None else str(keep)
    say.line((f"  cophub -w {place} map s4-suppliers --lineage", "bold"), "   where each field comes from")
    say.line(("  cophub init my-hub", "bold"), "   a workspace of your own; docs/tutorial says how to go on")


def _writes(scene: Scene) -> tuple[int, int]:
    """How many changes the CRM and the ERP have applied so far, by their own logs."""
    crm = sum(one.action in ("create", "update", "delete") for one in scene.crm.log.since(0))
    return crm, len(scene.erp.log())
