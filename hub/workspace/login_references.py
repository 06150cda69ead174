"""What ``login`` of ``config/hub.yaml`` names: is it there, and can it prove who somebody is?"""

from __future__ import annotations

from hub.workspace.build import Built
from hub.workspace.explain import Loc
from hub.workspace.scope import Scope


def check_login(scope: Scope, built: Built) -> None:
    """All ways to log in."""
    if built.hub is None:
        return
    login = built.hub.login
    if login.directories and built.hub.people is None:
        message = "login: nobody can log in, for this hub does not say who is a person"
        scope.error(("login",), "people.undeclared", message, "declare people: {model: …}", key=True)
    domains: dict[str, str] = {}
    for name, one in login.directories.items():
        at: Loc = ("login", "directories", name)
        _system(scope, built, one.system, at)
        for index, domain in enumerate(one.domains):
            if domain in domains:
                message = f"login: people of {domain} would log in by {domains[domain]} and by {name}"
                scope.error((*at, "domains", index), "login.domain", message, "leave the domain to one of them")
            domains.setdefault(domain, name)


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
