"""The parts of a large run are put together within the memory of one run."""

from __future__ import annotations

from pathlib import Path

from hub.crypto import Cipher, KeyRing
from hub.exchange.keep import Keep
from hub.exchange.parts.gather import Parts
from hub.exchange.parts.slices import put
from hub.exchange.runfile import open_run

ROWS = 150_000
FRESH = "i + {at} AS pos, CAST(i + {at} AS VARCHAR) AS key, (i + {at}) * 7919 AS hash"
MAPPED = """CAST(i + {at} AS VARCHAR) AS _key, (i + {at}) * 7919 AS _hash, 'Given' || i AS given,
    'Family' || i AS family, 'user' || i || '@example.com' AS email,
    'D' || i % 800 AS department, DATE '2000-01-01' AS hired"""


def test_parts_that_are_larger_than_the_memory_are_joined_and_ordered(tmp_path: Path) -> None:
    keep = Keep(str(tmp_path / "keep"), lambda: Cipher(KeyRing([bytes(32)]), "keep"))
    with open_run(tmp_path / "scratch", "54MB") as run:
        told = []
        for at in range(0, 4 * ROWS, ROWS):
            slices = {
                name: put(keep, run, f"SELECT {columns.format(at=at)} FROM range({rows}) t(i)")
                for name, columns, rows in (
                    ("fresh-0", FRESH.removeprefix("i + {at} AS pos, "), ROWS),
                    ("mapped-0", MAPPED, ROWS),
                    ("rejected-0", FRESH.removeprefix("i + {at} AS pos, "), 0),
                )
            }
            told.append({"slices": slices})
        run.sql(f"CREATE TABLE fresh AS SELECT {FRESH.format(at=0)} FROM range({4 * ROWS}) t(i)")
        found = Parts(keep, told).fill(0)(run, 4 * ROWS)
        assert found is not None
        assert (found.read, found.mapped, found.rejected) == (4 * ROWS, 4 * ROWS, 0)
        assert run.one("SELECT bool_and(_key = CAST(rowid AS VARCHAR)) FROM mapped")
