"""Pages for who administers: people and whose accounts are theirs, clients, systems, the audit chain.

Each belongs to one of the three parts of administration (``hub.security.decisions``), and is there for nobody else: a
portal that names no administrators shows them to no one.
"""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import ConfigError, HubError
from hub.identity import accounts as of_systems
from hub.identity import people as found
from hub.identity.view import View, declared
from hub.literals import integer
from hub.portal.administering import answered, pages_of, place, required
from hub.portal.ground import HOME, Ground, Here, Me, language
from hub.portal.shown import Reader
from hub.portal.words import say, sentence
from hub.portal.words_audit import CHINESE
from hub.security.accounts import actor_of
from hub.security.audit import ACTIONS
from hub.security.clearance import sight_of
from hub.store import accounts as of_hub
from hub.store import audit, linked, logins, sso_clients
from hub.store.directory import Wanted
from hub.workspace.roles import RolesFile
from hub.workspace.scim_references import SCIM_CLIENT
from hub.workspace.sso import ClientFile
from sso.clients import named
from sso.preview import previewed

router = APIRouter(prefix="/operators")
SHOWN: Final = 50
Text = Annotated[str, Query(max_length=200)]


def _view(here: Ground) -> View:
    """All people, with what is classified masked: the clear needs a reason, which the API and the command line ask
    for."""
    workspace = here.hub.workspace
    return View(here.hub, here.trees, frozenset(workspace.models), frozenset(workspace.systems))


@router.get("")
def first(here: Here, me: Me) -> Response:
    """The first page that is the reader's."""
    mine = pages_of(here.hub.workspace.roles, me.account.name)
    if not mine:
        required(here, me, "people")
    return RedirectResponse(f"{HOME}/operators/{mine[0]}", 303)


# ------------------------------------------------------------ people


@router.get("/people")
def people(request: Request, here: Here, me: Me, q: Text = "", system: Text = "", account: Text = "") -> Response:
    """Found by what a name or number begins with; or by an account, whose owner's page says why it is his."""
    required(here, me, "people")
    view, told = _view(here), ""
    if system and account.strip():
        owner = _owner(view, system, account.strip())
        if owner is not None:
            asked = urlencode({"system": system, "account": account.strip()})
            place = f"{HOME}/operators/people/{owner}?{asked}#why"
            if "hx-request" in request.headers:
                return Response(headers={"hx-redirect": place})
            return RedirectResponse(place, 303)
        told = "operators.account.none"
    text = q.strip()
    wanted = Wanted(text, found.searched(view), state=None)
    rows = found.search(view, wanted, None, None, SHOWN + 1)[0] if text else []
    reader = Reader(language(request), here.hub.clock(), here.hub.workspace)
    systems = {name: reader.system(name) for name in sorted(here.hub.workspace.systems)}
    filled = {
        "q": text, "people": found.brief(view, rows[:SHOWN]), "more": len(rows) > SHOWN, "systems": systems,
        "asked": (system, account), "told": told,
    }  # fmt: skip
    return answered(request, here, me, "people", "op_people", filled)


def _owner(view: View, system: str, account: str) -> uuid.UUID | None:
    with view.hub.database.begin(reading=True) as connection:
        rows = linked.holders(connection, declared(view.hub).model, system, account)
    owners = {row["entity"] for row in rows if row["entity"] is not None}
    return owners.pop() if len(owners) == 1 else None


@router.get("/people/{identity}")
def person(
    request: Request, here: Here, me: Me, identity: uuid.UUID, system: Text = "", account: Text = ""
) -> Response:
    """One of them with posts, units and accounts, and why one of the accounts is his."""
    required(here, me, "people")
    view = _view(here)
    row = found.person(view, str(identity))
    whole = found.whole(view, row)
    own = [one for one in of_hub.listed(here.hub.database) if one.person in (identity, row["_id"])]
    filled = {
        "one": whole, "accounts": of_systems.accounts(view, row["_id"]), "own": own, "asked": (system, account),
        "links": {one.id: logins.links(here.hub.database, one.id) for one in own},
        "reasons": _reasons(request, view, row["_id"], system, account) if system and account else None,
    }  # fmt: skip
    return answered(request, here, me, "people", "op_person", filled)


