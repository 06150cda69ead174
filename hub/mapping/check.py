"""``cophub check``, meaning: what is wrong with mappings that have a valid shape.

check(workspace) → findings with file, line and column: expressions (names, functions, types),
writers that contend for a field, cycles through pass-throughs, levels, references nobody supplies.
"""

from __future__ import annotations

from dataclasses import replace

from hub import collector
from hub.errors import Finding
from hub.mapping.binding import Binder
from hub.mapping.check_acts import acts_findings
from hub.mapping.check_matching import creates, matching_issues
from hub.mapping.compile import Compiled, Translations, compile_with_findings
from hub.mapping.disabling import disabling_issues
from hub.mapping.flows import flow_findings
from hub.mapping.spares import beside_issues, field_of
from hub.mapping.syntax import Issue
from hub.workspace.explain import suggest
from hub.workspace.shape import MappingFile
from hub.workspace.workspace import Workspace


def check(workspace: Workspace) -> list[Finding]:
    """All findings about meaning, sorted by place. Nothing connects anywhere."""
    findings: list[Finding] = []
    compiled: dict[str, list[Compiled]] = {}
    known: Translations = {}
    # Syntax trees are many small objects that all stay: looking through them took a quarter at 1,000 mappings.
    with collector.paused(), Binder() as binder:
        for name, mapping in workspace.mappings.items():
            done, found = compile_with_findings(mapping, workspace, known)
            findings += found
            if done is None:
                continue
            compiled[name] = done
            for one in done:
                findings += _typed(workspace, mapping, one, binder)
                findings += _required(workspace, mapping, one)
                findings += _matching(workspace, mapping, one, binder)
                findings += _disabling(workspace, mapping, one, binder)
                findings += _until_free(workspace, mapping, one, binder)
            findings += _compared(workspace, mapping, done)
    findings += flow_findings(workspace, compiled)
    findings += acts_findings(workspace)
    return sorted(set(findings))


def finding(
    workspace: Workspace, mapping: str, path: tuple[str | int, ...], issue: Issue, text: str = ""
) -> Finding:
    """An issue with the place of a part of a mapping's file; within ``text`` where it has one line."""
    file, line, column = workspace.locate("mapping", mapping, *path)
    if text and "\n" not in text:
        column += issue.column - 1
    return Finding(str(file), line, column, issue.level, issue.code, issue.message, issue.hint)


def output_path(mapping: MappingFile, number: int, *rest: str | int) -> tuple[str | int, ...]:
    """Where a part of an output stands: below ``into`` where that is a list."""
    return ("into", number, *rest) if isinstance(mapping.into, list) else rest


def _typed(workspace: Workspace, mapping: MappingFile, compiled: Compiled, binder: Binder) -> list[Finding]:
    """Type errors, as DuckDB finds them when it binds the SQL to an empty record."""
    found = []
    for field, issue in binder.issues(compiled):
        path = output_path(mapping, compiled.number, "fields", field) if field else ("where",)
        found.append(finding(workspace, compiled.mapping, path, issue))
    return found


def _compared(workspace: Workspace, mapping: MappingFile, compiled: list[Compiled]) -> list[Finding]:
    """Fields under ``compare`` that no output writes."""
    written = sorted({column.name for one in compiled for column in one.columns})
    return [
        finding(
            workspace,
            mapping.mapping,
            ("compare", name),
            Issue("compare.unknown", f"no output writes {name}", suggest(name, written)),
        )
        for name in mapping.compare
        if name not in written
    ]


def _matching(
    workspace: Workspace, mapping: MappingFile, compiled: Compiled, binder: Binder
) -> list[Finding]:
    """Match rules and reactions, of outputs that are a model."""
    model = workspace.models.get(compiled.model or "")
    if model is None or compiled.direction != "inbound":
        return []
    output = mapping.outputs[compiled.number]
    return [
        finding(workspace, mapping.mapping, output_path(mapping, compiled.number, *place), issue)
        for place, issue in matching_issues(output, model, compiled, binder)
    ]


def _until_free(
    workspace: Workspace, mapping: MappingFile, compiled: Compiled, binder: Binder
) -> list[Finding]:
    """Candidates of fields that are tried until they are free, and where else they must be."""
    found = []
    if compiled.spare:
        for column, issue in binder.issues(replace(compiled, columns=compiled.spare, lookups=(), where="", checks=())):
            name, number = field_of(column)
            path = output_path(mapping, compiled.number, "fields", name, "until_free", "then", number or 0)
            found.append(finding(workspace, compiled.mapping, path, issue))
    for name, rule in mapping.outputs[compiled.number].fields.items():
        for number, issue in beside_issues(rule.until_free, workspace) if rule.until_free else ():
            path = output_path(mapping, compiled.number, "fields", name, "until_free", "beside", number)
            found.append(finding(workspace, compiled.mapping, path, issue))
    return found


def _disabling(
    workspace: Workspace, mapping: MappingFile, compiled: Compiled, binder: Binder
) -> list[Finding]:
    """Values that disabling writes to a target."""
    values = mapping.outputs[compiled.number].disable
    if not values or compiled.direction == "inbound":
        return []
    return [
        finding(workspace, mapping.mapping, output_path(mapping, compiled.number, "disable", name), issue)
        for name, issue in disabling_issues(values, compiled, binder)
    ]


def _required(workspace: Workspace, mapping: MappingFile, compiled: Compiled) -> list[Finding]:
    model = workspace.models.get(compiled.model or "")
    output = mapping.outputs[compiled.number]
    if model is None or not creates(output):
        return []
    given = {column.name for column in compiled.columns}
    return [
        finding(
            workspace,
            compiled.mapping,
            output_path(mapping, compiled.number, "fields"),
            Issue(
                "required.unmapped",
                f"{model.model}.{name} is required; unmatched: create makes entities without it",
                f"add a rule for {name}",
            ),
        )
        for name, field in model.fields.items()
        if field.required and name not in given
    ]
