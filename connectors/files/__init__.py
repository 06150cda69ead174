"""Files: CSV, NDJSON, JSON, Excel and Parquet in a folder, local or behind an fsspec URL.

A file is read whole or not at all: it must be the same before and after (size, time, or the server's
tag), its last record must be complete, and every line must fit. Small files are checked before their
first page is given; of larger ones the last page is held back until the end has been seen, so that a
read without ``last`` never counts. Writing replaces a file as a whole.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from connectors.files.settings import FileResource, FilesSettings, format_of, several
from hub.contract import Context, Field, Resource, Spec


def open_(context: Context, settings: FilesSettings, resources: Mapping[str, FileResource]) -> Any:
    """A ``folder.Files``; its readers are loaded only now, because lint of a workspace needs none."""
    return importlib.import_module("connectors.files.folder").Files(context, settings, resources)


def describe(context: Context, settings: Any, name: str, declared: FileResource) -> Resource:
    """The resource as declared."""
    fields = tuple(Field(field, kind) for field, kind in declared.fields.items())
    return Resource(
        name,
        key=declared.key,
        cursor=declared.cursor,
        fields=fields,
        counts=format_of(declared) in {"json", "parquet"} and not several(declared),
        writable=not several(declared),
        replaces=True,
        title=declared.title,
    )


SPEC = Spec(
    name="files",
    title="Files",
    summary="CSV, NDJSON, JSON, Excel and Parquet files in a folder, local or on a file server.",
    settings=FilesSettings,
    resource=FileResource,
    open=open_,
    describe=describe,
    writes=True,
    example="""\
system: hr_files
connector: files
folder: /srv/exchange/hr
resources:
  Employee: {path: employees.csv, encoding: gb18030, delimiter: ;, key: employee_no}
  Absence: {path: "absences-*.ndjson", key: [employee_no, day], cursor: updated_at}
""",
)
