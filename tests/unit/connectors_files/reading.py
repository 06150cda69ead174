"""Reads one file through the connector, as rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.files import SPEC
from connectors.files.folder import Files
from hub.contract import Context, Page, Query


def system(folder: Path | str, path: str, **options: Any) -> Files:
    now = options.pop("now", None)
    declared = SPEC.resource.model_validate({"path": path, **options})
    context = Context("test", folder="/", now=now)
    opened = SPEC.open(context, SPEC.settings.model_validate({"folder": str(folder)}), {"R": declared})
    assert isinstance(opened, Files)
    return opened


def pages(folder: Path, path: str, size: int | None = None, **options: Any) -> list[Page]:
    opened = system(folder, path, **options)
    resource = SPEC.describe(Context("test"), None, "R", opened._resources["R"])
    assert resource is not None
    return list(opened.read(Query(resource, page_size=size)))


def rows_of(read: list[Page]) -> list[Any]:
    rows: list[Any] = []
    for page in read:
        if isinstance(page.records, pa.RecordBatch):
            found = page.records.to_pylist()
        else:
            assert isinstance(page.records, bytes)
            found = [json.loads(line) for line in page.records.split(b"\n") if line]
        assert len(found) == page.count
        rows += found
    return rows


def rows(folder: Path, path: str, size: int | None = None, **options: Any) -> list[Any]:
    return rows_of(pages(folder, path, size, **options))
