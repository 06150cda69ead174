"""Undoing a merge: both entities go on, each with its records, references, and what its sources said since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.errors import ConfigError, Fatal
from hub.exchange.ground import Hub
from hub.exchange.uniting.combining import Apart, Voice, said_in_vain, take_apart
from hub.exchange.uniting.merger import ORIGIN, lease_names, move_all
from hub.security.audit import record
from hub.store import entities, journal, linked, merges, rewriting, sso_ends
from hub.store.database import now
from hub.store.journal import fence
from hub.store.meant import find_merge
from hub.store.merges import Golden, Merge, Session


@dataclass(frozen=True, slots=True)
class Unmerged:
    """How an undo ended. ``stayed`` are records that came to the survivor after the merge, and stay there."""

    merge: Merge
    survivor: Golden
    loser: Golden
    stayed: tuple[str, ...]


def unmerge_entities(hub: Hub, text: str, reason: str) -> Unmerged:
    """Undo a merge, by its id or the end of it; ConfigError where a later one must be undone first."""
    one = find_merge(hub.database, text)
    with (
        journal.leases(hub.database, lease_names(hub, one.model)) as held,
        hub.database.begin() as connection,
    ):
        fence(connection, held)
        return _Undoing(hub, connection, _undoable(hub, connection, one), reason).undo()


def _undoable(hub: Hub, connection: Session, one: Merge) -> Merge:
    fresh = merges.find(connection, one.id)
    if fresh is None or fresh.state != "made":
        raise ConfigError(
            "merge.undone", f"the merge {one.id} is undone already", hint="see: cophub review merges --undone"
        )
    if (later := merges.later(connection, fresh)) is not None:
        raise ConfigError(
            "merge.order",
            f"the merge {later.id} was made after it",
            where=f"{one.model} {one.survivor}",
            hint=f"undo that one first: cophub review unmerge {str(later.id)[-8:]}",
        )
    if pending := merges.in_doubt(connection, one.survivor):
        raise ConfigError(
            "merge.pending",
            f"{pending[0]} has begun to create an object of {one.survivor}, and does not know yet how that ended",
            hint=f"run it first: cophub run {pending[0]}",
        )
    return fresh


@dataclass(slots=True)
class _Undoing:
    """One undo in the caller's transaction."""

    hub: Hub
    connection: Session
    merge: Merge
    reason: str

    def undo(self) -> Unmerged:
        connection, database, one = self.connection, self.hub.database, self.merge
        moment = now()
        seq = entities.next_seq(merges.session(connection), one.model)
        remembered = merges.remembered(connection, one.id)
        apart = self._apart(remembered)
        survivor, loser = take_apart(apart)
        stamp: dict[str, Any] = {"seq": seq, "moment": moment, "by": one.id}
        rewriting.rewrite(connection, database, one.model, apart.now, survivor, **stamp)
        kept = self._version(one.loser, None)
        rewriting.rewrite(connection, database, one.model, kept, loser, **stamp)
        self._links(remembered, survivor, loser)
        counts = move_all(self.hub, connection, one.model, one.survivor, one.loser, one.id, seq, undo=True)
        for place in rewriting.referring(database, one.model):
            rewriting.look_again(connection, database, place, one.survivor, one.id)
        merges.undo(connection, one, by=self.hub.actor.name, reason=self.reason, moment=moment)
        ended = sso_ends.apart(connection, self._all(), "entity.unmerged")
        rewriting.announce(connection, one.model, seq, ORIGIN, 2 + counts, moment)
        record(
            connection,
            self.hub.actor,
            "entity.unmerged",
            f"{one.model}:{one.survivor}",
            reason=self.reason,
            details={"merge": str(one.id), "loser": str(one.loser), "ended": ended},
        )
        own = {(row.source, row.key) for row in remembered if row.role == "own"}
        stayed = [
            f"{link.exchange}: {link.key}"
            for link in merges.links(connection, one.survivor)
            if link.direction == "inbound" and (link.source, link.key) not in own
        ]
        return Unmerged(one, survivor, loser, tuple(stayed))

    def _all(self) -> list[Any]:
        """Both, and those that went into either of them."""
        sides = (self.merge.survivor, self.merge.loser)
        return [each for side in sides for each in linked.with_merged(self.connection, side)]

    def _apart(self, remembered: Sequence[Any]) -> Apart:
        one = self.merge
        before = self._version(one.survivor, one.survivor_version)
        merged = self._version(one.survivor, one.survivor_version + 1)
        then = self._version(one.loser, one.loser_version)
        kept = self._version(one.loser, None)
        own = [row for row in remembered if row.role == "own" and row.entity == one.survivor]
        moved = [row for row in remembered if row.role in ("moved", "stayed") and row.entity == one.survivor]
        return Apart(
            self.hub.workspace.model(one.model),
            before,
            merged,
            self._version(one.survivor, None),
            Golden(kept.id, kept.version, then.state, kept.origins, kept.values),
            [Voice(row.exchange, row.outvoted_after, row.outvoted) for row in own],
            [Voice(row.exchange, row.outvoted_after, row.outvoted) for row in moved],
        )

    def _version(self, identity: Any, version: int | None) -> Golden:
        found = rewriting.golden(self.connection, self.hub.database, self.merge.model, identity, version)
        if found is None:
            raise Fatal(
                "merge.history",
                f"version {version} of {identity} is not in the history any more",
                hint="the merge cannot be undone: create the entity anew and link its records to it",
            )
        return found

    def _links(self, remembered: Sequence[Any], survivor: Golden, loser: Golden) -> None:
        connection, one = self.connection, self.merge
        fields = self.hub.workspace.models[one.model].fields
        for row in remembered:
            if row.role == "target":
                back = {"key": row.key, "entity": one.loser}
                merges.relink(connection, row.source, str(one.survivor), back)
                continue
            if row.entity != one.survivor:  # a twin that stayed, or a record that went elsewhere since
                continue
            side = survivor if row.role == "own" else loser
            changes: dict[str, Any] = {"entity": side.id, "outvoted": row.outvoted_before}
            if row.outvoted != row.outvoted_after:  # it spoke since: the next full run hears it anew
                said = said_in_vain(row.outvoted, row.exchange, [], side, fields)
                changes |= {"outvoted": said, "map_hash": 0}
            merges.relink(connection, row.source, row.key, changes)
        for number, key in merges.decided_links(connection, one.loser):
            merges.relink_from(connection, number, key, one.survivor, one.loser)
