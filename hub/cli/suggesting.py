"""``map suggest``: a draft of a mapping between a resource and a model, pair by pair with scores."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hub.bootstrap import Opened
from hub.cli.findings import print_findings
from hub.cli.frame import OK, finding_json
from hub.cli.opening import opened_hub
from hub.cli.say import Say, plural
from hub.contract import Field, Query, Resource
from hub.doctor.discovery import inferred
from hub.doctor.records import page_rows
from hub.errors import ConfigError, Finding
from hub.mapping.check import check as check_meaning
from hub.mapping.suggest.drafting import Sketch, sketch, told
from hub.mapping.suggest.pairs import Side, proposals
from hub.mapping.suggest.sides import codes_of, of_fields, of_model
from hub.store import entities
from hub.workspace.draft import snake
from hub.workspace.load import lint
from hub.workspace.model import ModelFile
from hub.workspace.workspace import Workspace

SAMPLE = 200
"""Records that are looked at."""
GOLDEN = 2000
OPEN_LEVELS = ("L1", "L2")
"""Only fields of these levels are compared with golden values."""
TRIES = 4


def suggest_mapping(say: Say, source: str, into: str, out: Path | None, *, sample: bool) -> int:
    """Propose, write the draft to ``out`` or show it. ConfigError ``suggest.*`` where there is nothing to go by."""
    if ("." in source) == ("." in into):
        raise ConfigError(
            "suggest.sides", "pairs are proposed between a model and a system's resource",
            hint="cophub map suggest SYSTEM.RESOURCE MODEL, or MODEL SYSTEM.RESOURCE",
        )  # fmt: skip
    if out is not None and out.exists():
        raise ConfigError("suggest.exists", f"{out} is there already", hint="name another file by --out")
    with opened_hub(say, schema=False) as opened:
        workspace = opened.hub.workspace
        model = workspace.model(into if "." in source else source)
        place = source if "." in source else into
        described, rows = _described(opened, place, sample=sample)
        made = _proposed(opened, model, place, source, into, described, rows)
    made, findings = _tried(workspace, made, say.environment)
    text = made.text()
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8", newline="\n")
    _show(say, made, text, out, len(rows), findings)
    say.answer({
        "mapping": made.mapping, "from": source, "into": into, "records": len(rows), "fields": told(made),
        "file": str(out) if out else None, "draft": text, "findings": [finding_json(one) for one in findings],
    })  # fmt: skip
    return OK


def _described(opened: Opened, place: str, *, sample: bool) -> tuple[Resource, list[dict[str, Any]]]:
    """A resource, with fields by its first records where it declares none."""
    system, _, name = place.partition(".")
    workspace = opened.hub.workspace
    connector = opened.hub.connect(workspace.system(system).name)
    try:
        described = connector.resource(name)
        rows: list[dict[str, Any]] = []
        if sample and workspace.system(system).spec.reads:
            for page in connector.read(Query(described, page_size=SAMPLE)):
                rows += page_rows(page)
                if len(rows) >= SAMPLE:
                    break
    finally:
        connector.close()
    if not described.fields and not rows:
        raise ConfigError(
            "suggest.fields", f"nothing is known of the fields of {place}",
            hint="declare fields: of the resource, or let it be sampled",
        )  # fmt: skip
    return described, rows[:SAMPLE]


def _proposed(
    opened: Opened, model: ModelFile, place: str, source: str, into: str, described: Resource,
    rows: Sequence[dict[str, Any]],
) -> Sketch:  # fmt: skip
    workspace, system = opened.hub.workspace, place.partition(".")[0]
    ours = of_model(model, codes_of(workspace, model, system), _golden(opened, model) if rows else None)
    theirs = of_fields(_fields(described, rows), described.key, rows)
    lists = {name: field.list_ for name, field in model.fields.items() if field.list_}
    refers = {name: field.model for name, field in model.fields.items() if field.type == "ref" and field.model}
    name = _free(f"{snake(source).replace('_', '-')}-to-{snake(into).replace('_', '-')}", workspace)
    about = (model.model, place.partition(".")[2])
    if "." in source:
        return sketch(name, source, into, model.key, proposals(ours, theirs, about), lists, refers)
    writable = [side for side in theirs if _writable(side)]
    return sketch(name, source, into, described.key, proposals(writable, ours, about), lists, refers)


def _fields(described: Resource, rows: Sequence[dict[str, Any]]) -> list[Field]:
    """What is declared, and what records have beside it where nothing is."""
    return list(described.fields) or list(inferred(rows))


def _writable(side: Side) -> bool:
    return "[1]" not in side.text


def _golden(opened: Opened, model: ModelFile) -> dict[str, set[str]]:
    """Values that entities have, of fields that everybody may see; they are compared, and never told."""
    names = [name for name, field in model.fields.items()
             if field.type == "text" and not field.many and field.level in OPEN_LEVELS]  # fmt: skip
    database = opened.hub.database
    with database.begin(reading=True) as connection:
        rows = entities.some(connection, database, model.model, names, GOLDEN)
    return {name: {str(row[name]) for row in rows if row[name]} for name in names}


def _free(name: str, workspace: Workspace) -> str:
    found, number = name[:60], 2
    while found in workspace.mappings:
        found, number = f"{name[:56]}-{number}", number + 1
    return found


def _tried(workspace: Workspace, made: Sketch, environment: str | None) -> tuple[Sketch, list[Finding]]:
    """The draft without what ``cophub check`` refuses of it in a copy of the workspace, and what it says of it then."""
    findings: list[Finding] = []
    path = f"mappings/{made.mapping}.yaml"
    with tempfile.TemporaryDirectory(prefix="cophub-draft-") as scratch:
        for part in ("config", "mappings"):
            if (workspace.folder / part).is_dir():
                shutil.copytree(workspace.folder / part, Path(scratch) / part)
        target = Path(scratch) / path
        target.parent.mkdir(exist_ok=True)
        for _ in range(TRIES):
            target.write_text(made.text(), encoding="utf-8")
            tried, found = lint(Path(scratch), environment)
            meant = check_meaning(tried) if tried is not None else []
            findings = sorted({one for one in (*found, *meant) if one.path == path})
            errors = [one for one in findings if one.level == "error"]
            lacking = made.without(errors)
            if lacking == made:
                break
            made = lacking
    return made, [one for one in findings if one.code != "mapping.draft"]


def _show(say: Say, made: Sketch, text: str, out: Path | None, rows: int, findings: list[Finding]) -> None:
    paired = sum(line.written for line in made.lines)
    say.line(f"{plural(paired, 'field')} of {len(made.lines)} proposed, by names, types and {plural(rows, 'record')}")
    if findings and not say.json:
        print_findings(findings, sys.stderr)
    if out is not None:
        say.line(f"drafted {out}: judge it line by line; nothing runs it while draft: true stands there")
        return
    if not say.json:
        sys.stdout.write(text)
