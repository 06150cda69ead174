"""Documents: the files of a share, a WebDAV or SFTP server or a bucket, each with its content and its versions.

A record is one file: where it lies, how large it is, when it was changed, and a revision that changes with it. What it
holds is read and written beside the records, in pieces; a new version takes the old one's place when all of it is
there and has been compared, and only where the file is still the one that was last seen.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from connectors.documents.settings import FIELDS, DocumentFolder, ShareSettings
from hub.contract import Context, Resource, Spec


def open_(context: Context, settings: ShareSettings, resources: Mapping[str, DocumentFolder]) -> Any:
    """A ``share.Share``; what its protocol needs is loaded only when it is first used."""
    return importlib.import_module("connectors.documents.share").Share(context, settings, resources)


def describe(context: Context, settings: Any, name: str, declared: DocumentFolder | None) -> Resource | None:
    """The same fields for all."""
    if declared is None:
        return None
    return Resource(
        name, ("path",), None, FIELDS, counts=True, writable=True, title=declared.title, content="content",
        revision="revision",
    )  # fmt: skip


SPEC = Spec(
    name="documents",
    title="Documents on file shares",
    summary="The files of a folder, an SFTP server or an S3 bucket as documents: content, versions, no torn ones.",
    settings=ShareSettings,
    resource=DocumentFolder,
    open=open_,
    describe=describe,
    writes=True,
    documents=True,
    batch=20,
    example="""\
system: legal
connector: documents
url: sftp://files.example.com/legal
user: hub
password: secret://legal/sftp
host_keys: legal.known_hosts
resources:
  Contract: {path: contracts, only: ["*.pdf", "*.docx"]}
""",
)
