"""``systems discover``: drafts of resources, models and mappings from what a system says it offers."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.findings import print_findings
from hub.cli.frame import FINDINGS, OK, finding_json
from hub.cli.opening import opened_hub
from hub.cli.say import Say, listed, plural
from hub.doctor.discovery import Discovered
from hub.errors import ConfigError, Finding
from hub.mapping.check import check as check_meaning
from hub.workspace import yaml
from hub.workspace.draft import Draft, draft
from hub.workspace.load import lint
from hub.workspace.workspace import Workspace

PLACE = "discovered"
LARGEST = 16 << 20


def discover(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A system")],
    resources: Annotated[
        list[str] | None, typer.Argument(metavar="[RESOURCE...]", help="Which of them; default: all")
    ] = None,
    sample: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="An OpenAPI document, or an answer with records, for rest"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A new folder; default: discovered/NAME")
    ] = None,
) -> int:
    """Draft resources, a model and a mapping from what the system says of itself.

    Nothing that is there is changed: the drafts go to a new folder, laid out as the workspace is. Keys and cursors
    stand there with the reason for them. Exit code 1 where the workspace with the drafts would have errors.
    """
    say = Say(ctx)
    with opened_hub(say, schema=False) as opened:
        workspace = opened.hub.workspace
        workspace.system(name)
        place = out or workspace.folder / PLACE / name
        if place.exists():
            raise ConfigError(
                "discover.exists", f"{place} is there already", hint="remove it, or name another folder by --out"
            )
        connector = opened.hub.connect(name)
        try:
            found = _found(connector, name, resources or [], sample)
        finally:
            connector.close()
        made = _drafted(workspace, name, found, resources or [])
    findings = _tried(workspace, made, say.environment)
    for path, text in made.files.items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
    _show(say, name, found, made, place, findings)
    errors = sum(finding.level == "error" for finding in findings)
    say.answer({
        "system": name, "folder": str(place), "files": sorted(made.files), "notes": made.notes,
        "resources": [{"resource": one.name, "key": one.resource.key, "cursor": one.resource.cursor,
                       "fields": len(one.resource.fields), "reasons": one.reasons, "open": one.open} for one in found],
        "findings": [finding_json(one) for one in findings],
    })  # fmt: skip
    return FINDINGS if errors else OK


def _found(connector: Any, name: str, wanted: list[str], sample: Path | None) -> list[Discovered]:
    ask = getattr(connector, "discover", None)
    if ask is None:
        raise ConfigError(
            "discover.unknown", f"the connector of {name} cannot be asked what there is",
            hint=f"declare resources by hand; cophub systems describe {name} RESOURCE shows one",
        )  # fmt: skip
    found: list[Discovered] = ask(wanted, _content(sample) if sample else None)
    return found


def _content(path: Path) -> bytes:
    """The file; YAML as JSON, which is all that connectors read."""
    try:
        content = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    except OSError as error:
        raise ConfigError("discover.sample", f"{path} cannot be read: {error.strerror}", hint="mend --from") from None
    if not content:
        raise ConfigError("discover.sample", f"{path} is empty, or larger than 16 MB", hint="give a smaller sample")
    if path.suffix.lower() not in (".yaml", ".yml"):
        return content
    located, findings = yaml.read(content, str(path))
    if located is None or findings:
        raise ConfigError("discover.sample", f"{path} is no YAML that can be read", findings=tuple(findings))
    return json.dumps(located.value).encode()


def _drafted(workspace: Workspace, name: str, found: list[Discovered], named: list[str]) -> Draft:
    """With a mapping for each resource that was named, or for the one of which most is known."""
    known = sorted(found, key=lambda one: (not one.resource.key, not one.resource.cursor, -len(one.resource.fields)))
    mapped = [one.name for one in (found if named else known[:1])]
    text = (workspace.folder / "config" / "systems" / f"{name}.yaml").read_text(encoding="utf-8")
    return draft(name, text, found, mapped, list(workspace.models), list(workspace.mappings))


def _tried(workspace: Workspace, made: Draft, environment: str | None) -> list[Finding]:
    """What ``cophub check`` would say of the drafts, in a copy of the workspace."""
    with tempfile.TemporaryDirectory(prefix="cophub-draft-") as scratch:
        for part in ("config", "mappings"):
            if (workspace.folder / part).is_dir():
                shutil.copytree(workspace.folder / part, Path(scratch) / part)
        for path, text in made.files.items():
            target = Path(scratch) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        tried, findings = lint(Path(scratch), environment)
        if tried is not None and not any(finding.level == "error" for finding in findings):
            findings = sorted({*findings, *check_meaning(tried)})
    return [one for one in findings if one.path in made.files or one.level == "error"]


def _show(
    say: Say, name: str, found: list[Discovered], made: Draft, place: Path, findings: list[Finding]
) -> None:
    table = say.table("resource", "key", "cursor", "#fields", "what is open")
    for one in found[:50]:
        cells = (one.name, listed(one.resource.key) or "?", one.resource.cursor or "none: read in full")
        say.row(table, *cells, str(len(one.resource.fields) or "·"), "; ".join(one.open))
    say.show(table)
    if len(found) > 50:
        say.line(f"and {len(found) - 50} more")
    for note in made.notes:
        say.line(say.text(note, "yellow"))
    if findings and not say.json:
        print_findings(findings, sys.stdout)
    say.line(f"drafted {plural(len(made.files), 'file')} below {place}:", style="bold")
    for path in sorted(made.files):
        say.line(f"  {path}")
    say.line(f"read them, then take them over: cp -r {place}/. {say.folder}", style="dim")
