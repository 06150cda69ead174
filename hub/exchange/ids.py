"""Ids that DuckDB makes, many at once."""

from __future__ import annotations

import secrets
import time


def new_entity_id(counter: str) -> str:
    """DuckDB SQL of a UUIDv7 (RFC 9562 6.2, method 1): milliseconds, then the counter, then random.

    Ids of one batch grow with the counter, so that indexes are filled from one side.
    """
    stamp, seed = time.time_ns() // 1_000_000, secrets.token_hex(8)
    return (
        f"CAST(printf('%012x7%03x8%03x%s', {stamp} + ({counter} >> 24), ({counter} >> 12) & 4095, {counter} & 4095, "
        f"substr(md5('{seed}' || {counter}), 1, 12)) AS UUID)"
    )
