"""From the YAML of a workspace to the manifest of its DAGs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import msgspec

from hub.airflow.manifest import Entry, Manifest, Policy, Stamp
from hub.errors import Finding
from hub.workspace.load import lint
from hub.workspace.shape import MappingFile, Schedule
from hub.workspace.strict import seconds
from hub.workspace.ticks import times
from hub.workspace.workspace import System, Workspace

CONFIG: Final = "config/"


def compiled(
    folder: Path,
    environment: str | None,
    before: Manifest | None,
    config: dict[str, Stamp],
    files: dict[str, Stamp],
) -> Manifest:
    """The manifest of a workspace; of mappings only those are read that changed since ``before``, unless ``config``
    did."""
    changed: Collection[str] | None = None
    if before is not None and before.config == config and not any(map(_central, before.broken)):
        changed = {name for name in files if before.files.get(name) != files[name]}
    workspace, findings = lint(folder, environment, mappings=changed)
    if workspace is None:  # nothing can run; what there was is shown as it was
        kept = before or Manifest(hub=folder.name)
        return msgspec.structs.replace(kept, broken=_lines(findings), config=config, files=files)
    exchanges = {name: _entry(workspace, mapping) for name, mapping in _ours(workspace)}
    broken = _lines(findings)
    if changed is not None and before is not None:
        same = files.keys() - changed
        exchanges |= {name: entry for name, entry in before.exchanges.items() if name in same}
        broken |= {path: lines for path, lines in before.broken.items() if _stem(path) in same}
    return Manifest(
        hub=workspace.hub.hub,
        policy=_policy(workspace),
        exchanges=dict(sorted(exchanges.items())),
        pools=_pools(workspace, exchanges),
        broken=dict(sorted(broken.items())),
        config=config,
        files=files,
    )


def _lines(findings: Collection[Finding]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in sorted(findings):
        if finding.level == "error":
            found.setdefault(finding.path, []).append(str(finding))
    return found


def _central(path: str) -> bool:
    """Whether more than one mapping depends on a file."""
    return not path.startswith("mappings/")


def _stem(path: str) -> str:
    return Path(path).name.partition(".")[0]


def _ours(workspace: Workspace) -> list[tuple[str, MappingFile]]:
    """All but what only events bring: that runs in a worker."""
    return [(name, mapping) for name, mapping in workspace.mappings.items() if not _pushed(workspace, mapping)]


def _pushed(workspace: Workspace, mapping: MappingFile) -> bool:
    system = workspace.systems.get(mapping.from_.partition(".")[0]) if "." in mapping.from_ else None
    return system is not None and system.only_pushes


def _entry(workspace: Workspace, mapping: MappingFile) -> Entry:
    name, writes = mapping.mapping, tuple(dict.fromkeys(output.into for output in mapping.outputs))
    models = [f"model/{into}" for into in writes if "." not in into]
    targets = [into for into in writes if "." in into]
    entry = Entry(
        name=name,
        title=_title(mapping.title) or name,
        digest=workspace.digest("mapping", name)[:16],
        reads=mapping.from_,
        writes=writes,
        pool=(targets[0] if targets else mapping.from_).partition(".")[0],
        enabled=mapping.enabled,
        parts=len(mapping.split.at) + 1 if mapping.split is not None else 0,
        outlets=(f"exchange/{name}", *models),
    )
    return _timed(workspace, mapping, entry) if mapping.enabled else entry


def _timed(workspace: Workspace, mapping: MappingFile, entry: Entry) -> Entry:
    schedule = mapping.schedule
    if not isinstance(schedule, Schedule):
        ours = workspace.hub.airflow.on_change == "airflow" and mapping.direction == "outbound"
        follows = ours and schedule == "on_change"
        return msgspec.structs.replace(entry, assets=(f"model/{mapping.from_}",) if follows else ())
    if workspace.hub.schedules == "worker":  # whoever starts it by hand still reads everything when that is due
        return msgspec.structs.replace(entry, full=schedule.full)
    clock = times(schedule, entry.name)
    return msgspec.structs.replace(
        entry,
        crons=clock.crons,
        every=clock.every,
        full=schedule.full,
        assets=tuple(f"exchange/{name}" for name in sorted(schedule.after or ())),
    )


def _policy(workspace: Workspace) -> Policy:
    said = workspace.hub.airflow
    return Policy(
        workspace.hub.zone,
        said.retries,
        seconds(said.retry_wait),
        seconds(said.longest_wait),
        seconds(said.timeout),
        seconds(workspace.hub.plans.keep),
        workspace.hub.schedules,
    )


def _title(title: str | Mapping[str, str]) -> str:
    return title if isinstance(title, str) else title.get("en") or next(iter(title.values()), "")


def _pools(workspace: Workspace, exchanges: Mapping[str, Entry]) -> dict[str, int]:
    """Slots by system, of every system in whose pool an exchange runs."""
    names = sorted({entry.pool for entry in exchanges.values()})
    return {name: _slots(workspace.system(name), workspace.hub.airflow.slots) for name in names}


def _slots(system: System, otherwise: int) -> int:
    return int(getattr(getattr(system.settings, "limits", None), "concurrency", otherwise))
