"""Where somebody logs in: found by what he typed, never by whether there is such an account."""

from __future__ import annotations

from typing import Final

from hub.workspace.login import Login, domain_of

HERE: Final = "hub"
"""The hub's own accounts, as a form names them."""


def realm(login: Login, name: str, chosen: str) -> str:
    """The name of a directory or of a provider, or ``hub``: what was chosen where it is the hub; else whose the domain
    of the name is; else the directory that was chosen; else the hub."""
    if chosen == HERE:
        return HERE
    domain = domain_of(name)
    domains = {called: one.domains for called, one in login.directories.items()}
    domains |= {called: one.domains for called, one in login.providers.items()}
    by_domain = [called for called, named in domains.items() if domain in named]
    return by_domain[0] if by_domain else chosen if chosen in login.directories else HERE
