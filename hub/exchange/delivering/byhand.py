"""What becomes of a record that somebody changed in the target: decided here, done by the sender.

``basis`` is what the target held when the hub last looked: the fingerprints of what it acknowledged, or
for a row of a reconciliation what its plan saw (then nothing else may have happened since).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from hub.contract import Change, Found, Outcome
from hub.exchange.delivering.alike import LEFT, Likeness, at

Policy = Literal["overwrite", "keep", "review"]

CHANGED = "delivery.changed_by_hand"
DELETED = "delivery.deleted_by_hand"
LEFT_AS_IT_IS = "delivery.left"
EQUAL = "delivery.equal"
GONE = "target.gone"
LEAVE = ("disable", "delete")
"""Operations by which something leaves the target: where it is not there any more, that is done."""
REFUSED = "plan.changed"
NOTHING = "{}"
"""What a plan saw of a record that was not in the target."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of ``queue``. ``foreign_key`` is the natural key it is to have, ``known`` the one it has; ``kept``
    are fingerprints of what was acknowledged, ``seen`` of what a reconciliation saw."""

    number: int
    key: str
    operation: Literal["create", "update", "enable", "disable", "delete"]
    hash: int
    foreign_id: str | None
    foreign_key: str
    version: str | None
    body: Mapping[str, Any]
    seen: str | None = None
    kept: str | None = None
    known: str | None = None

    @property
    def asks(self) -> Literal["create", "update", "delete"]:
        """What the target is asked to do: for it, to enable and to disable is an update."""
        if self.operation == "create" or self.operation == "delete":
            return self.operation
        return "update"


@dataclass(frozen=True, slots=True)
class Decision:
    """``change`` is what to send, ``outcome`` what is known already: one of them. ``left`` are fields that
    stay as a person made them; ``overwritten`` those that do not."""

    change: Change | None = None
    outcome: Outcome | None = None
    left: tuple[str, ...] = ()
    overwritten: tuple[str, ...] = ()


def looks_first(row: Row, policy: Policy) -> bool:
    """Whether the target is asked before the change goes out: where nothing else would tell that somebody
    was there. A target with versions tells by itself."""
    if row.seen is not None:
        return True
    return (
        row.operation != "create" and policy != "overwrite" and row.version is None and row.kept is not None
    )


def decide(row: Row, change: Change, there: Found | None, policy: Policy, likeness: Likeness) -> Decision:
    """What to do about a row now that the target was asked for it."""
    if row.seen is not None:
        return _as_planned(row, change, there, likeness)
    if there is None:
        return _gone(row, change, policy)
    if row.operation == "create":
        return Decision(_onto(change, there, "update"))
    changed = likeness.changed(_basis(row.kept), row.body, there.values)
    if row.operation == "disable":  # it writes these fields alone, what a person did to others is not lost
        changed = [name for name in changed if name in row.body]
    if not changed or policy == "overwrite":
        asks: Literal["update", "delete"] = "delete" if row.operation == "delete" else "update"
        return Decision(_onto(change, there, asks), overwritten=tuple(changed))
    if policy == "review":
        return Decision(
            outcome=_set_aside(CHANGED, f"changed in the target since: {', '.join(sorted(changed))}")
        )
    if row.operation == "delete":
        return Decision(outcome=Outcome("done", there.foreign_id, code=LEFT_AS_IT_IS))
    rest = {name: value for name, value in change.values.items() if name not in changed}
    if not rest:
        return Decision(outcome=Outcome("done", there.foreign_id, there.version, LEFT_AS_IT_IS), left=tuple(changed))
    return Decision(_onto(replace(change, values=rest), there, "update"), left=tuple(changed))


def _as_planned(row: Row, change: Change, there: Found | None, likeness: Likeness) -> Decision:
    """A row of a reconciliation holds only while the target is as its plan saw it."""
    if there is None:
        if row.operation in LEAVE:
            return Decision(outcome=Outcome("done", row.foreign_id, code=GONE))
        return Decision(_anew(change))
    if row.operation != "delete" and not likeness.differing(row.body, there.values):
        return Decision(outcome=Outcome("done", there.foreign_id, there.version, EQUAL))
    if row.seen == NOTHING or likeness.changed(_basis(row.seen), {}, there.values):
        return Decision(outcome=_set_aside(REFUSED, "the target's record changed after the plan was made"))
    return Decision(_onto(change, there, "delete" if row.operation == "delete" else "update"))


def _gone(row: Row, change: Change, policy: Policy) -> Decision:
    if row.operation in LEAVE:
        return Decision(outcome=Outcome("done", row.foreign_id, code=GONE))
    if row.operation == "create" or policy == "overwrite":
        return Decision(_anew(change), overwritten=("",) if row.operation != "create" else ())
    if policy == "keep":
        return Decision(outcome=Outcome("done", row.foreign_id, code=LEFT_AS_IT_IS))
    return Decision(outcome=_set_aside(DELETED, "deleted in the target since"))


def natural(change: Change) -> dict[str, Any]:
    """The key that a record has once the change is done: its values may hold another than it had."""
    return {name: change.values.get(name, value) for name, value in change.key.items()}


def _anew(change: Change) -> Change:
    return replace(change, operation="create", key=natural(change), foreign_id=None, version=None)


def _onto(change: Change, there: Found, operation: Literal["update", "delete"]) -> Change:
    return replace(change, operation=operation, foreign_id=there.foreign_id, version=there.version)


def _set_aside(code: str, message: str) -> Outcome:
    return Outcome("rejected", code=code, message=message)


def _basis(text: str | None) -> dict[str, str]:
    found: dict[str, str] = json.loads(text) if text else {}
    return found


def without_left(row: Row, policy: Policy) -> dict[str, Any]:
    """The body without the fields that a person changed and the hub left so."""
    if policy != "keep" or not row.kept or LEFT not in row.kept:
        return dict(row.body)
    kept = _basis(row.kept)
    return {name: value for name, value in row.body.items() if not kept.get(name, "").startswith(LEFT)}


def remembered(row: Row, left: Mapping[str, Any], likeness: Likeness, policy: Policy) -> str:
    """The fingerprints after a delivery: of what was sent, and of what a person's fields hold. Disabling sends
    some of the fields: of the others stays what was known."""
    prints = likeness.prints({**row.body, **left})
    if row.operation == "disable" and row.kept:
        prints |= {name: known for name, known in _basis(row.kept).items() if name not in row.body}
    still = _basis(row.kept) if policy == "keep" and row.kept and LEFT in row.kept else {}
    for name, known in still.items():
        if known.startswith(LEFT) and name in row.body:
            prints[name] = known
    prints |= {name: LEFT + prints[name] for name in left}
    return json.dumps(prints, separators=(",", ":"), sort_keys=True)


def held_values(names: tuple[str, ...], there: Found | None) -> dict[str, Any]:
    """What the target holds in the fields that are left."""
    return {name: at(there.values, name) for name in names} if there is not None else {}
