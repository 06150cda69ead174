"""What is written of a large read: the key ranges that are read and mapped apart from each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from pydantic import Field, model_validator

from hub.workspace.strict import Shape


class Split(Shape):
    """Ranges of one key field. A record without a value in it, or with one that is no number where the borders are
    numbers, belongs to the first."""

    by: str = Field(description="A field of the record's key", examples=["id"])
    at: list[int] | list[str] = Field(
        min_length=1,
        max_length=99,
        description="The first value of each range but the first, ascending: all whole numbers, or all texts",
        examples=[[250000, 500000, 750000]],
    )

    @model_validator(mode="after")
    def _ascending(self) -> Split:
        if any(not before < after for before, after in pairwise(self.at)):  # type: ignore[operator] # all of one kind
            raise ValueError("the borders ascend: each is greater than the one before it")
        return self


SPLIT: Any = Field(
    None,
    description="How a read of everything is split: a part for each range, that several processes and hosts read and "
    "map at once (cophub run --workers, mapped tasks in Airflow)",
    examples=[{"by": "id", "at": [250000, 500000, 750000]}],
)
