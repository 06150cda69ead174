"""How often somebody may ask: token buckets, kept in the memory of one process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address, ip_network
from threading import Lock
from typing import Final

from hub.errors import HubError, Retriable

KNOWN = 10_000
STRANGERS: Final = (0.5, 600)
"""Log-ins that one address begins and does not finish: so many a second, so many at once. Each is a row for a while."""


@dataclass(slots=True)
class Buckets:
    """Token buckets by name: ``rate`` requests a second, ``burst`` at once. The least recently seen are
    forgotten: a forgotten one is full, so many strangers cost no memory and free nobody for long."""

    rate: float
    burst: int
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, name: str) -> float:
        """Take a token; answers 0, or the seconds until there is one."""
        with self._lock:
            moment = self.clock()
            left, since = self._left.pop(name, (float(self.burst), moment))
            left = min(float(self.burst), left + (moment - since) * self.rate)
            wait = 0.0 if left >= 1 else (1 - left) / self.rate
            self._left[name] = (left - (not wait), moment)
            if len(self._left) > KNOWN:
                self._left.popitem(last=False)
            return wait

    def wait(self, name: str) -> float:
        """Seconds until there is a token; takes none."""
        with self._lock:
            left, since = self._left.get(name, (float(self.burst), 0.0))
            left += (self.clock() - since) * self.rate
            return max(0.0, (1 - left) / self.rate)

    def forget(self) -> None:
        """Nobody was seen."""
        with self._lock:
            self._left.clear()

    def refund(self, name: str) -> None:
        """Give a token back that was taken before it was known whether it is due."""
        with self._lock:
            left, since = self._left.get(name, (float(self.burst), self.clock()))
            self._left[name] = (min(float(self.burst), left + 1), since)


def network(client: tuple[str, int] | None) -> str:
    """Who asks, as he is counted: an address of IPv4, and of IPv6 the network (/64) that one household has for itself.
    ``client`` is host and port, as Starlette knows them."""
    if client is None:
        return ""
    try:
        found = ip_address(client[0].partition("%")[0])
    except ValueError:
        return client[0]
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


def too_many(wait: float) -> HubError:
    """Retriable ``request.many`` with the wait."""
    return Retriable(
        "request.many",
        "too many requests in a short time",
        hint=f"wait {wait:.1f} s, then ask less often",
        wait=wait,
    )
