"""Whether a snapshot may speak of what it does not hold.

A chain of pages that closed is not enough: keys have to be told apart, canaries have to be there, the
place has to be the same as last time, and the source must not have shrunk past belief.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hub.exchange.canaries import doubted, watched
from hub.exchange.extract import Extracted
from hub.exchange.judging.guard import SMALL
from hub.exchange.runfile import RunFile
from hub.workspace.limits import AbsentStep, Canaries
from hub.workspace.shape import RESOURCE_KEYS
from hub.workspace.workspace import Workspace

SHRUNK = 50  # percent of the last complete snapshot that have to be there still
# What of a system's file does not say where its records are.
ASIDE = frozenset({"system", "title", "writes", "limits", "auth", "notes", "resources", "timeout", "proxy"})


def certify(run: RunFile, extracted: Extracted, canaries: Canaries | None) -> Extracted:
    """The extract with a certificate that also knows of records without key, and of a mapping's canaries."""
    if extracted.certificate.complete and extracted.keyless:
        reason = f"{extracted.keyless} records have no key: nobody knows which they are"
        return dataclasses.replace(extracted, certificate=doubted(extracted, reason, whole=True))
    return watched(run, extracted, canaries, "canaries", "SELECT key FROM extracted")


def doubts(
    extracted: Extracted,
    previous: int,
    reactions: Sequence[AbsentStep],
    moved: str,
    missing: int,
) -> list[str]:
    """Reasons to ask a person before anything of this snapshot is applied. ``missing`` records are absent
    for the first time, to which ``reactions`` follow; ``moved`` says that the place is another than last time."""
    found = []
    certificate = extracted.certificate
    if certificate.hold:
        found.append(f"the snapshot is not complete: {certificate.reason}")
    if not reactions or not certificate.complete or not extracted.read:
        return found
    distinct = extracted.read - extracted.duplicates
    if previous >= SMALL and 100 * distinct < SHRUNK * previous:
        found.append(
            f"the source shrank from {previous} to {distinct} records: under {SHRUNK} % nothing counts as absent "
            "unless somebody says that it is complete"
        )
    if moved and missing:
        found.append(f"{missing} records are missing, and the source is another place than last time: {moved}")
    return found


def place_of(workspace: Workspace, system: str, resource: str, key: Sequence[str]) -> dict[str, str]:
    """What says where the records are, hashed part by part: a difference can be named, no value is shown."""
    content: Mapping[str, Any] = workspace.content.get(("system", system), {})
    parts = {name: value for name, value in content.items() if name not in ASIDE}
    declared = (content.get("resources") or {}).get(resource) or {}
    parts["resource"] = {name: value for name, value in declared.items() if name not in RESOURCE_KEYS}
    parts["environment"] = workspace.environment or ""
    parts["key"] = list(key)
    return {name: _digest(value) for name, value in parts.items()}


def moved_since(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Names of what differs; nothing where no place was kept."""
    if not before:
        return ""
    return ", ".join(sorted(name for name in {*before, *now} if before.get(name) != now.get(name)))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
