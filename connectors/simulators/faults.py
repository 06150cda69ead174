"""What a simulator can be told to do wrong.

A fault is written ``kind[=value][,method=POST][,path=TEXT][,skip=N][,times=N|always]``: it strikes
requests of that method whose path contains the text, not the first ``skip``, and then ``times``
times (once, where nothing is said; ``drift``, ``skew`` and ``drop`` always).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

KINDS: Mapping[str, str] = {
    "throttle": "Asked to slow down, as the product says it; value: Retry-After seconds (1), date for an HTTP "
    "date, none for no header",
    "unavailable": "503; value: Retry-After seconds, nothing for no header",
    "unauthorized": "A refused log-in in spite of good credentials, as the product says it",
    "masked": "A refused log-in in the product's own words, with status 200",
    "html": "A log-in page as HTML with status 200",
    "nothing": "An empty body with status 200",
    "cut": "Half of the body, then the connection is closed; Content-Length announces all",
    "lost": "The request is applied, then the connection is closed without an answer",
    "refused": "The connection is closed without applying anything",
    "slow": "The body trickles; value: bytes per second (200)",
    "delay": "The answer comes late; value: seconds (1)",
    "broken": "The request is applied, then answered with status 500",
    "empty": "A list without records, status 200, as if the source were empty",
    "swallowed": "A refused log-in as a list without records and without a count, status 200",
    "count": "The announced count is wrong; value: by how much (1)",
    "twice": "The first record of a page is sent twice",
    "reorder": "The records of a page come in the opposite order",
    "repeat": "A page is sent again in place of the next one, with the same link to the next",
    "skip": "A page in the middle is left out",
    "expire": "A paging token, an access token, or on a write to S/4 the CSRF token is no longer valid",
    "stale": "A paging token or query locator is no longer valid, where the product tells it from an access token",
    "drift": "A field is renamed in answers; value: Old:New, or Old: to remove it",
    "partial": "A row of a batch fails, the others are applied",
    "lie": "A change is acknowledged and not applied",
    "drop": "Of all changes some are acknowledged and not applied; value: how many percent (1)",
    "skew": "The system's clock is wrong; value: seconds it is ahead",
}
_ALWAYS = frozenset({"drift", "skew", "drop"})


@dataclass(slots=True)
class Fault:
    """One switch; ``times`` None means always."""

    kind: str
    value: str = ""
    method: str = ""
    path: str = ""
    skip: int = 0
    times: int | None = 1

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read the text form; ValueError names what is wrong."""
        head, *rest = text.split(",")
        kind, _, value = head.strip().partition("=")
        if kind not in KINDS:
            raise ValueError(f"there is no fault {kind!r}; one of {', '.join(sorted(KINDS))}")
        options = dict(part.strip().partition("=")[::2] for part in rest)
        if unknown := options.keys() - {"method", "path", "skip", "times"}:
            raise ValueError(f"a fault has no option {', '.join(sorted(unknown))}")
        times = options.get("times", "always" if kind in _ALWAYS else "1")
        return cls(
            kind,
            value,
            options.get("method", "").upper(),
            options.get("path", ""),
            int(options.get("skip", "0")),
            None if times == "always" else int(times),
        )

    def __str__(self) -> str:
        parts = [f"{self.kind}={self.value}" if self.value else self.kind]
        parts += [f"{name}={value}" for name in ("method", "path", "skip") if (value := getattr(self, name))]
        return ",".join([*parts, f"times={'always' if self.times is None else self.times}"])

    def strikes(self, method: str, path: str) -> bool:
        """Whether it is due for this request; counts down where it is."""
        if (self.method and method != self.method) or self.path not in path:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


class Faults:
    """The switches of a simulator, safe to change while it runs."""

    def __init__(self, faults: Iterable[str | Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._changes = 0
        self.set(*faults)

    def set(self, *faults: str | Fault) -> None:
        """Add switches; ValueError for one that does not exist."""
        parsed = [Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults]
        with self._lock:
            self._faults += parsed

    def clear(self) -> None:
        with self._lock:
            self._faults = []

    def take(self, kind: str, method: str, path: str) -> str | None:
        """The value of a fault of this kind that is due, or None."""
        with self._lock:
            for fault in self._faults:
                if fault.kind == kind and fault.strikes(method, path):
                    self._faults = [each for each in self._faults if each.times is None or each.times > 0]
                    return fault.value
        return None

    def lies(self, method: str, path: str) -> bool:
        """Whether this change is one that is acknowledged and not applied. Of a share every so manieth is."""
        if self.take("lie", method, path) is not None:
            return True
        if (share := self.take("drop", method, path)) is None:
            return False
        percent = float(share or 1)
        with self._lock:
            self._changes += 1
            return self._changes * percent // 100 > (self._changes - 1) * percent // 100

    def texts(self) -> list[str]:
        """The switches that are still to strike."""
        with self._lock:
            return [str(fault) for fault in self._faults]
