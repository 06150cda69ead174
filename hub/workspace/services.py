"""Addresses of services, compared part by part: an origin, and a path that begins with another. No patterns."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

LONGEST: Final = 2000
PORTS: Final = {"http": 80, "https": 443}
HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Service:
    """``rest`` are query and fragment with their signs; ``text`` is the address in its one form."""

    origin: str
    path: str
    rest: str

    @property
    def text(self) -> str:
        return f"{self.origin}{self.path}{self.rest}"

    def lies_under(self, prefix: Service) -> bool:
        """Same origin, and a path that is the prefix's or goes on from it at a slash.

        >>> parsed("https://oa.example.com/app/x?y").lies_under(parsed("https://OA.example.com:443/app"))
        True
        >>> parsed("https://oa.example.com/application").lies_under(parsed("https://oa.example.com/app"))
        False
        """
        begin = prefix.path if prefix.path.endswith("/") else f"{prefix.path}/"
        return self.origin == prefix.origin and (self.path == prefix.path or self.path.startswith(begin))


def parsed(address: str) -> Service | None:
    """None where browsers and servers could read it in different ways: userinfo, backslashes, blanks, steps upward
    however they are written, hosts that are no plain names."""
    if len(address) > LONGEST or any(ord(letter) <= 32 or ord(letter) == 127 or letter == "\\" for letter in address):
        return None
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    host = _host(parts.netloc, parts.hostname)
    if parts.scheme not in PORTS or host is None or any(map(_moves, parts.path.split("/"))):
        return None
    colon = "" if port in (None, PORTS[parts.scheme]) else f":{port}"
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return Service(f"{parts.scheme}://{host}{colon}", parts.path or "/", query + fragment)


def _host(netloc: str, name: str | None) -> str | None:
    if name is None or "@" in netloc:
        return None
    if netloc.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(name)}]"
        except ValueError:
            return None
    return name if HOST.fullmatch(name) else None


def _moves(step: str) -> bool:
    """Whether a step of a path leads elsewhere than down: ``..`` also as ``%2e%2e`` or ``..;x``, a hidden slash."""
    plain = unquote(step)
    return plain.partition(";")[0] in (".", "..") or "/" in plain or "\\" in plain


def owner(prefixes: Mapping[str, Iterable[str]], service: Service) -> str | None:
    """Whose service it is: the name with the longest prefix over it."""
    over = [
        (len(prefix.path), name)
        for name, texts in prefixes.items()
        for prefix in map(parsed, texts)
        if prefix is not None and service.lies_under(prefix)
    ]
    return max(over)[1] if over else None
