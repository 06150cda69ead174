"""Two entities that are one: the survivor keeps its id, the other leads to it, and all of it can be undone.

A merge is one transaction under the leases of everything it touches: the model and those that refer to
it, and the exchanges that write it to targets. Those bring the targets in line when they run next.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.exchange.merging.claims import claims
from hub.exchange.uniting.combining import Chosen, combine, renewed, said_in_vain
from hub.security.audit import record
from hub.store import entities, journal, merges, rewriting
from hub.store.database import new_id, now
from hub.store.journal import fence
from hub.store.merges import MERGED, Golden, Link, Session
from hub.workspace.shape import ModelFile

ORIGIN = "merge"  # stands for an exchange in the event
FATES = {"disable": "disabled", "delete": "deleted"}


@dataclass(frozen=True, slots=True)
class TargetObject:
    """What a target holds of the one that goes: ``fate`` is carried (it goes on as the survivor's),
    disabled or deleted (by its exchange, as ``absent`` says there) or stays (nobody removes it)."""

    exchange: str
    output: str
    key: str
    fate: str


@dataclass(frozen=True, slots=True)
class MergePlan:
    """A merge before it is made. ``references``: model.field → how many rows move; ``twins`` are records
    that stay behind the survivor's own record of their source."""

    model: str
    survivor: Golden
    loser: Golden
    result: Golden
    fields: tuple[Chosen, ...]
    moved: tuple[Link, ...]
    twins: tuple[Link, ...]
    own: tuple[Link, ...]
    references: Mapping[str, int]
    targets: tuple[TargetObject, ...]


def lease_names(hub: Hub, model: str) -> list[str]:
    """What a merge writes alone: models, and the exchanges that remember what targets hold of them."""
    models = {model, *(name for name, _ in rewriting.referring(hub.database, model))}
    outbound = [
        f"exchange:{name}"
        for name, mapping in hub.workspace.mappings.items()
        if mapping.direction == "outbound" and mapping.from_ == model
    ]
    return [*(f"model:{name}" for name in models), *outbound]


def plan_merge(hub: Hub, model: str, survivor: uuid.UUID, loser: uuid.UUID) -> MergePlan:
    """What a merge would do; ConfigError where it cannot be made."""
    with hub.database.begin(reading=True) as connection:
        return _plan(hub, connection, hub.workspace.model(model), survivor, loser)


def merge_entities(
    hub: Hub, model: str, survivor: uuid.UUID, losers: Sequence[uuid.UUID], reason: str
) -> list[uuid.UUID]:
    """Make one merge per loser, all of them or none; answers their ids. Whether so many may be made in one go
    is asked before (``decisions.oneness``)."""
    with (
        journal.leases(hub.database, lease_names(hub, model)) as held,
        hub.database.begin() as connection,
    ):
        fence(connection, held)
        return [merge_one(hub, connection, model, survivor, loser, reason) for loser in losers]


def merge_one(
    hub: Hub, connection: Session, model: str, survivor: uuid.UUID, loser: uuid.UUID, reason: str
) -> uuid.UUID:
    """Make one in the caller's transaction, which is fenced by ``lease_names``."""
    planned = _plan(hub, connection, hub.workspace.model(model), survivor, loser)
    return _Making(hub, connection, planned, reason).make()


def make_twin(hub: Hub, model: str, survivor: uuid.UUID, reason: str) -> uuid.UUID:
    """An entity behind ``survivor`` for one more record of a source that has one for it; answers its id."""
    twin = new_id()
    with (
        journal.leases(hub.database, lease_names(hub, model)) as held,
        hub.database.begin() as connection,
    ):
        fence(connection, held)
        rewriting.add_empty(connection, hub.database, model, twin, entities.next_seq(merges.session(connection), model))
        merge_one(hub, connection, model, survivor, twin, reason)
    return twin


def _plan(
    hub: Hub, connection: Session, model: ModelFile, survivor: uuid.UUID, loser: uuid.UUID
) -> MergePlan:
    ends = [merges.redirected(connection, one) for one in (survivor, loser)]
    if ends[0] == ends[1]:
        raise ConfigError("merge.same", f"the two are one {model.model} already", hint="see: cophub review merges")
    first, second = (_living(hub, connection, model.model, one) for one in ends)
    if pending := merges.in_doubt(connection, second.id):
        raise ConfigError(
            "merge.pending",
            f"{pending[0]} has begun to create an object of {second.id}, and does not know yet how that ended",
            hint=f"run it first: cophub run {pending[0]}",
        )
    mine, others = merges.links(connection, first.id), merges.links(connection, second.id)
    own = [one for one in mine if one.direction == "inbound"]
    spoken_for = {one.source for one in own}
    inbound = [one for one in others if one.direction == "inbound"]
    twins = [one for one in inbound if one.source in spoken_for]
    moved = [one for one in inbound if one.source not in spoken_for]
    result, chosen = combine(
        model, first, second, claims(hub.workspace, model.model), {one.exchange for one in twins}
    )
    references = {
        f"{name}.{field}": rewriting.count_references(connection, hub.database, name, field, second.id)
        for name, field in rewriting.referring(hub.database, model.model)
    }
    there = {one.source for one in mine if one.direction == "outbound"}
    targets = [_target(hub, one, there) for one in others if one.direction == "outbound"]
    return MergePlan(
        model.model,
        first,
        second,
        result,
        tuple(chosen),
        tuple(moved),
        tuple(twins),
        tuple(own),
        references,
        tuple(targets),
    )


def _living(hub: Hub, connection: Session, model: str, identity: uuid.UUID) -> Golden:
    found = rewriting.golden(connection, hub.database, model, identity)
    if found is None:
        raise ConfigError("entity.unknown", f"there is no {model} {identity}", hint=f"see: cophub entities {model}")
    if found.state >= 2:
        raise ConfigError(
            "merge.gone", f"the {model} {identity} is deleted", hint=f"see: cophub entities {model} --gone"
        )
    return found


def _target(hub: Hub, one: Link, there: set[int]) -> TargetObject:
    mapping = hub.workspace.mappings.get(one.exchange)
    outputs = [item for item in mapping.outputs if item.into == one.output] if mapping else []
    first = next((item.absent.chain[0].reaction for item in outputs if item.absent.chain), "")
    fate = "carried" if one.source not in there else FATES.get(first, "stays")
    return TargetObject(one.exchange, one.output, one.foreign_id or one.key, fate)


@dataclass(slots=True)
class _Making:
    """One merge being made in the caller's transaction."""

    hub: Hub
    connection: Session
    plan: MergePlan
    reason: str

    def make(self) -> uuid.UUID:
        plan, connection, database = self.plan, self.connection, self.hub.database
        merge, moment = new_id(), now()
        run = merges.session(connection)
        seq = entities.next_seq(run, plan.model)
        stamp: dict[str, Any] = {"seq": seq, "moment": moment, "by": merge}
        rewriting.rewrite(connection, database, plan.model, plan.survivor, plan.result, **stamp)
        gone = renewed(plan.loser, state=MERGED)
        rewriting.rewrite(connection, database, plan.model, plan.loser, gone, **stamp)
        self._links(merge)
        counts = move_all(self.hub, connection, plan.model, plan.loser.id, plan.survivor.id, merge, seq)
        actor = self.hub.actor
        merges.add(
            connection,
            {
                "id": merge,
                "model": plan.model,
                "survivor": plan.survivor.id,
                "loser": plan.loser.id,
                "survivor_version": plan.survivor.version,
                "loser_version": plan.loser.version,
                "seq": seq,
                "made_by": actor.name,
                "on_behalf": actor.on_behalf,
                "reason": self.reason,
                "made_at": moment,
            },
        )
        rewriting.announce(connection, plan.model, seq, ORIGIN, 2 + counts, moment)
        record(
            connection,
            actor,
            "entity.merged",
            f"{plan.model}:{plan.survivor.id}",
            reason=self.reason,
            details={"merge": str(merge), "loser": str(plan.loser.id)},
        )
        return merge

    def _links(self, merge: uuid.UUID) -> None:
        plan, connection = self.plan, self.connection
        fields = self.hub.workspace.models[plan.model].fields
        sides = (plan.survivor, plan.loser)
        for role, links in (("own", plan.own), ("moved", plan.moved), ("stayed", plan.twins)):
            for one in links:
                said = one.outvoted
                if role != "stayed":
                    side = sides[0] if role == "own" else sides[1]
                    said = said_in_vain(one.outvoted, one.exchange, [side], plan.result, fields)
                merges.remember(connection, merge, one, role, said)
                if role == "moved":
                    merges.relink(
                        connection, one.source, one.key, {"entity": plan.survivor.id, "outvoted": said}
                    )
                elif said != one.outvoted:
                    merges.relink(connection, one.source, one.key, {"outvoted": said})
        carried = {target.exchange for target in plan.targets if target.fate == "carried"}
        for one in merges.links(connection, plan.loser.id):
            if one.direction == "outbound" and one.exchange in carried:
                merges.remember(connection, merge, one, "target", None)
                carried_on = {"key": str(plan.survivor.id), "entity": plan.survivor.id}
                merges.relink(connection, one.source, one.key, carried_on)


def move_all(
    hub: Hub,
    connection: Session,
    model: str,
    old: uuid.UUID,
    new: uuid.UUID,
    merge: uuid.UUID,
    seq: int,
    *,
    undo: bool = False,
) -> int:
    """All references of all models; those to other models get a commit and an event of their own. Answers
    how many of the model's own rows changed."""
    run, moment, own = merges.session(connection), now(), 0
    numbers: dict[str, int] = {model: seq}
    changed: dict[str, int] = {}
    for place in rewriting.referring(hub.database, model):
        if not rewriting.count_references(connection, hub.database, *place, old):
            continue
        if place[0] not in numbers:
            numbers[place[0]] = entities.next_seq(run, place[0])
        count = rewriting.move_references(
            connection,
            hub.database,
            place,
            old,
            new,
            seq=numbers[place[0]],
            moment=moment,
            merge=merge,
            undo=undo,
        )
        changed[place[0]] = changed.get(place[0], 0) + count
    for name, count in changed.items():
        if name == model:
            own = count
        elif count:
            rewriting.announce(connection, name, numbers[name], ORIGIN, count, moment)
    return own

