"""From answers and errors to outcomes of changes, the same way for every target that speaks HTTP."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from hub.contract import Change, Outcome, OutcomeStatus
from hub.errors import ConfigError, HubError, RecordRejected
from hub.http.transport import NOT_SENT


def of_status(
    status: int, operation: str, message: str, *, wait: float | None = None,
    foreign_id: str | None = None, version: str | None = None,
) -> Outcome:  # fmt: skip
    """The outcome of one change by the status of its answer.

    A delete of what is gone is done; an update of it is a conflict, as is a create of what exists. A
    server error says nothing about the effect.
    """
    code = f"http.{status}"
    if 200 <= status < 300 or (operation == "delete" and status in (404, 410)):
        return Outcome("done", foreign_id, version)
    if status in (409, 412, 428) or (operation == "update" and status in (404, 410)):
        return Outcome("conflict", foreign_id, None, code, message)
    if status in (429, 503, 425) or (status == 403 and wait is not None):
        return Outcome("retry", foreign_id, None, code, message, wait)
    if status >= 500 or status == 408:
        return Outcome("unknown", foreign_id, None, code, message)
    return Outcome("rejected", foreign_id, None, code, message)


def each(
    changes: Sequence[Change], send: Callable[[Change], Outcome], not_sent: Collection[str] = NOT_SENT
) -> list[Outcome]:
    """Send change by change. Errors of the codes ``not_sent`` had surely no effect.

    Raises only while nothing can have had an effect. After a lost answer, or a request to slow down,
    the rest is left for later instead of running into the same trouble.
    """
    outcomes: list[Outcome] = []
    for change in changes:
        try:
            outcome = send(change)
        except (RecordRejected, ConfigError) as error:
            outcome = Outcome("rejected", change.foreign_id, None, error.code, error.message)
            if isinstance(error, ConfigError) and not outcomes:
                raise
        except HubError as error:
            sent = error.code not in not_sent
            if not sent and all(one.status in ("rejected", "retry") for one in outcomes):
                raise
            status: OutcomeStatus = "unknown" if sent else "retry"
            wait = getattr(error, "wait", None)
            outcomes.append(Outcome(status, change.foreign_id, None, error.code, error.message, wait))
            return outcomes + later(changes[len(outcomes) :], error.code, wait)
        outcomes.append(outcome)
        if outcome.status == "retry":
            return outcomes + later(changes[len(outcomes) :], outcome.code, outcome.wait)
    return outcomes


def later(changes: Sequence[Change], code: str, wait: float | None = None) -> list[Outcome]:
    """Outcomes of changes that were not sent."""
    return [
        Outcome("retry", one.foreign_id, None, code, "not sent after an earlier failure", wait)
        for one in changes
    ]
