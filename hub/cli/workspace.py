"""``init check test schema diff``: the commands that only read and write files."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.findings import counted, print_findings
from hub.cli.frame import FINDINGS, OK, finding_json
from hub.cli.options import Command
from hub.cli.say import Say, plural
from hub.errors import ConfigError, Finding
from hub.mapping.check import check as check_meaning
from hub.workspace.diff import diff as differences
from hub.workspace.init import init as write_workspace
from hub.workspace.load import lint, load
from hub.workspace.schema import SHAPES, schemas, write_schemas

app = typer.Typer(rich_markup_mode=None, add_completion=False)
KINDS = (*SHAPES, "system", "test")


@app.command(cls=Command)
def init(
    ctx: typer.Context, folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty or new folder")]
) -> None:
    """Write a small workspace that runs at once."""
    say = Say(ctx)
    written = write_workspace(folder)
    own = [path for path in written if not str(path).startswith(".cophub")]
    for path in own:
        say.line(f"  {folder / path}")
    say.line(f"{plural(len(own), 'file')} written, and the schemas for your editor.")
    say.line(f"Next: cd {folder}; cophub check; cophub migrate; cophub plan erp-suppliers --initial")
    say.answer({"folder": folder, "files": written})


@app.command(cls=Command)
def check(ctx: typer.Context) -> int:
    """Find what is wrong in the workspace, with file, line and column.

    Nothing is connected to and no secret is read. Exit code 1 where there is an error.
    """
    say = Say(ctx)
    workspace, findings = lint(say.folder, say.environment)
    misshapen = _wrong(findings)
    if workspace is not None:
        findings = sorted({*findings, *check_meaning(workspace)})
    if not say.json:
        print_findings(findings, sys.stdout)
    if workspace is not None:
        sizes = (
            ("system", len(workspace.systems)),
            ("model", len(workspace.models)),
            ("mapping", len(workspace.mappings)),
            ("code list", len(workspace.codes)),
            ("mapping test", sum(map(len, workspace.tests.values()))),
        )
        found = counted(findings) or "no findings"
        say.line(f"{found} in {', '.join(plural(count, word) for word, count in sizes)}")
        if misshapen:
            say.line("what is in files with errors is checked further when these are mended", style="dim")
    else:
        say.line(f"{counted(findings)}; the meaning of mappings is checked when these are mended")
    say.answer({"findings": [finding_json(finding) for finding in findings]})
    return FINDINGS if _wrong(findings) else OK


def _wrong(findings: list[Finding]) -> bool:
    return any(finding.level == "error" for finding in findings)


@app.command(cls=Command)
def schema(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR | openapi | asyncapi]",
            help="Where to; default: .cophub/schemas of the workspace. openapi prints what the API is, asyncapi the "
            "events that the workspace takes and tells",
        ),
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--print", metavar="KIND", help=f"Print one: {', '.join(KINDS)}")
    ] = None,
) -> None:
    """Write JSON Schemas of the files for editors, or print OpenAPI or AsyncAPI.

    cophub schema; cophub schema --print mapping; cophub schema openapi; cophub schema asyncapi
    """
    say = Say(ctx)
    if folder in (Path("openapi"), Path("asyncapi")):
        # Imported by name: who writes schemas for an editor does not wait for a web framework.
        if folder == Path("openapi"):
            described = importlib.import_module("hub.api.app").described().openapi()
        else:
            described = importlib.import_module("hub.bus.catalogue").document(say.workspace())
        if say.json:
            say.answer(described)
        else:
            typer.echo(json.dumps(described, ensure_ascii=False, indent=1))
        return
    if kind is not None:
        found = schemas()
        if kind not in found:
            raise ConfigError(
                "schema.kind", f"there is no kind of file {kind!r}", hint=f"one of {', '.join(found)}"
            )
        if say.json:
            say.answer(found[kind])
        else:
            typer.echo(json.dumps(found[kind], ensure_ascii=False, indent=1))
        return
    written = write_schemas(folder or say.folder / ".cophub" / "schemas")
    for path in written:
        say.line(f"  {path}")
    say.answer({"files": written})


@app.command(cls=Command)
def diff(
    ctx: typer.Context,
    before: Annotated[
        str | None, typer.Option("--from", metavar="ENV", help="Environment as it is; none: the files alone")
    ] = None,
    after: Annotated[
        str | None,
        typer.Option("--to", metavar="ENV", help="Environment to promote to; none: the files alone"),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--with", metavar="DIR", help="Compare with another workspace's folder")
    ] = None,
) -> None:
    """Show what differs between two environments.

    With --with, between two workspaces: what a promotion changes.
    """
    say = Say(ctx)
    if before == after and folder is None:
        raise ConfigError(
            "diff.same", "there is nothing to compare", hint="cophub diff --from test --to prod"
        )
    found = differences(load(say.folder, before), load(folder or say.folder, after))
    for one in found:
        style = {"added": "green", "removed": "red"}.get(one.what, "yellow")
        say.line(say.text({"added": "+", "removed": "-"}.get(one.what, "~"), style), say.text(str(one)))
    narrowing = sum(one.narrowing for one in found)
    tail = f", {narrowing} of them narrow a model: cophub migrate refuses or asks" if narrowing else ""
    say.line(
        f"{plural(len(found), 'difference')} from {before or 'the files'} to {after or 'the files'}{tail}"
    )
    say.answer({"from": before, "to": after, "differences": [dataclasses.asdict(one) for one in found]})
