"""What was set aside, by cause, for who administers the system: looked at again, or taken off the list."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import ConfigError
from hub.exchange.decisions import replay as replaying
from hub.exchange.keytokens import Keys
from hub.portal.administering import DECIDES, answered, required
from hub.portal.exchanges import acting, to_run
from hub.portal.ground import HOME, Form, Ground, Here, Me
from hub.store import quarantined
from hub.store.reports import Cause, Entry, causes

router = APIRouter(prefix="/operators/setaside")
SHOWN: Final = 50
EXAMPLES: Final = 3


@router.get("")
def setaside(
    request: Request, here: Here, me: Me, exchange: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """The most frequent cause first, each with its newest records; keys are masked as their fields are."""
    required(here, me, "setaside")
    found = by_cause(here, exchange or None)
    filled = {"causes": found[:SHOWN], "more": len(found) > SHOWN, "exchange": exchange}
    return answered(request, here, me, "setaside", "op_setaside", filled)


def by_cause(
    here: Ground, exchange: str | None, output: str = ""
) -> list[tuple[Cause, list[tuple[str, str, Entry]]]]:
    """Causes of an exchange (None: of all), or of one of its outputs alone, each with its newest records: key,
    position, entry."""
    keys = Keys(here.hub)

    def shown(each: Entry) -> tuple[str, str, Entry]:
        return keys.shown(each.exchange, each.key), keys.position(each.exchange, each.position), each

    return [
        (one, [shown(each) for each in one.examples])
        for one in causes(here.hub.database, exchange, examples=EXAMPLES)
        if one.exchange in here.hub.workspace.mappings and output in ("", one.output)
    ]


@router.post("/replays")
def replay(here: Here, me: Me, form: Form) -> Response:
    """Entries of a cause go through the mapping as it is now; with ``preview`` only a plan is made of them."""
    required(here, me, "setaside", DECIDES)
    chosen = _chosen(here, form.get("cause", ""))
    key = f"portal/{me.account.name}/replay/{form.get('cause', '')}/{form.get('key', '')[:40]}"
    work = partial(replaying.replay, acting(here, me), chosen, key, preview=form.get("preview") == "1")
    here.starter.start(key, chosen.exchange, work)
    return to_run(chosen.exchange, key)


@router.post("/dismissals")
def dismiss(here: Here, me: Me, form: Form) -> Response:
    """They are not looked at again until their record changes."""
    required(here, me, "setaside", DECIDES)
    cause, reason = form.get("cause", ""), form.get("reason", "").strip()
    if not reason:
        raise ConfigError("quarantine.reason", "who takes records off the list says why", hint="give a reason")
    _chosen(here, cause)
    replaying.dismiss(acting(here, me), [cause], [], reason)
    return RedirectResponse(f"{HOME}/operators/setaside", 303)


def _chosen(here: Ground, cause: str) -> quarantined.Chosen:
    found = quarantined.chosen(here.hub.database, causes=[cause])
    if not found:
        raise ConfigError("quarantine.unknown", f"nothing is set aside for {cause!r}", hint="load the list anew")
    return found[0]
