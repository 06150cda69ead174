"""What an integrator may say about a place of IDocs, what is read there and what is sent."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from connectors.idoc.control import CONTROL_FIELDS, NEEDED, OWN, units
from hub.contract import Secret, Settings
from hub.http.settings import HttpSettings


class Http(HttpSettings):
    """SAP's inbound service for IDocs (transaction SICF)."""

    client: Annotated[str, Field(pattern=r"^\d{3}$")] = Field(
        description="Client of the SAP system: sap-client", examples=["100"]
    )
    path: str = Field(
        default="/sap/bc/srt/idoc", description="Path of the service", examples=["/sap/bc/idoc_xml"]
    )
    envelope: Literal["soap", "none"] = Field(
        default="soap",
        description="soap: an envelope whose namespace makes SAP take each message once (/sap/bc/srt/idoc); "
        "none: the IDoc alone (/sap/bc/idoc_xml)",
    )


class IdocSettings(Settings):
    """A folder into which SAP's file port, or a middleware, writes IDocs or from which it takes them; an SAP system
    that takes them by HTTP; or both."""

    folder: str | None = Field(
        default=None,
        description="Folder of the files: absolute, relative to the workspace's config folder, or a URL "
        "(sftp:// s3:// gs:// abfs:// webdav:// ftp:// smb:// memory://)",
        examples=["/srv/exchange/idocs", "sftp://files.example.com/idocs"],
    )
    options: dict[str, Secret | int | bool] = Field(
        default={},
        description="Options of the fsspec file system of a URL",
        examples=[{"password": "secret://sap/sftp"}],
    )
    http: Http | None = Field(
        default=None,
        description="SAP's inbound service: resources that are sent and have no path go there",
        examples=[{
            "url": "https://s4.example.com", "client": "100",
            "auth": {"basic": {"username": "HUB", "password": "secret://s4/password"}},
        }],
    )  # fmt: skip

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.folder is None and self.http is None:
            raise ValueError("write folder:, http: or both")
        return self


class Segment(Settings):
    """The layout of one segment of a flat file: its fields in order, with their lengths."""

    name: str | None = Field(
        default=None, description="Name in the record; default that in the file", examples=["E1EDK01"]
    )
    fields: dict[str, Annotated[int, Field(ge=1, le=1000)]] = Field(
        description="Fields in order, and their lengths", examples=[{"ACTION": 3, "KZABS": 1, "CURCY": 3}]
    )


def _control(given: dict[str, str]) -> dict[str, str]:
    for name, value in given.items():
        if name not in CONTROL_FIELDS:
            raise ValueError(f"EDI_DC40 has no field {name}")
        if name in OWN:
            raise ValueError(f"{name} is filled by the hub: see type: and extension:")
        if units(value) > CONTROL_FIELDS[name] or re.search(r"[\x00-\x1f]", value):
            raise ValueError(f"{name} takes {CONTROL_FIELDS[name]} characters on one line")
    if lacking := [name for name in NEEDED if not given.get(name)]:
        raise ValueError(f"SAP finds no partner profile without {', '.join(lacking)}")
    return given


class Send(Settings):
    """How records become IDocs."""

    control: Annotated[dict[str, str], AfterValidator(_control)] = Field(
        description="Fields of the control record: the message type, and ports and partners as the partner profile "
        "names them (WE20). A mapping may fill others, or these anew, as EDI_DC40.NAME",
        examples=[{
            "MESTYP": "MATMAS", "SNDPOR": "COPHUB", "SNDPRT": "LS", "SNDPRN": "COPHUB", "RCVPOR": "SAPS4H",
            "RCVPRT": "LS", "RCVPRN": "S4HCLNT100",
        }],
    )  # fmt: skip
    extension: str | None = Field(
        default=None,
        max_length=30,
        description="Extension of the basic type (CIMTYP)",
        examples=["ZMATMAS01"],
    )
    updates: Literal["refuse", "send", "skip"] = Field(
        default="refuse",
        description="What a changed record does: it is rejected, sent as a further message, or counts as done",
    )

    @property
    def refuses(self) -> frozenset[str]:
        """Nothing takes a message back. What a change does, ``updates`` has settled."""
        return frozenset() if self.updates == "skip" else frozenset({"delete"})


