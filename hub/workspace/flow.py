"""The shape of what says when exchanges run, and how Airflow runs them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hub.workspace.strict import Duration, Name, Shape

SECRET = r"^[A-Za-z][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*){1,3}$"


class Schedule(Shape):
    """When an exchange runs: at an interval, by cron or after others, and when it reads everything."""

    every: Duration | None = Field(None, description="Time between two runs", examples=["15m"])
    cron: str | None = Field(None, description="When, as a cron expression", examples=["*/15 6-20 * * *"])
    full: str | None = Field(
        None, description="When everything is read, as a cron expression", examples=["0 2 * * *"]
    )
    after: list[Name] | None = Field(
        None,
        description="Exchanges after which it runs, when one of them changed something",
        examples=[["s4-suppliers"]],
    )


class Airflow(Shape):
    """How Airflow runs the exchanges of this hub."""

    on_change: Literal["worker", "airflow"] = Field(
        "worker", description="Who runs exchanges with schedule: on_change"
    )
    retries: int = Field(3, ge=0, le=100, description="Further tries where a try may help")
    retry_wait: Duration = Field("1m", description="Before the second try; doubled each time")
    longest_wait: Duration = Field("30m", description="Longest time between two tries")
    timeout: Duration = Field("12h", description="Longest run")
    slots: int = Field(4, ge=1, le=64, description="Runs at once per system, where it has no limits.concurrency")
    secrets: list[Annotated[str, Field(pattern=SECRET)]] = Field(
        [], description="Secrets that DAGs of others may read, as SYSTEM/NAME", examples=[["crm/key"]]
    )


AIRFLOW: Any = Field(
    Airflow(), description="How Airflow runs exchanges", examples=[{"on_change": "airflow", "retries": 5}]
)
SCHEDULES: Any = Field(
    "airflow", description="Who runs exchanges whose schedule has every, cron, full or after", examples=["worker"]
)
KEEP_RUNS: Any = Field(
    "365d",
    description="How long runs that ended are kept, with their deliveries and resolved entries of the quarantine",
    examples=["90d"],
)
DRAFT: Any = Field(
    False, description="Nobody has judged the mapping yet: it can be planned, and nothing runs it", examples=[True]
)
FRESH_WITHIN: Any = Field(
    None,
    description="How old its last good run may be, or what waits for it, before the exchange is late",
    examples=["1h"],
)


def off_while_draft(value: Any) -> Any:
    """A mapping as written: a draft is not enabled, whatever it, or an environment, says."""
    return {**value, "enabled": False} if isinstance(value, dict) and value.get("draft") is True else value
