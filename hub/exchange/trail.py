"""What a run leaves in the audit chain: one entry per output it writes, one per plan, one where it stops."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hub.errors import HubError
from hub.exchange.apply import Applied
from hub.exchange.ground import Hub
from hub.exchange.manifest import Manifest
from hub.security import audit, checkpoints
from hub.store import reconciliations
from hub.store.audit import Session
from hub.store.journal import Lease, RunRow, fence


@dataclass(frozen=True, slots=True)
class Trail:
    """The entries of one run; ``held`` is its right to write."""

    hub: Hub
    row: RunRow
    held: Sequence[Lease]

    def applied(self, manifest: Manifest) -> Callable[[Session, Applied], None]:
        """The last word of the transaction that writes golden rows; nothing where it changed none and linked
        nobody: a run that finds nothing new, every minute, would bury what was done."""

        def entry(session: Session, applied: Applied) -> None:
            counts = manifest.counts | dataclasses.asdict(applied)
            if any(counts.get(name) for name in ("created", "updated", "removed", "linked", "unlinked", "refused")):
                self._output(session, "run.applied", manifest, counts)

        return entry

    def delivering(self, manifest: Manifest, count: int) -> None:
        """Before the first call of a target; nothing where there is nothing to send."""
        if count:
            self._noted("run.delivering", manifest, {"changes": count})

    def delivered(self, manifest: Manifest, count: int, counts: Mapping[str, int]) -> None:
        if count:
            self._noted("run.delivered", manifest, counts)

    def planned(self, digest: str, counts: Mapping[str, int], *, initial: bool) -> Any:
        """For the transaction that stores a plan."""

        def entry(session: Session, plan: uuid.UUID) -> None:
            details = {"exchange": self.row.exchange, "counts": _some(counts)} | self._initial(initial)
            audit.record(
                session, self.hub.actor, "plan.made", f"plan:{plan}", after=digest, details=details
            )

        return entry

    def plan_applied(
        self, session: Session, plan: uuid.UUID, digest: str, counts: Mapping[str, int]
    ) -> None:
        """In the transaction that closes a plan."""
        details = {"exchange": self.row.exchange, "run": str(self.row.id), "counts": _some(counts)}
        audit.record(session, self.hub.actor, "plan.applied", f"plan:{plan}", before=digest, details=details)
        if (found := reconciliations.of_plan(session, plan)) is not None:
            details = {"exchange": self.row.exchange, "found": _some(found), "counts": _some(counts)}
            audit.record(session, self.hub.actor, "reconcile.healed", f"plan:{plan}", details=details)

    def lifted(self) -> None:
        """Somebody said that a first load may be as large as it is."""
        details = {"exchange": self.row.exchange}
        audit.note(self.hub.database, self.hub.actor, "guard.initial", f"run:{self.row.id}", details=details)

    def stopped(self, error: HubError | None, state: str) -> None:
        """The code of what stopped it; messages may speak of records."""
        action = f"run.{state}"
        details = {
            "exchange": self.row.exchange,
            "mode": self.row.mode,
            "code": error.code if error else "internal",
        }
        audit.note(self.hub.database, self.hub.actor, action, f"run:{self.row.id}", details=details)

    def signed(self) -> str:
        """A checkpoint where one is due; answers a remark where it cannot be made."""
        workspace = self.hub.workspace
        return checkpoints.make_if_due(self.hub.database, self.hub.signer, workspace.hub, workspace.folder)

    def _initial(self, initial: bool) -> dict[str, Any]:
        return {"initial": True} if initial else {}

    def _noted(self, action: str, manifest: Manifest, counts: Mapping[str, int]) -> None:
        with self.hub.database.begin() as connection:
            fence(connection, self.held)
            self._output(connection, action, manifest, counts)

    def _output(
        self, session: Session, action: str, manifest: Manifest, counts: Mapping[str, int]
    ) -> None:
        details = {
            "exchange": self.row.exchange,
            "output": manifest.output,
            "mode": self.row.mode,
            "counts": _some(counts),
        }
        audit.record(
            session,
            self.hub.actor,
            action,
            f"run:{self.row.id}",
            after=audit.content_hash(orjson.loads(manifest.dump())),
            details=details,
        )


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}
