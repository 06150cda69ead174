"""Steps of a connection check, tried one after the other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hub.contract import Probe, ProbeStatus
from hub.errors import HubError

CLOCKS = 60.0
"""Seconds by which two clocks may differ before it is worth a word."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a step came to, where a plain text (it went well) does not say enough."""

    detail: str
    remedy: str = ""
    status: ProbeStatus = "ok"
    code: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to try. ``attempt`` answers what was found, or raises an error of the hub: then the steps that
    ``needs`` this one are not tried, and say so. ``name`` is a stable word, with the resource behind it."""

    name: str
    attempt: Callable[[], Said | str]
    needs: tuple[str, ...] = ()


def walk(steps: Iterable[Step]) -> list[Probe]:
    """Try the steps in order; never raises an error of the hub."""
    probes: list[Probe] = []
    missed: dict[str, str] = {}
    for step in steps:
        lacking = next((name for name in step.needs if name in missed), None)
        if lacking is not None:
            root = missed[lacking]
            missed[step.name] = root
            probes.append(Probe(step.name, "skipped", f"not tried, because {root} failed"))
            continue
        probe = _tried(step)
        if not probe.ok:
            missed[step.name] = step.name
        probes.append(probe)
    return probes


def _tried(step: Step) -> Probe:
    try:
        said = step.attempt()
    except HubError as error:
        where = f"{error.where}: " if error.where else ""
        return Probe(step.name, "failed", f"{where}{error.message}", error.hint, error.code)
    if isinstance(said, str):
        return Probe(step.name, "ok", said)
    return Probe(step.name, said.status, said.detail, said.remedy, said.code)


def failed(code: str, message: str, hint: str) -> Said:
    """A step that did not hold: what was seen, and what to do."""
    return Said(message, hint, "failed", code)


def warned(code: str, message: str, hint: str) -> Said:
    """A step that holds for now."""
    return Said(message, hint, "warning", code)


def skipped(detail: str) -> Said:
    """A step that this system has not got, or that cannot be tried without harm."""
    return Said(detail, status="skipped")


def clocks(ours: float, theirs: float, whose: str) -> Said:
    """Compare two clocks (UTC seconds)."""
    apart = theirs - ours
    moment = f"{dt.datetime.fromtimestamp(theirs, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
    if abs(apart) <= CLOCKS:
        return Said(f"{whose} says {moment}, as this host does")
    way = "ahead of" if apart > 0 else "behind"
    return warned(
        "clock.skewed",
        f"{whose} says {moment}: {span(abs(apart))} {way} this host",
        "let both hosts follow a time server; until then tokens and time stamps may be refused, and what is "
        "compared with this host's time is off by as much",
    )


def span(seconds: float) -> str:
    """
    >>> span(59), span(7200), span(200_000)
    ('59 s', '2 h', '2 days')
    """
    for unit, size in ((" days", 86_400), (" h", 3600), (" min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds:.0f} s"
