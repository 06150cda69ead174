"""``import``: what others declared of a system, as a profile of this workspace."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.frame import FINDINGS, OK, finding_json
from hub.cli.options import Command, Group
from hub.cli.say import Say, plural
from hub.errors import ConfigError, Finding
from hub.workspace import yaml
from hub.workspace.airbyte.translating import imported
from hub.workspace.airbyte.writing import profile_text, system_text, with_fields
from hub.workspace.load import lint

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False)
PLACE = "imported"


@app.callback()
def imports() -> None:
    """Take over what is declared elsewhere: airbyte reads a low-code manifest."""


@app.command("airbyte", cls=Command)
def airbyte(
    ctx: typer.Context,
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="A low-code manifest: manifest.yaml")],
    system: Annotated[
        str | None, typer.Option("--system", metavar="NAME", help="Name of system and profile; default: by its folder")
    ] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="OPTION=VALUE", help="An option that is no secret; repeatable")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A new folder; default: imported/NAME")
    ] = None,
) -> int:
    """Turn a low-code manifest of Airbyte into a profile of the connector rest, and a system on it.

    Nothing that is there is changed: the files go to a new folder, laid out as the workspace is. What cannot be
    carried over is listed with its place; a manifest with code of its own is refused. Exit code 1 where check would
    find errors.
    """
    say = Say(ctx)
    name = system or re.sub(r"\W+", "_", manifest.resolve().parent.name.removeprefix("source-").lower())
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,60}", name):
        raise ConfigError("import.name", f"{name[:60]!r} is no name of a system", hint="name it by --system")
    config = dict(one.partition("=")[::2] for one in given or ())
    place = out or say.folder / PLACE / name
    if place.exists():
        hint = "remove it, or name another folder by --out"
        raise ConfigError("import.exists", f"{place} is there already", hint=hint)
    made = imported(_document(manifest), name, config)
    with_fields(made, manifest.parent)
    files = {
        f"config/profiles/{name}.yaml": profile_text(made, name, manifest.name),
        f"config/systems/{name}.yaml": system_text(made, name),
    }
    findings = _tried(say.folder, files, say.environment)
    for path, text in files.items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
    for one in made.notes:
        say.line(say.text(one.path, "cyan"), say.text(f"{one.why};"), say.text(one.hint, "dim"))
    for finding in findings:
        say.line(say.text(f"{finding.path}:{finding.line}: {finding.message} [{finding.code}]", "red"))
    counted = plural(len(made.resources), "resource")
    say.line(f"{counted} below {place}, {len(made.notes)} not carried over", style="bold")
    say.line(f"read them, then take them over: cp -r {place}/. {say.folder}", style="dim")
    say.answer({
        "system": name, "folder": str(place), "files": sorted(files), "resources": sorted(made.resources),
        "left": [{"path": one.path, "why": one.why, "hint": one.hint} for one in made.notes],
        "findings": [finding_json(one) for one in findings],
    })  # fmt: skip
    return FINDINGS if findings else OK


def _document(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(yaml.MAX_BYTES + 1)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ConfigError("import.manifest", message, hint="name a manifest") from None
    located, findings = yaml.read(content, path.name)
    if located is None or findings or not isinstance(located.value, dict):
        raise ConfigError("import.manifest", f"{path.name} is no YAML that can be read", hint="mend it",
                          findings=tuple(findings))  # fmt: skip
    return located.value


def _tried(folder: Path, files: dict[str, str], environment: str | None) -> list[Finding]:
    """The errors that ``cophub check`` would find in the new files, in a copy of the workspace."""
    with tempfile.TemporaryDirectory(prefix="cophub-import-") as scratch:
        if (folder / "config").is_dir():
            shutil.copytree(folder / "config", Path(scratch) / "config")
        for path, text in files.items():
            target = Path(scratch) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        _, findings = lint(Path(scratch), environment)
    return [one for one in findings if one.level == "error" and one.path in files]
