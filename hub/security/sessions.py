"""Where an account is logged in: what its owner and operators see, and end."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from functools import partial
from typing import Final

from hub.security.accounts import Ends, audited
from hub.security.actors import Actor
from hub.store import sessions
from hub.store.accounts import AccountRow
from hub.store.database import Database

BROWSERS: Final = (("Edg", "Edge"), ("OPR/", "Opera"), ("MicroMessenger", "WeChat"), ("DingTalk", "DingTalk"),
                   ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))  # fmt: skip
SYSTEMS: Final = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
                  ("Mac OS X", "macOS"), ("Linux", "Linux"))  # fmt: skip
"""What is looked for in a User-Agent, in this order: later ones call themselves by the names of earlier ones, too."""
NUMBER: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Session:
    """``number`` names it to people, and does not lead back to it; ``here`` is whether it is who asks."""

    number: str
    browser: str
    begun_at: dt.datetime
    seen_at: dt.datetime
    here: bool


def called(agent: str) -> str:
    """A browser in two words, of its User-Agent; empty where it is none that is known."""
    browser, system = (
        next((name for sign, name in known if sign in agent), "") for known in (BROWSERS, SYSTEMS)
    )
    return f"{browser}, {system}" if browser and system else browser or system


def number(digest: str) -> str:
    """What people are told in place of a session's digest."""
    return hashlib.sha256(f"session {digest}".encode()).hexdigest()[:32]


def listed(database: Database, row: AccountRow, ends: Ends, moment: dt.datetime, here: str = "") -> list[Session]:
    """Of an account, the newest first; ``here`` is the digest of the session of who asks."""
    return [
        Session(number(one.digest), one.browser, one.begun_at, one.seen_at, one.digest == here)
        for one in sessions.of(database, row.id, ends.before(moment))
    ]


def end(
    database: Database, actor: Actor, row: AccountRow, ends: Ends, moment: dt.datetime, *, only: str = "",
    but: str = "",
) -> int:  # fmt: skip
    """End the session of a number, or all but that of a digest; answers how many there were."""
    found = [one.digest for one in sessions.of(database, row.id, ends.before(moment))]
    gone = [one for one in found if (number(one) == only if only else one != but)]
    return sessions.end(database, row.id, row.name, gone, partial(audited, actor), halves=not only)
