"""The tasks before the last of a run in parts: one opens it, and one for each part reads and maps."""

from __future__ import annotations

from typing import Any

from hub.airflow.operator import ExchangeOperator


class OpenOperator(ExchangeOperator):
    """Opens the run; its result are the numbers of the parts that are to be run, none where it is not split."""

    def execute(self, context: Any) -> list[int]:  # type: ignore[override] # what the parts are mapped over
        from hub.airflow.running import Opening  # noqa: PLC0415 # parsing a DAG loads nothing heavy

        told = self._ended(context, self._framed(Opening(self._asked(context), self.log.info, lambda: self.stopping)))
        found: list[int] = told["parts"]
        return found


class PartOperator(ExchangeOperator):
    """Reads and maps the part of that ``number``."""

    def __init__(self, *, number: int, **more: Any) -> None:
        super().__init__(**more)
        self.number = number

    def execute(self, context: Any) -> dict[str, Any]:
        """Nothing but that it is done."""
        from hub.airflow.running import Part  # noqa: PLC0415 # parsing a DAG loads nothing heavy

        part = Part(self._asked(context), self.log.info, lambda: self.stopping, number=self.number)
        self._ended(context, self._framed(part))
        return {"part": self.number}
