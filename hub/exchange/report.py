"""What is reported of a run, in one form for the command line, Airflow and whoever else runs exchanges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hub.errors import HubError

if TYPE_CHECKING:
    from hub.exchange.course import Result

WRITES = ("created", "updated", "deleted", "disabled", "linked", "unlinked", "merged", "applied")


def report(
    exchange: str,
    result: Result | None,
    error: HubError | None,
    seconds: float,
    clean: Callable[[str], str],
) -> dict[str, Any]:
    """A run as JSON knows it. ``state`` is done, planned, held, stopped or failed; ``error`` and ``plan`` stand beside
    it where it did not end well. ``clean`` masks what others wrote."""
    told: dict[str, Any] = {"exchange": exchange, "seconds": round(seconds, 3)}
    if error is not None:
        return told | {
            "state": error.state,
            "error": error_json(error, clean),
            "plan": getattr(error, "plan", "") or None,
        }
    assert result is not None
    return told | {
        "run": str(result.run),
        "run_key": result.run_key,
        "mode": result.mode,
        "state": result.state,
        "counts": dict(result.counts),
        "notes": list(result.notes),
        "plan": str(result.plan) if result.plan else None,
        "repeated": result.repeated,
    }


def error_json(error: HubError, clean: Callable[[str], str]) -> dict[str, str]:
    """An error as an object, masked."""
    return {
        "code": error.code,
        "message": clean(error.message),
        "where": clean(error.where),
        "hint": clean(error.hint),
    }


def changed(told: Mapping[str, Any]) -> bool:
    """Whether a reported run wrote anything that others may want to follow."""
    counts = told.get("counts", {})
    return told.get("state") == "done" and any(counts.get(name, 0) for name in WRITES)
