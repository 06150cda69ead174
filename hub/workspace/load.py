"""Loading a workspace: read, shape, references; every finding of every file in one pass.

``lint`` reports, ``load`` insists. Neither connects to anything nor resolves a secret. What an
expression means is checked elsewhere (``hub.mapping.check``), on the workspace that ``lint`` gives.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from hub import collector
from hub.errors import ConfigError, Finding
from hub.workspace.build import Built, build
from hub.workspace.builtin import HUB, OWN
from hub.workspace.connectors import Connectors, shipped
from hub.workspace.explain import suggest
from hub.workspace.gather import PROFILES, Gathered, gather
from hub.workspace.references import check
from hub.workspace.workspace import Kind, System, Workspace, digest

__all__ = ["System", "Workspace", "lint", "load"]

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MAPPINGS = "mappings/"
NAMED: tuple[tuple[Kind, str], ...] = (
    ("system", "system"),
    ("model", "model"),
    ("codes", "codes"),
    ("client", "client"),
    ("mapping", "mapping"),
    ("environment", "environment"),
)


def load(
    folder: Path | str,
    environment: str | None = None,
    *,
    connectors: Connectors | None = None,
    exchange: str | None = None,
) -> Workspace:
    """The workspace in ``folder`` with ``environment`` laid over it.

    ConfigError ``workspace.invalid`` with all findings where one of them is an error. Only for ``exchange``: mistakes
    in the files of other mappings do not count, those mappings are left out.
    """
    workspace, findings = lint(folder, environment, connectors=connectors)
    own = f"{MAPPINGS}{exchange}.yaml"
    errors = [
        finding
        for finding in findings
        if finding.level == "error" and (exchange is None or finding.path == own or not _of_mapping(finding))
    ]
    if workspace is None or errors:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise ConfigError(
            "workspace.invalid",
            f"{first.message}{more}",
            where=f"{first.path}:{first.line}",
            hint=first.hint,
            findings=tuple(findings),
        )
    return workspace


def lint(
    folder: Path | str,
    environment: str | None = None,
    *,
    connectors: Connectors | None = None,
    mappings: Collection[str] | None = None,
) -> tuple[Workspace | None, list[Finding]]:
    """The workspace and all findings, sorted by path, line and column; of ``mappings`` only those named are read.

    There is a workspace where hub, systems, models and code lists are free of errors; it then holds
    the mappings that are, so that meaning can be checked in the same pass. Otherwise None.
    """
    with collector.paused():  # what is read here stays; looking through it took half of the time at 1,000 mappings
        gathered = gather(Path(folder), mappings)
        known = (connectors or shipped()).beside(Path(folder) / PROFILES)
        built = build(gathered, environment, known)
    findings = [*gathered.findings, *built.findings, *_names(gathered), *_environment(gathered, environment)]
    findings += check(built, gathered)
    findings = sorted({_printable(finding) for finding in findings})
    return _workspace(gathered, built, environment, findings), findings


def _of_mapping(finding: Finding) -> bool:
    return finding.path.startswith(MAPPINGS)


def _workspace(
    gathered: Gathered, built: Built, environment: str | None, findings: list[Finding]
) -> Workspace | None:
    wrong = {finding.path for finding in findings if finding.level == "error"}
    if built.hub is None or any(not path.startswith(MAPPINGS) for path in wrong):
        return None
    mappings = {
        name: mapping
        for name, mapping in built.mappings.items()
        if built.files["mapping", name].path not in wrong
    }
    content = {
        place: value
        for place, value in built.contents.items()
        if place[0] != "mapping" or place[1] in mappings
    }
    return Workspace(
        folder=gathered.folder,
        environment=environment,
        hub=built.hub,
        models=built.models,
        systems=built.systems,
        mappings=mappings,
        codes=built.codes,
        roles=built.roles,
        clients=built.clients,
        tests={name: tests for name, tests in built.tests.items() if name in mappings},
        hash=digest({f"{kind}/{name}": value for (kind, name), value in content.items()}),
        content=content,
        files=built.files,
        own={HUB: OWN},
    )


def _printable(finding: Finding) -> Finding:
    """Texts of files go to terminals and logs: line ends and control characters must not."""
    message, hint = CONTROL.sub("\N{REPLACEMENT CHARACTER}", finding.message), CONTROL.sub(" ", finding.hint)
    return replace(finding, message=message, hint=hint)


def _names(gathered: Gathered) -> list[Finding]:
    """An object is named as its file is: whoever reads a log finds the file."""
    findings = []
    for kind, key in NAMED:
        first: dict[str, str] = {}
        for stem, file in gathered.of(kind):
            name = file.value.get(key)
            if not isinstance(name, str):
                continue
            place = file.place((key,))
            if name in first:
                findings.append(
                    Finding(
                        *place,
                        "error",
                        "name.duplicate",
                        f'{first[name]} is named "{name}" as well',
                        "give one of them another name",
                    )
                )
            elif kind == "system" and name == HUB:
                message = f"{HUB} is the hub itself: no system is named so"
                findings.append(Finding(*place, "error", "name.reserved", message, "choose another name"))
            elif name != stem:
                findings.append(
                    Finding(
                        *place,
                        "error",
                        "name.file",
                        f'the file of {kind} "{name}" is named {stem}.yaml',
                        f"name the file {name}.yaml, or write {key}: {stem}",
                    )
                )
            first.setdefault(name, file.path)
    return findings


def _environment(gathered: Gathered, environment: str | None) -> list[Finding]:
    names = {name for name, _ in gathered.of("environment")}
    if environment is None or environment in names or ("environment", environment) in gathered.broken:
        return []
    path = f"config/environments/{environment}.yaml"
    return [
        Finding(
            path,
            1,
            1,
            "error",
            "reference.environment",
            f'there is no environment "{environment}"',
            suggest(environment, names),
        )
    ]
