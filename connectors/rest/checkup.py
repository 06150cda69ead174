"""The steps of checking a JSON API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from connectors.rest.declared import RestResource
from hub.doctor.steps import Said, Step, skipped
from hub.doctor.web import LOGGED_IN, allowed, authentication, clock, reaching
from hub.http import Transport


class Checkup:
    """One check. A page that was asked for to see whether the credentials hold is not asked for again."""

    def __init__(
        self, transport: Transport, folder: str, resources: Mapping[str, RestResource], first: Callable[[str], int]
    ) -> None:  # fmt: skip
        self._transport, self._folder = transport, folder
        self._resources, self._ask = resources, first
        self._counts: dict[str, int] = {}

    def steps(self) -> list[Step]:
        steps = [
            *reaching(self._transport, self._folder),
            authentication(self._transport, self._cheapest),
            clock(self._transport),
        ]
        for name, declared in self._resources.items():
            if not _sent(declared):
                steps.append(Step(f"read {name}", partial(self._read, name), LOGGED_IN))
            if declared.write is not None:
                steps.append(Step(f"write {name}", partial(self._write, name), LOGGED_IN))
        return steps

    def _cheapest(self) -> None:
        first = next((name for name, declared in self._resources.items() if not _sent(declared)), None)
        if first is not None:
            self._first(first)
        else:
            self._transport.request("GET", "")

    def _first(self, name: str) -> int:
        if name not in self._counts:
            self._counts[name] = self._ask(name)
        return self._counts[name]

    def _read(self, name: str) -> str:
        return f"{self._first(name)} records on the first page"

    def _write(self, name: str) -> Said | str:
        """OPTIONS changes nothing, and many systems answer it by the methods that they take."""
        write = self._resources[name].write
        call = write.create if write else None
        if call is None or "{" in call.path:
            return skipped("cannot be asked without writing")
        return allowed(self._transport, call.path, call.method)


def _sent(declared: RestResource) -> bool:
    """Whether its records are messages, which are sent and not read: asking for them might send one."""
    return declared.write is not None and declared.write.again
