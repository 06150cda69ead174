"""The stubs in the folder of DAGs: what Airflow looks at."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hub.airflow.manifest import Manifest, Place, stored
from hub.airflow.present import current

MARK: Final = "Written by `cophub airflow sync`"
PER_STUB: Final = 125
"""Exchanges per stub: a changed file makes Airflow look at so many anew, and no more."""


@dataclass(slots=True)
class Synced:
    """What was done. ``stubs`` were written or touched, ``removed`` are gone; ``pools`` got new slots."""

    exchanges: int = 0
    broken: dict[str, list[str]] = field(default_factory=dict)
    stubs: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    pools: dict[str, int] = field(default_factory=dict)
    schedules: str = "airflow"

    @property
    def anything(self) -> bool:
        return bool(self.stubs or self.removed or self.pools)


def sync_stubs(place: Place, dags: Path) -> tuple[Manifest, Synced]:
    """Compile the workspace, and let Airflow look at the stubs of what changed: it looks at once at a file that is
    newer, and only now and then at others."""
    before = stored(place)
    manifest = current(place)
    done = Synced(len(manifest.exchanges), manifest.broken, schedules=manifest.policy.schedules)
    dags.mkdir(parents=True, exist_ok=True)
    wanted = _stubs(place, dags, manifest)
    of = len(wanted) - 1
    changed = _changed(before, manifest, of)
    for name, text in wanted.items():
        path = dags / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            done.stubs.append(name)
        elif name in changed:
            os.utime(path)
            done.stubs.append(name)
    for path in sorted(dags.glob("hub_exchanges*.py")):
        if path.name not in wanted and MARK in path.read_text(encoding="utf-8"):
            path.unlink()
            done.removed.append(path.name)
    return manifest, done


def _stub(shard: int, of: int) -> str:
    return "hub_exchanges.py" if of == 1 else f"hub_exchanges_{shard:02d}.py"


def _stubs(place: Place, dags: Path, manifest: Manifest) -> dict[str, str]:
    """Text by name: as many stubs as there are exchanges for, and the one that tells what is wrong."""
    of = max(1, -(-len(manifest.exchanges) // PER_STUB))
    where = _where(place, dags)
    paths = "from pathlib import Path\n\n" if where.startswith("Path(") else ""
    found = {
        _stub(shard, of): f'''"""Exchanges of the hub {manifest.hub}, each a DAG of Airflow. {MARK}."""

{paths}from hub.airflow.factory import exchanges

globals().update(exchanges({where}, shard={shard}, of={of}))
'''
        for shard in range(of)
    }
    found["hub_findings.py"] = f'''"""What is wrong in the hub {manifest.hub}, as an import error of its own.

Every DAG of Airflow stays. {MARK}."""

{paths}from hub.airflow.factory import require_valid

require_valid({where})
'''
    return found


def _where(place: Place, dags: Path) -> str:
    """The workspace as a stub names it: seen from itself where it lies inside, so that both can be moved."""
    inside = dags.resolve().is_relative_to(place.folder.resolve())
    steps = len(dags.resolve().relative_to(place.folder.resolve()).parts) if inside else 0
    folder = f"Path(__file__).parents[{steps}]" if inside else repr(str(place.folder.resolve()))
    return f"{folder}, {place.environment!r}" if place.environment else folder


def _changed(before: Manifest | None, now: Manifest, of: int) -> set[str]:
    """The stubs that show something else than they did."""
    if before is None or before.policy != now.policy or before.hub != now.hub:
        return {*(_stub(shard, of) for shard in range(of)), "hub_findings.py"}
    old, new = before.exchanges, now.exchanges
    names = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    shards = {(new.get(name) or old[name]).shard(of) for name in names}
    found = {_stub(shard, of) for shard in shards}
    return found | {"hub_findings.py"} if before.broken != now.broken else found