def _encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name and name
    except LookupError:
        raise ValueError(f"there is no encoding {name}") from None


class IdocResource(Settings):
    """IDocs of one kind, read; or with ``send`` sent."""

    path: str | None = Field(
        default=None,
        description="Files below the folder; * stands for anything. With send: the file of one message, by {DOCNUM}; "
        "without a path it goes to http:",
        examples=["orders-*.xml", "in/MATMAS_{DOCNUM}.xml"],
    )
    format: Literal["xml", "flat"] = Field(
        default="xml", description="XML, or a flat file of SAP's file port"
    )
    type: str | None = Field(
        default=None, description="Basic type; an IDoc of another one is an error", examples=["ORDERS05"]
    )
    encoding: Annotated[str, AfterValidator(_encoding)] = Field(
        default="utf-8", description="flat: encoding of the file", examples=["gb18030"]
    )
    lengths: Literal["characters", "bytes"] | None = Field(
        default=None,
        description="flat: whether lengths count characters, as SAP Unicode systems do, or bytes of the encoding, as "
        "others do; default: characters for UTF-8 and UTF-16, bytes for every other encoding",
    )
    definition: str | None = Field(
        default=None,
        description="What SAP says of the type, as XSD, WSDL or parser report, below config/: mappings are checked "
        "against its segments, flat files cut by its lengths, and what is sent is built by it",
        examples=["idocs/MATMAS05.xsd"],
    )
    segments: dict[str, Segment] = Field(
        default={},
        description="flat: layouts by the beginning of the segment's name in the file (sent: by that name); they go "
        "before definition:",
        examples=[{"E2EDK03": {"name": "E1EDK03", "fields": {"IDDAT": 3, "DATUM": 8, "UZEIT": 6}}}],
    )
    lift: dict[str, str] = Field(
        default={},
        description="Fields of first segments that are laid beside EDI_DC40, by their paths; what several IDocs say "
        "of one object needs its number as key, and the newest of them counts. What is sent is laid back there",
        examples=[{"MATNR": "E1MARAM.MATNR"}],
    )
    key: Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)] = (
        Field(
            default=["EDI_DC40.DOCNUM"],
            description="Fields that identify a record: each IDoc by itself, or an object by what is lifted",
            examples=["MATNR"],
        )
    )
    done: str | None = Field(
        default=None,
        description="Marker that must exist before a file is read, and is written after one that is sent; {name} is "
        "the file's name",
        examples=["{name}.done"],
    )
    send: Send | None = Field(default=None, description="Send records instead of reading files")
    title: str = Field(default="", description="Title")

    @property
    def by_bytes(self) -> bool:
        """Whether lengths of a flat file count bytes."""
        if self.lengths is None:
            return not codecs.lookup(self.encoding).name.startswith("utf-")
        return self.lengths == "bytes"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.lengths == "bytes" and codecs.lookup(self.encoding).name.startswith(("utf-16", "utf-32")):
            raise ValueError(f"lengths: bytes does not go with {self.encoding}: write characters")
        if self.send is None:
            if self.path is None:
                raise ValueError("write path: of the files to read, or send:")
            return self
        if self.type is None or self.definition is None:
            raise ValueError("what is sent needs type: and definition:")
        if any(one.startswith("EDI_DC40.") for one in self.key):
            raise ValueError("what is sent needs a key: of its own; the hub gives DOCNUM")
        if self.path is None and (self.format == "flat" or self.done):
            raise ValueError("format: flat and done: are about files: write path:")
        if self.path is not None and (self.path.count("{DOCNUM}") != 1 or re.search(r"[*?\[]", self.path)):
            raise ValueError("what is sent needs a path: with {DOCNUM}, one file a message, and without *")
        return self
