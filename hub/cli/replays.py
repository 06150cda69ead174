"""``quarantine replay`` and ``quarantine dismiss``: what was set aside, once more or off the list."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from hub.bootstrap import Opened
from hub.cli.ending import Ending
from hub.cli.opening import opened_hub
from hub.cli.progress import progress
from hub.cli.run import Ended, answer, failed, fresh_key, show
from hub.cli.say import Say, plural, short
from hub.errors import ConfigError, HubError
from hub.exchange.decisions.replay import dismiss, replay
from hub.store import quarantined
from hub.store.quarantined import Chosen
from hub.store.reports import find_entry


@dataclass(frozen=True, slots=True)
class Meant:
    """Which entries: those of an exchange, of a cause, or single ones; all where none is named."""

    exchange: str | None = None
    causes: tuple[str, ...] = ()
    entries: tuple[uuid.UUID, ...] = ()


def replay_entries(say: Say, target: str | None, code: str | None, *, everything: bool, preview: bool) -> int:
    """Run what is meant once more, one exchange after the other; answers the exit code. ConfigError
    ``quarantine.replay`` where nothing says what: everything that was ever set aside is seldom meant."""
    if (target is None) != everything:
        raise ConfigError(
            "quarantine.replay",
            "to replay needs what: one exchange, cause, entry or key, or --all; not both",
            hint="cophub quarantine shows the causes; cophub quarantine replay CAUSE --preview, or --all",
        )
    with opened_hub(say) as opened:
        meant = _meant(opened, target) if target else Meant()
        found = quarantined.chosen(
            opened.hub.database,
            exchange=meant.exchange,
            causes=meant.causes,
            entries=meant.entries,
            code=code,
        )
        if not found:
            say.line("nothing is set aside there")
        ended = [_one(say, opened, chosen, preview=preview) for chosen in found]
        if ended:
            show(say, ended)
        for item in ended:
            if item.result is not None and item.result.plan is not None:
                plan = short(item.result.plan)
                say.line(f"a preview, nothing was changed: cophub plan show {plan}; cophub apply {plan}")
    return answer(say, ended)


def _one(say: Say, opened: Opened, chosen: Chosen, *, preview: bool) -> Ended:
    start = time.monotonic()
    key = fresh_key(f"replay/{chosen.exchange}")
    try:
        with Ending() as ending, progress(say.err, chosen.exchange, quiet=say.silent) as told:
            result = replay(opened.hub, chosen, key, preview=preview, progress=ending.watch(told))
    except HubError as error:
        return failed(say, chosen.exchange, error, start)
    if chosen.without:
        read = f"cophub run {chosen.exchange} --full"
        say.line(f"{plural(chosen.without, 'entry', 'entries')} without an original: read again by {read}")
    return Ended(chosen.exchange, result, None, time.monotonic() - start)


def dismiss_entries(say: Say, target: str | None, reason: str) -> None:
    """Take a cause or an entry off the list."""
    if target is None or not reason.strip():
        raise ConfigError(
            "quarantine.dismiss",
            "to dismiss needs what and why",
            hint='cophub quarantine dismiss CAUSE --reason "closed supplier"',
        )
    with opened_hub(say) as opened:
        meant = _meant(opened, target)
        if meant.exchange is not None:
            raise ConfigError(
                "quarantine.dismiss",
                f"{target} is a whole exchange",
                hint="give a cause or an entry: see cophub quarantine",
            )
        count = dismiss(opened.hub, meant.causes, meant.entries, reason)
    say.line(f"{plural(count, 'entry', 'entries')} dismissed, until the record or its mapping changes")
    say.answer({"dismissed": count})


def _meant(opened: Opened, target: str) -> Meant:
    """ConfigError ``quarantine.unknown`` where it is neither a mapping, a cause, a record's key nor an entry."""
    if target in opened.hub.workspace.mappings:
        return Meant(exchange=target)
    if quarantined.is_cause(opened.hub.database, target):
        return Meant(causes=(target,))
    if entries := quarantined.of_key(opened.hub.database, target):
        return Meant(entries=entries)
    return Meant(entries=(find_entry(opened.hub.database, target).id,))