def _reasons(request: Request, view: View, person: uuid.UUID, system: str, account: str) -> list[tuple[str, str, str]]:
    """Code, what it means in the reader's language, and the sentence; what no exchange links says so."""
    spoken = "zh" if language(request).partition("-")[0].lower() == "zh" else "en"
    try:
        reasons = of_systems.explain(view, person, system, account)
    except HubError as error:
        if error.code != "account.unknown":
            raise
        return [(error.code, sentence(spoken, error.code), error.message)]
    return [(one.code, say(spoken, f"operators.{one.code}"), one.message) for one in reasons]


# ------------------------------------------------------------ clients


@router.get("/clients")
def clients(request: Request, here: Here, me: Me) -> Response:
    """Applications that log people in here, and those that write people by SCIM."""
    required(here, me, "clients")
    files = here.hub.workspace.clients
    made = {name: sso_clients.secret(here.hub.database, name) for name in files}
    scim = {name: one for name, one in here.hub.workspace.systems.items() if one.spec.name == SCIM_CLIENT}
    filled = {"clients": files, "made": made, "protocols": protocols, "scim": scim}
    return answered(request, here, me, "clients", "op_clients", filled)


def protocols(file: ClientFile) -> list[str]:
    """What a client speaks."""
    found_ = ["OIDC"] if file.redirect_uris or "client_credentials" in file.grants else []
    return found_ + ["CAS"] * (file.cas is not None) + ["tickets"] * (file.tickets is not None)


@router.get("/clients/{name}")
def client(request: Request, here: Here, me: Me, name: str, person: Text = "") -> Response:
    """One of them, and what it would be told of a named person."""
    required(here, me, "clients")
    file = named(here.hub.workspace, name)
    filled: dict[str, Any] = {
        "file": file, "protocols": protocols(file), "made": sso_clients.secret(here.hub.database, name),
        "person": person.strip(), "preview": None, "told": "", "offered": here.sso is not None,
    }  # fmt: skip
    if person.strip() and here.sso is not None:
        sight = sight_of(RolesFile(), actor_of(me.account.name), here.sso.model)
        try:
            who = found.person(_view(here), person.strip())["_id"]
            filled["preview"] = previewed(here.sso, file, who, None, sight)
        except ConfigError as error:
            if error.code not in ("person.unknown", "id.ambiguous"):
                raise
            filled["told"] = "operators.person.none"
    return answered(request, here, me, "clients", "op_client", filled)


# ------------------------------------------------------------ systems, audit


@router.get("/systems")
def systems(request: Request, here: Here, me: Me) -> Response:
    """How many accounts each system has; of whom, only who keeps their security sees."""
    required(here, me, "systems")
    with here.hub.database.begin(reading=True) as connection:
        rows = linked.counts(connection, declared(here.hub).model)
    return answered(request, here, me, "systems", "op_systems", {"rows": rows})


@router.get("/audit")
def entries(
    request: Request, here: Here, me: Me, action: Text = "", actor: Text = "", about: Text = "", after: Text = ""
) -> Response:
    """The entries of the audit chain, the newest first."""
    required(here, me, "audit")
    known = sorted({one.partition(".")[0] for one in ACTIONS})
    rows = audit.newest(
        here.hub.database, SHOWN + 1, action=action if action in known else "", actor=actor, object=about, since="",
        before=(place(after, integer) or (None,))[0],
    )  # fmt: skip
    filled = {
        "entries": [(one, _details(one.details)) for one in rows[:SHOWN]], "known": known,
        "asked": (action, actor, about),
        "after": after, "next": rows[SHOWN - 1].seq if len(rows) > SHOWN else "",
        "query": urlencode({"action": action, "actor": actor, "about": about}),
        "meant": {"en": ACTIONS, "zh": CHINESE},
    }  # fmt: skip
    return answered(request, here, me, "audit", "op_audit", filled)


def _details(text: str) -> list[tuple[str, str]]:
    """Name and value; what is no text is told as JSON."""
    found_: dict[str, Any] = json.loads(text)
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in found_.items()
    ]
