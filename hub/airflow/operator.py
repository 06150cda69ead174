"""The operator: one exchange, by the same call and with the same report as ``cophub run``."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any, Final

from airflow.sdk import Asset, AssetAlias, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from hub.exchange.report import changed
from hub.redact import redact

MODES: Final = ("scheduled", "incremental", "full", "link_only")


class ExchangeOperator(BaseOperator):
    """Runs ``exchange`` of the workspace in ``folder``. ``digest`` is there so that the DAG's version follows the
    YAML; ``full`` is the cron expression of its full runs, in ``zone``.

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
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.exchange = exchange
        self.folder = folder
        self.environment = environment
        self.digest = digest
        self.full = full
        self.zone = zone
        self.stopping = False

    def execute(self, context: Any) -> dict[str, Any]:
        """The report, as ``cophub run --json`` gives it for one exchange."""
        from hub.airflow.running import Asked, Run  # noqa: PLC0415 # parsing a DAG loads nothing heavy

        run, params = context["dag_run"], context["params"]
        asked = Asked(
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
            on_behalf=getattr(run, "triggering_user_name", None) or "",
        )
        try:
            ended = Run(asked, self.log.info, lambda: self.stopping)()
        except Exception as error:  # the frame of Airflow's task: a traceback may hold what nobody is to read
            text = "".join(traceback.format_exception(error))
            raise AirflowException(f"this is a defect of the hub: {redact(text, limit=20_000)}") from None
        if ended.failure:
            context["ti"].xcom_push(key="report", value=ended.report)
            raise (AirflowException if ended.again else AirflowFailException)(ended.failure)
        if changed(ended.report):  # a dry run, and one that changed nothing, wakes nobody
            self._wake(context, ended.report)
        return ended.report

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
