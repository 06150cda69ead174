"""Tickets in the audit chain: who got one for which client, and what became of it."""

from __future__ import annotations

from functools import partial

from hub.security import audit
from hub.security.actors import Actor
from hub.store.sso_grants import Audited


def issued(account: str, digest: str, client: str, kind: str) -> Audited:
    """That an account of the hub got one; ``kind`` is cas, or the dialect."""
    return _told(Actor(f"account:{account}"), "ticket.issued", digest, client, kind)


def used(digest: str, client: str, kind: str, *, told: bool) -> Audited:
    """That it was used up, and whether the client was told whose it is."""
    action = "ticket.redeemed" if told else "ticket.refused"
    return _told(Actor(f"client:{client}"), action, digest, client, kind)


def _told(actor: Actor, action: str, digest: str, client: str, kind: str) -> Audited:
    details = {"client": client, "kind": kind}
    return partial(audit.record, actor=actor, action=action, object=f"ticket:{digest}", details=details)
