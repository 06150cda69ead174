"""Registers: what was said of one part, so kept that every order of the same reports leaves the same.

Each ``put`` is a join of a semilattice: the greater version stays, and of two values of one version the greater text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import orjson

from hub.todos.reports import Version

T = TypeVar("T")
Moment = tuple[int, int]
"""When something was, as the first two parts of a version: microseconds since 1970, and the number within that."""
NEVER: Final = Version(-(2**62), 0, True, "")
INFERRED: Final = "~inferred"
"""The digest of what was concluded from a row that left. It comes after those of reports of the same moment."""
KEPT: Final = 12
"""Moments that a course keeps from its beginning."""
HEALED: Final = "~drift"
"""The digest of what a comparison found, which its source never reported (0053)."""


@dataclass(slots=True)
class Register(Generic[T]):
    """The newest that was said of one part."""

    version: Version = NEVER
    value: T | None = None

    def put(self, version: Version, value: T | None = None) -> bool:
        """Whether it is newer than what was there."""
        if not _after(version, value, self.version, self.value):
            return False
        self.version, self.value = version, value
        return True

    @property
    def known(self) -> bool:
        return self.version != NEVER


@dataclass(slots=True)
class Course(Register[T]):
    """The newest, and the ``KEPT`` earliest moments of what was said: so that how it stood at one is known also when
    more was said later. Where there are more, what lies between is not known, alike in every order."""

    earliest: dict[Moment, tuple[Version, T | None]] = field(default_factory=dict)

    def put(self, version: Version, value: T | None = None) -> bool:
        self._keep(version, value)
        return Register.put(self, version, value)

    def _keep(self, version: Version, value: T | None) -> None:
        known = self.earliest.get(moment(version))
        if known is None or _after(version, value, *known):
            self.earliest[moment(version)] = (version, value)
        if len(self.earliest) > KEPT:
            del self.earliest[max(self.earliest)]

    def at(self, when: Moment | None) -> Register[T]:
        """How it stood at a moment; None: as it stands."""
        if when is None or moment(self.version) <= when:
            return self
        before = [one for one in self.earliest if one <= when]
        return Register(*self.earliest[max(before)]) if before else Register()


@dataclass(slots=True)
class Ending:
    """That it ended in one way: when first, and the newest outcome."""

    first: Moment
    last: Register[str] = field(default_factory=Register)

    def put(self, version: Version, outcome: str, when: Moment) -> bool:
        """Whether it is newer than what was there."""
        self.first = min(self.first, when)
        return self.last.put(version, outcome)


def moment(version: Version) -> Moment:
    return version.at, version.seq


def _after(version: Version, value: Any, known: Version, before: Any) -> bool:
    if version == known and value != before:
        return _text(value) > _text(before)
    return version > known


def _text(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


# ------------------------------------------------------------ as JSON


def dumped(register: Register[Any], *, value: bool = True) -> list[Any] | None:
    """None where nothing is known. A course adds what it keeps beside the newest."""
    if not register.known:
        return None
    told = [*register.version, register.value if value else None]
    if isinstance(register, Course):
        before = [[*one, said] for one, said in sorted(register.earliest.values()) if one != register.version]
        return [*told, before] if before else told
    return told


def loaded(found: list[Any] | None) -> Register[Any]:
    return Register() if found is None else Register(Version(*found[:4]), found[4])


def course(found: list[Any] | None) -> Course[Any]:
    """Of what ``dumped`` made of one; what was added beside the newest may be missing."""
    made: Course[Any] = Course()
    if found is not None:
        for at, seq, dated, digest, value in [found[:5], *(found[5] if len(found) > 5 else ())]:
            made.put(Version(at, seq, dated, digest), value)
    return made


def is_inferred(found: list[Any] | None) -> bool:
    """Whether what ``dumped`` made of a register is a conclusion."""
    return found is not None and found[3] == INFERRED


def endings_dumped(endings: Mapping[str, Ending]) -> dict[str, Any]:
    return {status: [*one.first, dumped(one.last)] for status, one in sorted(endings.items())}


def endings_loaded(found: Mapping[str, Any]) -> dict[str, Ending]:
    return {status: Ending((at, seq), loaded(last)) for status, (at, seq, last) in found.items()}
