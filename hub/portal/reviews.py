"""Pages of reviews for who administers the system: a record beside what it may stand for, and what it is."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import ConfigError
from hub.exchange.decisions.deciding import KINDS, decide, merge_candidates
from hub.exchange.keytokens import Keys
from hub.exchange.reconciling.comparison import Compared, compare
from hub.literals import instant
from hub.portal.administering import answered, place, required
from hub.portal.exchanges import acting
from hub.portal.ground import HOME, Form, Ground, Here, Me
from hub.portal.plans import plain
from hub.store import listing
from hub.store.meant import find_review
from hub.store.reports import key_texts
from hub.store.reviews import Review

router = APIRouter(prefix="/operators/reviews")
SHOWN: Final = 50
DECIDES: Final = "reviews.write"
State = Literal["open", "decided", "superseded"]
Text = Annotated[str, Query(max_length=200)]


@router.get("")
def reviews(
    request: Request, here: Here, me: Me, state: State = "open", exchange: Text = "", after: Text = ""
) -> Response:
    """The oldest first; keys are masked as their fields are."""
    required(here, me, "reviews")
    seen = [name for name in here.hub.workspace.mappings if exchange in ("", name)]
    found = listing.open_reviews(here.hub.database, seen, place(after, instant, uuid.UUID), SHOWN + 1, state)
    keys, last = Keys(here.hub), found[SHOWN - 1] if len(found) > SHOWN else None
    filled = {
        "rows": [(one, keys.shown(one.exchange, one.key)) for one in found[:SHOWN]],
        "state": state, "exchange": exchange, "after": after,
        "next": f"{last.opened_at.isoformat()},{last.id}" if last else "",
    }  # fmt: skip
    return answered(request, here, me, "reviews", "op_reviews", filled)


@router.get("/{identity}")
def review(request: Request, here: Here, me: Me, identity: uuid.UUID) -> Response:
    """One of them, field by field. Values are masked: the clear needs a reason, which the API and the command line ask
    for."""
    required(here, me, "reviews")
    found = compare(acting(here, me), _found(here, identity))
    meant = {told["entity"] for told in found.said if told["entity"]}
    filled: dict[str, Any] = {
        "one": found.review, "entry": found.entry, "sides": found.sides, "lines": found.lines, "note": found.note,
        "said": found.said, "names": key_texts(here.hub.database, found.review.model, meant), "plain": plain,
        "offered": _offered(found),
        "waits": found.review.state == "decided" and found.entry.state == "in_review",
    }  # fmt: skip
    return answered(request, here, me, "reviews", "op_review", filled)


@router.post("/{identity}/decision")
def decided(here: Here, me: Me, identity: uuid.UUID, form: Form) -> Response:
    """Decided in the name of who presses it; its record's run follows at once where it can. ``what``: create, reject,
    merge, or link and the entity's id."""
    required(here, me, "reviews", DECIDES)
    found, hub = _found(here, identity), acting(here, me)
    (what, _, entity), reason = form.get("what", "").partition(":"), form.get("reason", "").strip()
    if not reason:
        raise ConfigError("review.reason", "a decision needs a reason", hint="say why")
    if what == "merge" and not entity:
        merge_candidates(hub, str(found.id), None, reason)
    elif what in KINDS and bool(entity) == (what == "link"):
        decide(hub, str(found.id), what, entity or None, reason)
    else:
        raise ConfigError("request.malformed", f"there is no decision {what!r}", hint="load the page anew")
    return RedirectResponse(f"{HOME}/operators/reviews/{identity}", 303)


def _found(here: Ground, identity: uuid.UUID) -> Review:
    found = find_review(here.hub.database, str(identity))
    if found.exchange not in here.hub.workspace.mappings:
        raise ConfigError("review.unknown", f"there is no review {identity}", hint="see the list of reviews")
    return found


def _offered(found: Compared) -> list[str]:
    """What may be decided besides which candidate it is."""
    entities = sum(side.entity is not None for side in found.sides)
    return (
        ["create"] * (found.review.code != "collision") + ["reject"] * (entities > 0) + ["merge"] * (entities > 1)
    )
