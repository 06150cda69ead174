"""What an integrator may say about a share of documents and about one folder in it."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from hub.contract import Duration, Secret, Settings
from hub.contract import Field as RecordField

FIELDS = (
    RecordField("path", required=True, title="Where it lies below the folder, with / between"),
    RecordField("name", title="Its name without the folders"),
    RecordField("folder", title="The folders above it, empty at the top"),
    RecordField("media_type", title="By its suffix; what the system says is not believed"),
    RecordField("size", "integer", title="Bytes"),
    RecordField("modified", "datetime", title="When it was last changed"),
    RecordField("revision", title="Another one when it is changed"),
    RecordField("content", title="What it holds: the SHA-256, by which the hub keeps it"),
)
BEING_WRITTEN = (".*", "~$*", "*.part", "*.tmp", "*.filepart", "*.crdownload")


class ShareSettings(Settings):
    """A folder of this host, or one behind an address."""

    url: str = Field(
        description="Folder of all documents: relative to the workspace's config folder, absolute, or an address "
        "(sftp:// s3://)",
        examples=["/srv/shares/legal", "sftp://files.example.com/legal", "s3://legal-archive/contracts"],
    )
    user: str | None = Field(None, description="sftp: who logs in; s3: the access key", examples=["hub"])
    password: Secret | None = Field(
        None, description="sftp: the password; s3: the secret key", examples=["secret://legal/sftp"]
    )
    key: Secret | None = Field(
        None, description="sftp: the private key, OpenSSH or PEM", examples=["secret://legal/key"]
    )
    host_keys: str | None = Field(
        None,
        description="sftp: file of the server's keys as known_hosts has them (ssh-keyscan HOST), below config; "
        "without it nothing is sent",
        examples=["legal.known_hosts"],
    )
    endpoint: str | None = Field(
        None, description="s3: address of a server that is not Amazon's", examples=["https://s3.example.com"]
    )
    region: str | None = Field(None, description="s3: region", examples=["eu-central-1"])
    ca: str | None = Field(
        None, description="s3: file of the authority that signed its certificate, below config", examples=["ca.pem"]
    )
    timeout: Duration = Field("30s", description="How long one step may take", examples=["2m"])

    @model_validator(mode="after")
    def _fits(self) -> Self:
        kind = scheme(self.url)
        if kind not in ("", "sftp", "s3"):
            raise ValueError(f"the protocol {kind} is none of sftp, s3 and a folder of this host")
        if kind == "sftp" and not self.host_keys:
            raise ValueError("write host_keys: nothing is sent to a server that proves nothing")
        return self


class DocumentFolder(Settings):
    """The documents of one folder, and of those in it."""

    path: str = Field("", description="Folder below the url; empty: all of it", examples=["contracts"])
    only: tuple[str, ...] = Field(
        (), description="Names of the files that count (* and ?); none: all", examples=[["*.pdf", "*.docx"]]
    )
    ignore: tuple[str, ...] = Field(
        BEING_WRITTEN, description="Names of files and folders that do not: those that are being written"
    )
    settle: Duration = Field(
        "2s",
        description="A file changed more recently than this is not read yet: it may be written still. Servers that "
        "know seconds only need two",
        examples=["30s"],
    )
    title: str = Field("", description="Title for people")


def scheme(url: str) -> str:
    """
    >>> scheme("sftp://host/a"), scheme("/srv/a"), scheme("C:/a")
    ('sftp', '', '')
    """
    head, separator, _ = url.partition("://")
    return head.lower() if separator else ""
