"""A person decides about a review: which entity a record is, that it is a new one, or which it is not."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.store import reviews
from hub.store.reports import find_entity, find_review, linked_of_source
from hub.store.reviews import Review


def decide(hub: Hub, text: str, kind: str, entity: str | None, reason: str) -> Review:
    """Decide an open review: ``link`` and an entity, ``create``, or ``reject`` of an entity or of all its
    candidates. ConfigError where that cannot be; nothing is changed then."""
    review = find_review(hub.database, text)
    if review.state != "open":
        raise ConfigError(
            "review.closed",
            f"the review {review.id} is {review.state}" + (f" by {review.decided_by}" if review.decided_by else ""),
            hint="see: cophub review",
        )
    chosen = find_entity(hub.database, review.model, entity) if entity is not None else None
    rejected: Sequence[uuid.UUID] = ()
    if kind == "link":
        assert chosen is not None
        _require_free(hub, review, chosen)
    elif kind == "create":
        _require_creatable(review)
    else:
        proposed = [one.entity for one in reviews.candidates(hub.database, review.id) if one.entity]
        rejected = [chosen] if chosen is not None else proposed
        if not rejected:
            raise ConfigError(
                "review.candidates",
                "the review has no entity to reject",
                hint="another record of the source is meant: decide with review create, or mend the source",
            )
    with hub.database.begin() as connection:
        done = reviews.decide(
            connection,
            review,
            kind,
            chosen,
            by=hub.actor.name,
            on_behalf=hub.actor.on_behalf,
            reason=reason,
            rejected=rejected,
        )
    if not done:
        raise ConfigError("review.closed", f"somebody else decided {review.id} just now", hint="see: cophub review")
    return find_review(hub.database, str(review.id))


def _require_free(hub: Hub, review: Review, entity: uuid.UUID) -> None:
    """One record of a source stands for an entity."""
    others = [key for key in linked_of_source(hub.database, review.source, entity) if key != review.key]
    if others:
        raise ConfigError(
            "review.taken",
            f"the record {others[0]} of the same source stands for that entity",
            where=f"{review.exchange}: {review.key}",
            hint="let it be created, then merge the two: cophub review create, cophub review merge",
        )


def _require_creatable(review: Review) -> None:
    if review.code == "collision":
        raise ConfigError(
            "review.unique",
            "a new entity would share the value of a unique field with another one",
            where=f"{review.exchange}: {review.key}",
            hint="link the record to that entity, or mend the value in the source",
        )
