"""The operator: one exchange, by the same call and with the same report as ``cophub run``."""

from __future__ import annotations

import datetime as dt
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from airflow.sdk import Asset, AssetAlias, BaseOperator, Param
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    TaskAwaitingInput,
)

from hub.exchange.report import changed
from hub.redact import redact

APPROVE, REJECT = "Approve", "Reject"
MODES: Final = ("scheduled", "incremental", "full", "link_only", "reconcile")


class ExchangeOperator(BaseOperator):
    """Runs ``exchange`` of the workspace in ``folder``. ``digest`` is there so that the DAG's version follows the
    YAML; ``full`` is the cron expression of its full runs, in ``zone``; ``keep`` is how long a
    plan that a guard holds waits for somebody, in seconds. Where there are ``parts`` it closes what others opened and
    read.

    What may succeed later is tried again, everything else fails at once. However often Airflow starts the task of one
    DAG run, the hub runs it once: the run key leaves the number of the try out.
    """

    template_fields = ("exchange", "digest")  # what is in none is in no version of the DAG
    ui_color = "#dbe9f4"

    def __init__(
        self,
        *,
        exchange: str,
        folder: str,
        environment: str | None = None,
        digest: str = "",
        full: str | None = None,
        zone: str = "UTC",
        keep: float = 604_800.0,
        parts: int = 0,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.exchange = exchange
        self.folder = folder
        self.environment = environment
        self.digest = digest
        self.full = full
        self.zone = zone
        self.keep = keep
        self.parts = parts
        self.stopping = False

    def execute(self, context: Any) -> dict[str, Any]:
        """The report, as ``cophub run --json`` gives it for one exchange."""
        from hub.airflow.running import Run  # noqa: PLC0415 # parsing a DAG loads nothing heavy

        ended = self._framed(Run(self._asked(context), self.log.info, lambda: self.stopping))
        if ended.report["state"] == "held" and ended.report["plan"]:
            self._ask(context, ended, ended.report["plan"], ended.failure)
        return self._ended(context, ended)

    def decided(self, context: Any, plan: str, why: str, event: dict[str, Any]) -> dict[str, Any]:
        """Somebody answered: the report of applying the plan. Whoever had a part in it is not enough: then another
        is asked."""
        from hub.airflow.running import Decision  # noqa: PLC0415 # parsing a DAG loads nothing heavy

        if "error" in event:
            raise AirflowFailException(f"nobody decided about the plan {plan} in time: {why}")
        approved = APPROVE in event["chosen_options"]
        reason = str((event.get("params_input") or {}).get("reason") or "")
        who = str((event.get("responded_by_user") or {}).get("name") or "unknown")
        ended = self._framed(
            Decision(
                self._asked(context), plan, approved, reason, who, self.log.info, lambda: self.stopping
            )
        )
        if ended.code in ("approval.author", "approval.reason"):
            self._ask(context, ended, plan, f"{why}\n\n{ended.failure}")
        return self._ended(context, ended)

    def _asked(self, context: Any) -> Any:
        from hub.airflow.running import Asked  # noqa: PLC0415 # parsing a DAG loads nothing heavy

        run, params = context["dag_run"], context["params"]
        return Asked(
            self.exchange,
            Path(self.folder),
            self.environment,
            f"airflow/{run.dag_id}/{run.run_id}",
            mode=params["mode"],
            dry_run=params["dry_run"],
            initial=params["initial"],
            accept_drift=params["accept_drift"],
            full=self.full,
            zone=self.zone,
            parts=self.parts,
            on_behalf=getattr(run, "triggering_user_name", None) or "",
        )

    def _framed(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:  # the frame of Airflow's task: a traceback may hold what nobody is to read
            text = "".join(traceback.format_exception(error))
            raise AirflowException(f"this is a defect of the hub: {redact(text, limit=20_000)}") from None

    def _ask(self, context: Any, ended: Any, plan: str, why: str) -> None:
        """Wait for a person, without a process and without a place in the pool."""
        from airflow.sdk.execution_time.hitl import upsert_hitl_detail  # noqa: PLC0415 # see execute

        upsert_hitl_detail(
            ti_id=context["ti"].id,
            options=[APPROVE, REJECT],
            subject=f"{self.exchange}: {ended.report['error']['message']}",  # the reason first: lists cut it
            body=f"{why}\n\nWhat it would do: `cophub plan show {plan}`",
            params={"reason": Param("", type="string", description="Why; it is kept").serialize()},
        )
        keep = dt.timedelta(seconds=self.keep)
        raise TaskAwaitingInput(method_name="decided", kwargs={"plan": plan, "why": why}, timeout=keep)

    def _ended(self, context: Any, ended: Any) -> dict[str, Any]:
        if ended.waits is not None:  # without a slot, and without costing a try
            self.log.info("%s", ended.failure)
            raise AirflowRescheduleException(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=ended.waits))
        if ended.failure:
            context["ti"].xcom_push(key="report", value=ended.report)
            raise (AirflowException if ended.again else AirflowFailException)(ended.failure)
        if changed(ended.report):  # a dry run, and one that changed nothing, wakes nobody
            self._wake(context, ended.report)
        told: dict[str, Any] = ended.report
        return told

    def on_kill(self) -> None:
        """Asked to end: the run stops at the border of a batch."""
        self.stopping = True

    def _wake(self, context: Any, told: dict[str, Any]) -> None:
        """Events are hints: who follows reads from where it stopped. They hold no value of a record."""
        extra = {"run": told["run"], "run_key": told["run_key"], "counts": told["counts"]}
        for outlet in self.outlets:
            if isinstance(outlet, AssetAlias):
                asset = Asset(name=outlet.name, uri=outlet.name)
                context["outlet_events"][outlet].add(asset, extra=extra)
