"""Approvals: a person lets through what a guard held, signed over exactly what was looked at.

The signature covers the plan's id, the digest of its sealed content, the breaches, who approves on whose
behalf, the reason and the time it ends. ``require_consent`` checks all of it again before a plan is
applied: against what lies in the run store, not against what the database says of it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence

import orjson

from hub.errors import AuthError, ConfigError, Held
from hub.exchange.ground import Hub
from hub.exchange.manifest import Manifest
from hub.exchange.plan import manifests_of
from hub.security import audit
from hub.store import plans
from hub.store.database import now
from hub.store.plans import ApprovalRow, PlanRow

PURPOSE = b"cophub/1/approval\n"


def approve(hub: Hub, plan: PlanRow, reason: str, lasts: dt.timedelta) -> ApprovalRow:
    """Sign and store the consent of whoever acts. Looks at the content as it lies in the run store."""
    require_open(hub, plan)
    _require_reason(reason, "approval.reason", "an approval says why", f"cophub approve {plan.id} --reason TEXT")
    manifests = manifests_of(hub.keep, plan.digest)
    breaches = breaches_of(manifests)
    if not breaches:
        raise ConfigError(
            "approval.needless", f"no guard holds the plan {plan.id}", hint=f"cophub apply {plan.id}"
        )
    _require_other(hub, plan, hub.actor.people, manifests)
    moment = now()
    row = ApprovalRow(
        plan.id,
        hub.actor.name,
        hub.actor.on_behalf,
        reason.strip(),
        plan.digest,
        tuple(breaches),
        moment,
        moment + lasts,
    )
    row = dataclasses.replace(row, signature=hub.signer.sign(_message(row)))
    with hub.database.begin() as connection:
        plans.consent(connection, row)
        told = {"breaches": breaches, "expires_at": row.expires_at.isoformat(), "signature": row.signature}
        audit.record(
            connection,
            hub.actor,
            "plan.approved",
            f"plan:{plan.id}",
            reason=row.reason,
            after=plan.digest,
            details=told,
        )
    return row


def reject(hub: Hub, plan: PlanRow, reason: str) -> None:
    """Close a plan for good: it cannot be approved or applied any more."""
    _require_reason(reason, "approval.reason", "a rejection says why", f"cophub reject {plan.id} --reason TEXT")
    with hub.database.begin() as connection:
        if plan.state != "open" or not plans.close(connection, plan.id, "rejected"):
            raise _closed(plan)
        audit.record(connection, hub.actor, "plan.refused", f"plan:{plan.id}", reason=reason.strip())


def require_open(hub: Hub, plan: PlanRow) -> None:
    """ConfigError ``plan.closed``, ``plan.expired`` or ``plan.workspace`` where it cannot be applied."""
    if plan.state == "expired":
        raise ConfigError(
            "plan.expired",
            f"the plan {plan.id} was kept until {plan.expires_at:%Y-%m-%d %H:%M} UTC",
            hint=f"make a new one: cophub plan {plan.exchange}; plans: {{keep: …}} in config/hub.yaml",
        )
    if plan.state != "open":
        raise _closed(plan)
    if plan.workspace_hash != hub.workspace.hash:
        raise ConfigError(
            "plan.workspace",
            "the workspace changed after the plan was made",
            hint=f"make a new one: cophub plan {plan.exchange}",
        )


def require_consent(hub: Hub, plan: PlanRow, manifests: Sequence[Manifest]) -> ApprovalRow | None:
    """The valid approval of a plan that a guard held; None where none held it. Held where nobody approved
    it or the approval is over, AuthError where it is not what somebody signed."""
    breaches = breaches_of(manifests)
    if not breaches:
        return None
    row, said = plans.consent_of(hub.database, plan.id), "; ".join(breaches)
    short = str(plan.id)[-8:]
    ask = f"cophub plan show {short}; then, as somebody else: cophub approve {short} --reason TEXT"
    if row is None:
        raise Held("plan.unapproved", f"{said}: nobody has approved it", hint=ask, plan=str(plan.id))
    if not hub.signer.verify(_message(row), row.signature):
        raise AuthError(
            "approval.forged",
            f"the approval of the plan {plan.id} is not what the hub signed",
            hint="find out who writes to the hub's database; then approve again",
        )
    if row.digest != plan.digest or list(row.breaches) != breaches:
        raise AuthError(
            "approval.changed", "the plan is not the one that was approved", hint=f"look at it again: {ask}"
        )
    if row.expires_at <= now():
        raise Held(
            "approval.expired",
            f"{said}: the approval of {row.approver} ended {row.expires_at:%Y-%m-%d %H:%M} UTC",
            hint=ask,
            plan=str(plan.id),
        )
    _require_other(hub, plan, [row.approver, row.on_behalf], manifests)
    return row


def breaches_of(manifests: Sequence[Manifest]) -> list[str]:
    """What the guard says of all outputs, each once."""
    return list(dict.fromkeys(breach for manifest in manifests for breach in manifest.breaches))


def _require_other(hub: Hub, plan: PlanRow, people: Sequence[str], manifests: Sequence[Manifest]) -> None:
    """Four eyes: the approver has no part in the plan."""
    if hub.workspace.hub.approvals.four_eyes == "off":
        return
    authors = {name.casefold() for manifest in manifests for name in manifest.authors}
    both = sorted({name for name in people if name and name.casefold() in authors})
    if both:
        raise AuthError(
            "approval.author",
            f"{both[0]} let the plan {plan.id} be made and may not approve it",
            hint="somebody else approves it (COPHUB_ACTOR says who acts); where there is only one person: "
            "approvals: {four_eyes: off} in config/hub.yaml",
        )


def _require_reason(reason: str, code: str, message: str, hint: str) -> None:
    if not reason.strip():
        raise ConfigError(code, message, hint=hint)


def _closed(plan: PlanRow) -> ConfigError:
    return ConfigError(
        "plan.closed", f"the plan {plan.id} is {plan.state}", hint=f"make a new one: cophub plan {plan.exchange}"
    )


def _message(row: ApprovalRow) -> bytes:
    """What is signed: everything of the row but the signature, in one form."""
    told = {
        "plan": str(row.plan_id),
        "digest": row.digest,
        "breaches": list(row.breaches),
        "approver": row.approver,
        "on_behalf": row.on_behalf,
        "reason": row.reason,
        "signed_at": row.signed_at.astimezone(dt.UTC).isoformat(),
        "expires_at": row.expires_at.astimezone(dt.UTC).isoformat(),
    }
    return PURPOSE + orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
