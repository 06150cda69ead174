"""Canaries: records that every complete snapshot holds. Where one is missing, nothing counts as absent."""

from __future__ import annotations

import dataclasses

import pyarrow as pa

from hub.contract import key_text
from hub.exchange.extract import Certificate, Extracted
from hub.exchange.runfile import RunFile
from hub.workspace.limits import Canaries

MISSING = "which every complete snapshot holds"


def watched(run: RunFile, extracted: Extracted, canaries: Canaries | None, whose: str, there: str) -> Extracted:
    """The extract with a certificate that is not complete where one of the canaries is not in ``there`` (a query
    of keys); ``whose`` names who declared them. What is missing of several is told together."""
    if canaries is None or not extracted.full:
        return extracted
    missing = missing_canaries(run, canaries, there)
    before = extracted.certificate
    if not missing or not (before.complete or MISSING in before.reason):
        return extracted
    reason = f"not there: {', '.join(missing)}, {MISSING} ({whose})"
    told = f"{before.reason}; {reason}" if before.reason else reason
    hold = before.hold or canaries.missing == "hold"
    return dataclasses.replace(extracted, certificate=doubted(extracted, told, hold=hold))


def doubted(extracted: Extracted, reason: str, *, whole: bool = False, hold: bool = False) -> Certificate:
    """The certificate of an extract that is not complete, and why."""
    return Certificate(False, reason, extracted.certificate.announced, whole, hold)


def missing_canaries(run: RunFile, canaries: Canaries, there: str) -> list[str]:
    """Keys that should be in ``there`` and are not, in the order they are written."""
    keys = [key_text(key if isinstance(key, list) else [key]) for key in canaries.keys]
    run.table("canary", pa.table({"key": keys}))
    found = {key for (key,) in run.sql(f"SELECT key FROM canary SEMI JOIN ({there}) USING (key)")}
    return [key for key in keys if key not in found]
