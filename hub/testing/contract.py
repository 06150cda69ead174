"""The registry of checks, and how a case is run through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hub.errors import HubError
from hub.testing.case import Case, Verdict
from hub.testing.reading import READING
from hub.testing.standing import STANDING
from hub.testing.writing import WRITING


@dataclass(frozen=True, slots=True)
class Check:
    """One promise. ``needs`` are the parts of a case without which it cannot be probed."""

    name: str
    promise: str
    needs: tuple[str, ...]
    probe: Callable[[Case], None]

    def judge(self, case: Case) -> Verdict:
        """Probe one case. A broken promise is an AssertionError or an error of the connector."""
        if self.name in case.exempt:
            return Verdict(self.name, "exempt", case.exempt[self.name])
        missing = [need for need in self.needs if getattr(case, need) in (None, (), {})]
        if missing:
            lacking = f"the case gives no {missing[0]}: give it, or exempt {self.name}"
            return Verdict(self.name, "failed", lacking)
        try:
            self.probe(case)
        except AssertionError as broken:
            return Verdict(self.name, "failed", str(broken) or self.promise)
        except HubError as error:
            return Verdict(self.name, "failed", f"{type(error).__name__}: {error}")
        except Exception as error:  # the boundary of the kit: a connector under test may raise anything
            return Verdict(self.name, "failed", f"raises {type(error).__name__}, no error of the hub")
        return Verdict(self.name, "passed")


def _checks() -> Iterable[Check]:
    for needs, probe in (*STANDING, *READING, *WRITING):
        yield Check(probe.__name__, (probe.__doc__ or "").strip(), needs, probe)


CHECKS: tuple[Check, ...] = tuple(_checks())


def run_contract(case: Case) -> list[Verdict]:
    """Judge a case by all checks. An exemption that names no check is itself a failure."""
    known = {check.name for check in CHECKS}
    unknown = [Verdict(name, "failed", "there is no such check") for name in case.exempt if name not in known]
    return [check.judge(case) for check in CHECKS] + unknown


def failures(verdicts: Iterable[Verdict]) -> list[str]:
    """The broken promises, one line each: empty where the connector keeps the contract."""
    return [f"{verdict.check}: {verdict.detail}" for verdict in verdicts if verdict.status == "failed"]
