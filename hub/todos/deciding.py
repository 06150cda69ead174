"""What comes next of an act, by what its source shows."""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple

from hub.store.acts import Act

FIRST, LONGEST = 1.0, 300.0
LOOKS: Final = 8
"""So often an act is looked for that the source said it had done, before it is called unconfirmed; and one in doubt,
before it is sent again."""
LATE: Final = 10.0
"""Seconds between two looks that are never too long."""
IN_DOUBT: Final = "act.in_doubt"
"""A call was made, its answer was lost, and the source does not show it (yet)."""
HELD: Final = "act.held"
"""A decision of somebody else on the same record is in doubt: this one waits until that is settled."""
REFUSALS: Final = {
    "open": ("act.closed", "the system takes no response to it any more"),
    "theirs": ("act.receiver", "it is not this person's any more"),
    "unchanged": ("act.changed", "it was changed since the person was shown it: look at it again"),
}


class Step(NamedTuple):
    """What is to be done next: ``send``, ``done``, ``failed`` or ``wait``; why, where there is a reason."""

    what: str
    code: str = ""
    message: str = ""


def decide(one: Act, there: bool, done: bool, unmet: str | None, *, quiet: bool) -> Step:
    """What the source shows, and what is known of the act, say what comes next. ``unmet`` is the first condition
    that does not hold; ``quiet``: no earlier call of it can still be running in the source."""
    if not there:
        if one.sent:
            return Step("failed", "act.unconfirmed", "the system has it no more, and does not say what became of it")
        return Step("failed", "act.gone", "the system has it no more")
    if done:
        if one.sent:
            return Step("done")
        return Step("failed", "act.decided", "somebody else did so already, in the system itself")
    if one.answered:
        if one.attempts < LOOKS:
            return Step("wait", "act.unconfirmed", "the system said that it was done, and does not show it yet")
        return Step("failed", "act.unconfirmed", "the system said that it was done, and never showed it")
    if one.sent and not quiet:
        return Step("wait", IN_DOUBT, "its answer was lost, and it may still be running in the system")
    if unmet is not None:
        return Step("failed", *REFUSALS[unmet])
    return Step("send")


def pause(attempts: int) -> float:
    """Seconds until an act is tried again."""
    return float(min(LONGEST, FIRST * 2 ** min(attempts, 16)))


def between_looks(in_doubt: float) -> float:
    """Seconds until an act in doubt is looked for again, of those that it has to be quiet."""
    return min(LONGEST, max(FIRST, in_doubt / LOOKS))


def undone_since(one: Act, moment: dt.datetime, in_doubt: float) -> dt.datetime | None:
    """Since when looks, one soon after the other, have shown an act as not done; None where that of ``moment`` begins
    anew. Since nothing but looks changes an act in doubt, its last change is the last look. Where the next one is late
    (no worker, a clock that jumped), the time between them is nobody's."""
    if one.undone_since is None or not one.undone_since <= one.changed_at <= moment:
        return None
    late = (moment - one.changed_at).total_seconds() > max(LATE, 2 * between_looks(in_doubt))
    return None if late else one.undone_since
