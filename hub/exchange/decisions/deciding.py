"""A person decides about a review: which entity a record is, that it is a new one, or which it is not.

What is decided takes effect at once where the original of the record is kept and nobody else writes the
model; else the next run of the exchange follows it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from hub.errors import ConfigError, HubError
from hub.exchange.decisions.oneness import unite
from hub.exchange.decisions.replay import replay
from hub.exchange.ground import Hub
from hub.exchange.pipeline import Result
from hub.exchange.uniting.merger import make_twin
from hub.security.audit import record
from hub.store import quarantined, reviews
from hub.store.meant import find_entity, find_review, linked_of_source, stands_for
from hub.store.merges import ends_of
from hub.store.reviews import Review, Spoken

KINDS = ("link", "create", "reject")


@dataclass(frozen=True, slots=True)
class Decided:
    """A decided review. ``result`` is the run that followed it at once, None where the next one will, with
    the reason in ``note``."""

    review: Review
    result: Result | None
    note: str = ""


def decide(hub: Hub, text: str, kind: str, entity: str | None, reason: str) -> Decided:
    """Decide an open review: ``link`` and an entity, ``create``, or ``reject`` of an entity or of all its
    candidates. ConfigError where that cannot be; nothing is changed then."""
    review = _open(hub, text)
    chosen = find_entity(hub.database, review.model, entity) if entity is not None else None
    spoken: list[Spoken]
    if kind == "link":
        assert chosen is not None
        spoken = [("link", _place(hub, review, chosen, reason))]
    elif kind == "create":
        _require_creatable(review)
        spoken = [("create", None)]
    else:
        spoken = [("reject", one) for one in ([chosen] if chosen is not None else _proposed(hub, review))]
    return _say(hub, review, kind, chosen, spoken, reason)


def merge_candidates(hub: Hub, text: str, survivor: str | None, reason: str) -> Decided:
    """Everything a review proposes is one entity, and its record is that one. The survivor is the oldest
    where none is named."""
    review = _open(hub, text)
    proposed = [one.entity for one in reviews.candidates(hub.database, review.id) if one.entity]
    own = stands_for(hub.database, review.source, review.key)
    meant = sorted(set(ends_of(hub.database, [*proposed, *([own] if own else [])])), key=str)
    if len(meant) < 2:
        raise ConfigError(
            "review.candidates",
            "the review does not propose two entities",
            where=f"{review.exchange}: {review.key}",
            hint="say which it is: cophub review link",
        )
    kept = find_entity(hub.database, review.model, survivor) if survivor is not None else meant[0]
    if kept not in meant:
        raise ConfigError(
            "review.survivor", f"{survivor} is none of the candidates", hint="see: cophub review show"
        )
    unite(hub, review.model, kept, [other for other in meant if other != kept], reason)
    spoken: Sequence[Spoken] = [] if own else [("link", _place(hub, review, kept, reason))]
    return _say(hub, review, "merge", kept, spoken, reason)


def _open(hub: Hub, text: str) -> Review:
    review = find_review(hub.database, text)
    if review.state != "open":
        by = f" by {review.decided_by}" if review.decided_by else ""
        raise ConfigError(
            "review.closed", f"the review {review.id} is {review.state}{by}", hint="see: cophub review"
        )
    return review


def _proposed(hub: Hub, review: Review) -> list[uuid.UUID]:
    found = [one.entity for one in reviews.candidates(hub.database, review.id) if one.entity]
    if not found:
        raise ConfigError(
            "review.candidates",
            "the review has no entity to reject",
            where=f"{review.exchange}: {review.key}",
            hint="another record of the source is meant: say cophub review create, or mend the source",
        )
    return found


def _place(hub: Hub, review: Review, entity: uuid.UUID, reason: str) -> uuid.UUID:
    """Where the record's link goes: to the entity, or behind the record of its source that stands for it."""
    others = [key for key in linked_of_source(hub.database, review.source, entity) if key != review.key]
    return make_twin(hub, review.model, entity, reason) if others else entity


def _require_creatable(review: Review) -> None:
    if review.code == "collision":
        raise ConfigError(
            "review.unique",
            "a new entity would share the value of a unique field with another one",
            where=f"{review.exchange}: {review.key}",
            hint="link the record to that entity, or mend the value in the source",
        )


def _say(
    hub: Hub, review: Review, kind: str, entity: uuid.UUID | None, spoken: Sequence[Spoken], reason: str
) -> Decided:
    """Write the decision and let it take effect."""
    actor = hub.actor
    with hub.database.begin() as connection:
        done = reviews.decide(
            connection,
            review,
            kind,
            entity,
            spoken,
            decided_by=actor.name,
            on_behalf=actor.on_behalf,
            reason=reason,
        )
        if not done:
            raise ConfigError(
                "review.closed", f"somebody else decided {review.id} just now", hint="see: cophub review"
            )
        record(
            connection,
            actor,
            "review.decided",
            f"review:{review.id}",
            reason=reason,
            details={"decision": kind, "entity": str(entity or ""), "exchange": review.exchange},
        )
    result, note = _follow(hub, review)
    return Decided(find_review(hub.database, str(review.id)), result, note)


def _follow(hub: Hub, review: Review) -> tuple[Result | None, str]:
    chosen = quarantined.chosen(hub.database, entries=[review.id])
    if not chosen or not chosen[0].originals:
        return None, "the original of the record was not kept"
    try:
        return replay(hub, chosen[0], f"review/{review.id}/{uuid.uuid4().hex[:8]}"), ""
    except HubError as error:
        return None, error.message
