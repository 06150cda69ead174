"""What a person is asked before a client gets its code: to log in, which account, whether he agrees. ``decide`` only
tells; the page does it."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hub.errors import AuthError, ConfigError
from hub.store import sso_clients, sso_devices, sso_grants
from hub.store.accounts import AccountRow, SessionRow
from hub.store.database import new_id
from hub.store.sso_clients import Ask
from hub.store.sso_grants import Code, Family
from hub.workspace.sso import ClientFile
from sso.authorize import Refused, back, refused
from sso.cas import issued
from sso.claims import wanted
from sso.ground import CONTEXTS, Provider, Whom, digest, fresh, public


@dataclass(frozen=True, slots=True)
class Login:
    """He must prove who he is; ``again`` although he is logged in. ``oldest``: whoever proves it elsewhere may have
    seen him so many seconds ago; None: however long ago."""

    again: bool
    hint: str = ""
    oldest: int | None = None


@dataclass(frozen=True, slots=True)
class Choose:
    """He has several accounts in the client's system."""

    accounts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Consent:
    """What the client would learn: scopes, and names of claims. ``shown`` comes back with his answer: it is of this
    question, to whoever is logged in in this session."""

    scopes: Sequence[str]
    claims: Sequence[str]
    shown: str


@dataclass(frozen=True, slots=True)
class Go:
    """The browser goes back to the client; with ``fields`` by a form that it posts."""

    address: str
    fields: Mapping[str, str] = field(default_factory=dict)


Step = Login | Choose | Consent | Go


def decide(
    here: Provider, ask: Ask, account: AccountRow | None, session: SessionRow | None, *, agreed: bool = False
) -> Step:
    """The next step; ``agreed``: the owner of the session said so just now. AuthError ``sso.account`` where a person
    has no account in the client's system; ConfigError ``sso.ask`` where a code of a device was typed by another."""
    file = here.hub.workspace.clients.get(ask.client)
    silent = "none" in ask.asked["prompt"]
    _require_own(ask, session)
    try:
        if file is None:
            raise Refused("unauthorized_client", "the client is not there any more")
        return _decide(here, ask, file, account, session, silent, agreed)
    except Refused as error:
        sso_clients.forget(here.hub.database, ask.digest)
        if "cas" in ask.asked:
            return _without_ticket(ask, file)
        told = Refused(error.error, error.description, ask.asked["redirect_uri"], ask.asked["state"])
        return Go(refused(here, told))


def _require_own(ask: Ask, session: SessionRow | None) -> None:
    """The question of a device is put to who typed its code, in that session: an address that somebody sends him asks
    him nothing (RFC 8628, 5.4)."""
    if "device" in ask.asked and (session is None or ask.asked["session"] != session.digest):
        raise ConfigError(
            "sso.ask",
            "the code of the device was typed in another session",
            hint="type the code that your own device shows, at /portal/sso/device",
        )


def _without_ticket(ask: Ask, file: ClientFile | None) -> Go:
    """A service that asked by gateway learns that nobody is logged in; one that is gone learns nothing."""
    if file is None:
        raise ConfigError("sso.request", "the service is not there any more", hint="compare config/clients")
    return Go(ask.asked["redirect_uri"])


def _decide(
    here: Provider, ask: Ask, file: ClientFile, account: AccountRow | None, session: SessionRow | None, silent: bool,
    agreed: bool,
) -> Step:  # fmt: skip
    person = here.person(account.person) if account is not None else None
    if account is None or session is None or person is None:
        return _login(False, ask, silent)
    if not _recent(ask, session):
        return _login(True, ask, silent)
    _require_context(ask, session)
    if not _is_hinted(here, ask, file, person):
        if session.begun_at >= ask.made_at:
            raise Refused("login_required", "somebody else logged in than the client asked for")
        return _login(True, ask, silent)
    names = here.accounts(file, person)
    chosen = ask.asked.get("chosen", {})
    name = chosen["name"] if chosen.get("session") == session.digest and chosen["name"] in names else None
    if file.system is not None and not names:
        return _nobody(file, silent)
    if len(names) == 1:
        name = names[0]
    if names and name is None:
        if silent:
            raise Refused("account_selection_required", "the person has several accounts")
        return Choose(names)
    if not agreed and _asks(here, ask, file, account):
        if silent:
            raise Refused("consent_required", "the person has not agreed")
        scopes, claims = ask.asked["scope"].split(), _learned(file, ask)
        return Consent(scopes, claims, _shown(ask, session, scopes, claims))
    sub = sso_clients.subject(here.hub.database, file.client, person, here.now(), account.person)
    try:
        return _issued(here, ask, file, Whom(person, sub, name), account, session)
    except sso_grants.SessionEnded:  # while this was decided
        return _login(False, ask, silent)


def _login(again: bool, ask: Ask, silent: bool) -> Step:
    if silent:
        raise Refused("login_required", "nobody is logged in, or not recently enough")
    return Login(again, ask.asked["hint"], 0 if again or _anew(ask) else ask.asked["max_age"])


def _recent(ask: Ask, session: SessionRow) -> bool:
    """Whether its owner proved who he is as recently as the client asks: after the request, or within max_age of it."""
    oldest = 0 if _anew(ask) else ask.asked["max_age"]
    if oldest is None:
        return True
    return session.proven_at is not None and session.proven_at >= ask.made_at - dt.timedelta(seconds=oldest)


def _anew(ask: Ask) -> bool:
    return bool({"login", "select_account"} & set(ask.asked["prompt"]))


def context(session: SessionRow) -> str:
    """The acr of a session, by the methods of RFC 8176 that proved its owner."""
    return CONTEXTS["mfa" in (session.methods or "").split()]


