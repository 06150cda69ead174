"""What ``login`` of ``config/hub.yaml`` names: is it there, and can it prove who somebody is?"""

from __future__ import annotations

from hub.workspace.address import WRITE, is_plain
from hub.workspace.build import Built
from hub.workspace.explain import Loc
from hub.workspace.login import Provider
from hub.workspace.scope import Scope

MAIL = ("email", "mail", "upn", "preferred_username", "phone_number")


def check_login(scope: Scope, built: Built) -> None:
    """All ways to log in."""
    if built.hub is None:
        return
    login, address = built.hub.login, built.hub.address
    if address is not None and (login.providers or built.hub.sso) and is_plain(address):
        scope.error(("address",), "address.plain", "address is http", "people log in over https")
    if (login.directories or login.providers) and built.hub.people is None:
        message = "login: nobody can log in, for this hub does not say who is a person"
        scope.error(("login",), "people.undeclared", message, "declare people: {model: …}", key=True)
    domains: dict[str, str] = {}
    for name, one in login.directories.items():
        at: Loc = ("login", "directories", name)
        _system(scope, built, one.system, at)
        _domains(scope, name, one.domains, at, domains)
    for name, provider in login.providers.items():
        at = ("login", "providers", name)
        _provider(scope, address, provider, at)
        if name in login.directories:
            message = f"login: {name} is a directory and a provider, and accounts are named by it"
            scope.error(at, "login.name", message, "give one of them another name", key=True)
        _domains(scope, name, provider.domains, at, domains)


def _domains(scope: Scope, name: str, named: list[str], at: Loc, known: dict[str, str]) -> None:
    for index, domain in enumerate(named):
        if domain in known:
            message = f"login: people of {domain} would log in by {known[domain]} and by {name}"
            scope.error((*at, "domains", index), "login.domain", message, "leave the domain to one of them")
        known.setdefault(domain, name)


def _provider(scope: Scope, address: str | None, one: Provider, at: Loc) -> None:
    if address is None:
        message = "login: a provider sends people back to the hub, and nothing says where browsers reach it"
        scope.error(("login",), "address.missing", message, WRITE, key=True)
    if is_plain(one.issuer):
        scope.error((*at, "issuer"), "login.plain", "the issuer is http", "a provider is asked over https")
    if "openid" not in one.scopes:
        message = "without the scope openid a provider says nothing of who logs in"
        scope.error((*at, "scopes"), "login.scopes", message, "write scopes: [openid, profile]")
    if one.account is not None:
        scope.known("system", one.account.system, (*at, "account", "system"))
        if one.account.claim in MAIL:
            message = f"login: {one.account.claim} is no key of a record: who gets another's address gets his account"
            hint = "name a claim that is never given to anybody else, such as oid or employee_number"
            scope.error((*at, "account", "claim"), "login.mail", message, hint)


def _system(scope: Scope, built: Built, name: str, at: Loc) -> None:
    if not scope.known("system", name, (*at, "system")):
        return
    system = built.systems.get(name)
    if system is None:
        return
    if not system.spec.proves:
        message = f"login: {name} is no directory: its connector cannot prove who somebody is"
        scope.error((*at, "system"), "login.system", message, "name a system of the connector ldap")
    elif not getattr(system.settings, "encrypted", True):
        message = f"login: {name} is spoken to in clear text, and passwords of people are sent encrypted only"
        scope.error((*at, "system"), "ldap.login_plain", message, "write ldaps:// in its url:, or starttls: true")
