"""``systems check``: the connection doctor."""

from __future__ import annotations

import dataclasses
import time
from typing import Annotated, Any

import typer

from hub.cli.frame import FINDINGS, OK
from hub.cli.opening import opened_hub
from hub.cli.say import Say, plural
from hub.contract import Probe
from hub.doctor.claims import Verdict, examine
from hub.errors import HubError
from hub.workspace.workspace import System, Workspace

MARKS = {
    "ok": ("ok", "green"), "warning": ("warning", "yellow"), "failed": ("failed", "red bold"), "skipped": ("-", "dim"),
}  # fmt: skip


def check(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Systems; default: all")
    ] = None,
) -> int:
    """Try name, port, proxy, encryption, credentials, clock, rights, and what each resource says of itself.

    Nothing is written to the system; of each resource some pages are read. A step that cannot be tried says why.
    Exit code 1 where one does not hold.
    """
    say = Say(ctx)
    told, failed = [], 0
    with opened_hub(say, schema=False) as opened:
        workspace = opened.hub.workspace
        wanted = names or list(workspace.systems)
        for name in wanted:
            workspace.system(name)
        for name in wanted:
            probes = [_clean(say, one) for one in _probes(opened.hub.connect, workspace, workspace.system(name))]
            failed += any(not probe.ok for probe in probes)
            _show(say, name, probes)
            told.append({"system": name, "ok": all(probe.ok for probe in probes), "probes": probes})
    say.line(f"{plural(len(wanted) - failed, 'system')} of {len(wanted)} ready")
    say.answer({"systems": told, "failed": failed})
    return FINDINGS if failed else OK


def _probes(connect: Any, workspace: Workspace, system: System) -> list[Probe]:
    """The steps of the connector, then the claims of each resource that can be read."""
    try:
        connector = connect(system.name)
    except HubError as error:
        return [Probe("settings", "failed", error.message, error.hint, error.code)]
    try:
        probes = [_weighed(workspace, system, probe) for probe in connector.check()]
        for resource in system.resources:
            if any(probe.name == f"read {resource}" and probe.status == "ok" for probe in probes):
                by = looked_up_by(workspace, system.name, resource)
                probes += [one.probe(resource) for one in _claims(connector, resource, by)]
        return probes
    finally:
        connector.close()


def _claims(connector: Any, resource: str, by: list[str]) -> list[Verdict]:
    try:
        described = connector.resource(resource)
    except HubError as error:
        return [Verdict("paging", "broken", error.message, error.hint, error.code)]
    return examine(connector, described, time.time, by)


def looked_up_by(workspace: Workspace, system: str, resource: str) -> list[str]:
    """The fields by which exchanges look up records of a resource that they write."""
    for mapping in workspace.mappings.values():
        for output in mapping.outputs:
            if output.into == f"{system}.{resource}" and output.key:
                return [output.key] if isinstance(output.key, str) else list(output.key)
    return []


def _weighed(workspace: Workspace, system: System, probe: Probe) -> Probe:
    """A right that lacks is a failure where an exchange needs it."""
    if probe.status != "warning" or not probe.name.startswith("write") or system.writes != "on":
        return probe
    name = probe.name.removeprefix("writable").removeprefix("write").strip()
    places = {output.into for mapping in workspace.mappings.values() for output in mapping.outputs}
    wanted = f"{system.name}.{name}" if name else f"{system.name}."
    if not any(place == wanted or (not name and place.startswith(wanted)) for place in places):
        return probe
    return dataclasses.replace(probe, status="failed", detail=f"{probe.detail}, and an exchange writes there")


def _clean(say: Say, probe: Probe) -> Probe:
    """Without secrets, whatever a system said."""
    return dataclasses.replace(probe, detail=say.clean(probe.detail), remedy=say.clean(probe.remedy))


def _show(say: Say, name: str, probes: list[Probe]) -> None:
    say.line(say.text(name, "bold"))
    wide = max((len(probe.name) for probe in probes), default=0)
    for probe in probes:
        word, style = MARKS[probe.status]
        said = [say.text(f"{probe.name:<{wide}}"), say.text(probe.detail)]
        say.line(say.text(f"  {word:<8}", style), *said, *([say.text(f"[{probe.code}]", "dim")] if probe.code else []))
        if probe.remedy and probe.status in ("failed", "warning"):
            say.line(say.text("           hint:", "cyan"), say.text(probe.remedy))