def _require_context(ask: Ask, session: SessionRow) -> None:
    """A context that is asked for as essential must be the one that there is (OpenID Connect Core 1.0, 5.5.1.1)."""
    wish = _of_id_token(ask, "acr")
    values = wish.get("values") or ([wish["value"]] if "value" in wish else [])
    if wish.get("essential") and values and context(session) not in values:
        raise Refused("unmet_authentication_requirements", "no log-in here has such an acr")


def _is_hinted(here: Provider, ask: Ask, file: ClientFile, person: uuid.UUID) -> bool:
    """Whether it is whom the client asks for, if it asks for somebody."""
    wishes = {ask.asked["sub"], _of_id_token(ask, "sub").get("value")} - {None}
    return not wishes or wishes == {sso_clients.known_subject(here.hub.database, file.client, person)}


def _of_id_token(ask: Ask, name: str) -> dict[str, Any]:
    found = ((ask.asked["claims"] or {}).get("id_token") or {}).get(name)
    return found if isinstance(found, dict) else {}


def _nobody(file: ClientFile, silent: bool) -> Step:
    if silent:
        raise Refused("access_denied", "the person has no account in the system of the client")
    raise AuthError(
        "sso.account",
        f"you have no account in {file.system}, so you cannot log in there",
        hint="ask who keeps that system for an account; it is known here after the next run of its exchange",
    )


def _asks(here: Provider, ask: Ask, file: ClientFile, account: AccountRow) -> bool:
    """Whether he is still to agree."""
    if "consent" in ask.asked["prompt"]:
        return True
    if "device" in ask.asked:
        return True  # the code may have come from somebody else: he sees for what he logs in, always
    if file.consent != "ask":
        return False
    scopes, claims = sso_clients.consented(here.hub.database, account.id, file.client)
    return not (set(ask.asked["scope"].split()) <= scopes and set(_learned(file, ask)) <= claims)


def _learned(file: ClientFile, ask: Ask) -> list[str]:
    """Names of all claims that the client would get, by scope or by name, wherever they are told."""
    places = ("userinfo", "id_token")
    names = [name for place in places for name in wanted(file, ask.asked["scope"], ask.asked["claims"], place)]
    return list(dict.fromkeys(names))


def _shown(ask: Ask, session: SessionRow, scopes: Sequence[str], claims: Sequence[str]) -> str:
    """Nobody makes it up who does not hold the session."""
    text = json.dumps([ask.digest, *scopes, "", *claims])
    return hmac.new(session.digest.encode(), text.encode(), hashlib.sha256).hexdigest()


def agree(here: Provider, ask: Ask, account: AccountRow, session: SessionRow, shown: str, yes: bool) -> Step:
    """What he answered to the question that he was shown: the next step. Where he is to be asked another one, or
    somebody else was asked, it is the question."""
    step, database = decide(here, ask, account, session), here.hub.database
    if not isinstance(step, Consent) or not hmac.compare_digest(step.shown.encode(), shown.encode()):
        return step
    if not yes:
        return _declined(here, ask)
    scopes, claims = sso_clients.consented(database, account.id, ask.client)
    sso_clients.consent(database, account.id, ask.client, scopes | {*step.scopes}, claims | {*step.claims}, here.now())
    return decide(here, ask, account, session, agreed=True)


def _declined(here: Provider, ask: Ask) -> Go:
    """A no goes back to the client at once."""
    sso_clients.forget(here.hub.database, ask.digest)
    if "cas" in ask.asked:
        raise AuthError("sso.declined", "you did not agree, so you are not logged in there", hint="begin again")
    if "device" in ask.asked:
        sso_devices.refuse(here.hub.database, ask.asked["device"], here.now())
    no = Refused("access_denied", "the person did not agree", ask.asked["redirect_uri"], ask.asked["state"])
    return Go(refused(here, no))


def choose(here: Provider, ask: Ask, account: AccountRow, session: SessionRow, name: str) -> Step:
    """The account that he chose of those that he was asked for, in this session: the next step."""
    step = decide(here, ask, account, session)
    if not isinstance(step, Choose) or name not in step.accounts:
        return step
    chosen = {"chosen": {"name": name, "session": session.digest}}
    sso_clients.answered(here.hub.database, ask.digest, chosen)
    return decide(here, replace(ask, asked={**ask.asked, **chosen}), account, session)


def _issued(
    here: Provider, ask: Ask, file: ClientFile, whom: Whom, account: AccountRow, session: SessionRow
) -> Go:
    """A code or a service ticket, and the address that takes it to the client; a device takes its tokens itself."""
    text, moment, by_cas = fresh("cpc"), here.now(), "cas" in ask.asked
    family = Family(
        id=new_id(),
        client=file.client,
        scope=ask.asked["scope"],
        offline="offline_access" in ask.asked["scope"].split() and not by_cas,
        made_at=moment,
        ends_at=here.after(here.rules.refresh),
        person=account.person,
        account=account.id,
        name=whom.name,
        session=session.digest,
        sid=public(session.digest),
        sub=whom.sub,
        claims=ask.asked["claims"],
        nonce=ask.asked["nonce"],
        acr=context(session),
        amr=session.methods or "",
        auth_time=session.proven_at,
    )
    if by_cas:
        return Go(*issued(here, ask, family, account.name))
    if "device" in ask.asked:
        if not sso_devices.grant(here.hub.database, ask.asked["device"], family, ask.digest, moment):
            raise Refused("expired_token", "the device waits no more")
        return Go(back(ask.asked["redirect_uri"], done="1"))
    code = Code(digest(text), family.id, ask.asked["redirect_uri"], ask.asked["challenge"], here.after(here.rules.code))
    sso_grants.begin(here.hub.database, family, code, ask.digest)
    return Go(back(code.redirect_uri, code=text, state=ask.asked["state"], iss=here.issuer))
