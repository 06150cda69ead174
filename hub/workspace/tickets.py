"""Tickets in ``config/clients/NAME.yaml``: how a to-do is opened in a system that speaks no protocol of log-in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import quote

from pydantic import Field, StringConstraints

from hub.workspace.hooks import SecretReference
from hub.workspace.services import parsed
from hub.workspace.strict import Shape

TOKEN: Final = "token"
"""In a template: the ticket."""
NAMED: Final = re.compile(r"\{([^{}]*)\}")
Template = Annotated[str, StringConstraints(pattern=r"^/[^\s\\]*$", max_length=1000)]
Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+[^\s?#]*$", max_length=500)]
Dialect = Literal["cophub", "seeyon", "weaver", "kingdee_k3cloud", "nc_cloud"]
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "cophub": (),
    "seeyon": (),
    "weaver": ("app",),
    "kingdee_k3cloud": ("app", "secret", "book", "form"),
    "nc_cloud": ("app", "secret", "book"),
}
"""What a dialect cannot do without."""


class Tickets(Shape):
    """How a to-do of ``system`` is opened there by who is logged in here."""

    dialect: Dialect = Field(description="Whose tickets: the hub's own (cophub), or those that a product knows")
    url: Address = Field(
        description="Where the system is; http only on loopback", examples=["https://oa.example.com/seeyon"]
    )
    todo: Template = Field(
        description="Path of a to-do's page below url. {token} is the ticket, {id} the to-do's id in the system, any "
        "other name an attribute of it; what is filled in is encoded",
        examples=["/login/sso?from=hub&ticket={token}"],
    )
    home: Template | None = Field(
        None,
        description="Path of the page where people begin, for the portal's applications; {token} is the ticket",
        examples=["/login/sso?from=hub&ticket={token}"],
    )
    send: Literal["get", "post"] = Field("get", description="post: the ticket is a field of a form, named ticket")
    probe: Template = Field(
        "/", description="Path that is asked for before anybody is sent there; any answer below 500 will do"
    )
    app: str = Field(
        "", description="weaver: appid; kingdee_k3cloud: appid; nc_cloud: client_id", examples=["hub"]
    )
    secret: SecretReference | None = Field(None, description="Its secret", examples=["secret://k3/app"])
    book: str = Field("", description="kingdee_k3cloud: dbid; nc_cloud: dsname", examples=["design"])
    center: str = Field("", description="nc_cloud: busicentercode")
    form: str = Field("", description="kingdee_k3cloud: formid of the page", examples=["BOS_TODO"])
    form_type: str = Field("bill", description="kingdee_k3cloud: formtype")
    record: str = Field("{id}", description="kingdee_k3cloud: pkid, filled in as todo is")
    hash: Literal["sha256", "sha1"] = Field("sha256", description="kingdee_k3cloud: sha1 for old builds")
    order: list[Literal["user", "secret", "time"]] = Field(
        ["user", "secret", "time"],
        min_length=3,
        max_length=3,
        description="nc_cloud: what is signed, in the order in which the installation joins it",
    )


def filled(template: str, values: Mapping[str, str], encode: bool = True) -> str:
    """A template with its names replaced, each value encoded for an address. KeyError for a name without a value.

    >>> filled("/flow?id={id}", {"id": "a/../b&c"})
    '/flow?id=a%2F..%2Fb%26c'
    """
    return NAMED.sub(lambda found: quote(values[found[1]], safe="") if encode else values[found[1]], template)


def address(rule: Tickets, values: Mapping[str, str]) -> str | None:
    """The page of a to-do; None where what was filled in leads out of the system."""
    home, place = parsed(rule.url), parsed(rule.url.rstrip("/") + filled(rule.todo, values))
    return place.text if home is not None and place is not None and place.lies_under(home) else None


def ticket_problems(rule: Tickets) -> list[tuple[tuple[str | int, ...], str, str]]:
    """(place, message, what to do) of what is wrong within one file."""
    found: list[tuple[tuple[str | int, ...], str, str]] = []
    for name in NEEDED[rule.dialect]:
        if not getattr(rule, name):
            found.append((("tickets", name), f"tickets.{name}: {rule.dialect} needs it", "write it"))
    for at, template in (("todo", rule.todo), ("home", rule.home)):
        found += [] if template is None else _template_problems(rule, at, template)
    if sorted(rule.order) != ["secret", "time", "user"]:
        found.append((("tickets", "order"), "tickets.order: user, secret and time, each once", "write all three"))
    return found


def _template_problems(rule: Tickets, at: str, template: str) -> list[tuple[tuple[str | int, ...], str, str]]:
    names = NAMED.findall(template)
    told = []
    if (TOKEN in names) == (rule.send == "post"):
        flaw = "a ticket that is posted is not in the address" if rule.send == "post" else "there is no {token}"
        told.append((flaw, "write {token} where the ticket belongs, or send: post"))
    if at == "home" and set(names) - {TOKEN}:
        told.append(("only {token} is known there", "leave the other names out"))
    if address(rule.model_copy(update={"todo": template}), dict.fromkeys(names, "x")) is None:
        told.append(("it leads out of url", "write a path below url"))
    return [(("tickets", at), f"tickets.{at}: {flaw}", what) for flaw, what in told]
