"""Where somebody logs in: found by what he typed, never by whether there is such an account."""

from __future__ import annotations

from typing import Final

from hub.workspace.login import Login, domain_of

HERE: Final = "hub"
"""The hub's own accounts, as a form names them."""


def realm(login: Login, name: str, chosen: str) -> str:
    """The name of a directory, or ``hub``: what was chosen where it is the hub; else whose the domain of the name is;
    else what was chosen, where it is there; else the hub."""
    if chosen == HERE:
        return HERE
    domain = domain_of(name)
    by_domain = [called for called, one in login.directories.items() if domain in one.domains]
    return by_domain[0] if by_domain else chosen if chosen in login.directories else HERE
