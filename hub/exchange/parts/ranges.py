"""Key ranges: every record is in exactly one of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hub.contract import Resource
from hub.errors import ConfigError
from hub.exchange.runfile import sql_text
from hub.workspace.split import Split


@dataclass(frozen=True, slots=True)
class Range:
    """From ``above`` (included) to ``below`` (not included) of a key field; the first takes what is no such value."""

    by: str
    above: int | str | None
    below: int | str | None

    @property
    def where(self) -> tuple[tuple[str, str, str], ...]:
        """What the source may apply. Texts are compared by collation there, and by code point here: only of numbers
        both think the same."""
        asked = ((">=", self.above), ("<", self.below))
        return tuple((self.by, sign, str(border)) for sign, border in asked if isinstance(border, int))

    def sql(self, key: str, names: tuple[str, ...]) -> str:
        """DuckDB SQL that is true where ``key``, the text of a key of the fields ``names``, is in the range."""
        text = key if len(names) == 1 else f"json_extract_string({key}, '$[{names.index(self.by)}]')"
        borders = [border for border in (self.above, self.below) if border is not None]
        value = f"TRY_CAST({text} AS DECIMAL(38,9))" if isinstance(borders[0], int) else text
        written = {border: str(border) if isinstance(border, int) else sql_text(border) for border in borders}
        parts = [f"{value} >= {written[self.above]}"] if self.above is not None else []
        parts += [f"{value} < {written[self.below]}"] if self.below is not None else []
        return f"coalesce({' AND '.join(parts)}, {'true' if self.above is None else 'false'})"


def ranges(split: Split) -> list[Range]:
    """The ranges of a split in their order.

    >>> [(one.above, one.below) for one in ranges(Split(by="id", at=[10, 20]))]
    [(None, 10), (10, 20), (20, None)]
    """
    borders = [None, *split.at, None]
    return [Range(split.by, above, below) for above, below in pairwise(borders)]


def require_key(resource: Resource, split: Split) -> None:
    """ConfigError ``split.key`` where it is not by a field of the key: a record could be in two parts."""
    if split.by not in resource.key:
        raise ConfigError(
            "split.key",
            f"{split.by} is no field of the key of {resource.name}",
            hint=f"split by {' or '.join(resource.key) or 'a field of the key'}",
        )
