"""IDocs in files: XML, and flat files by declared layouts, picked up from a folder.

A record is one IDoc: its control record under ``EDI_DC40``, its segments as lists by their names, segments below
them nested. ``CREATED`` is the time of the control record. A file is read whole or not at all. IDocs are messages:
that one is not there any more says nothing about what it was about.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hub.contract import Context, Resource, Secret, Settings, Spec
from hub.contract import Field as Shape


class IdocSettings(Settings):
    """A folder into which SAP's file port, or a middleware, writes IDocs."""

    folder: str = Field(
        description="Folder of the files: absolute, relative to the workspace's config folder, or a URL "
        "(sftp:// s3:// gs:// abfs:// webdav:// ftp:// smb:// memory://)",
        examples=["/srv/exchange/idocs", "sftp://files.example.com/idocs"],
    )
    options: dict[str, Secret | int | bool] = Field(
        default={},
        description="Options of the fsspec file system of a URL",
        examples=[{"password": "secret://sap/sftp"}],
    )


class Segment(Settings):
    """The layout of one segment of a flat file: its fields in order, with their lengths."""

    name: str | None = Field(
        default=None, description="Name in the record; default that in the file", examples=["E1EDK01"]
    )
    fields: dict[str, Annotated[int, Field(ge=1, le=1000)]] = Field(
        description="Fields in order, and their lengths", examples=[{"ACTION": 3, "KZABS": 1, "CURCY": 3}]
    )


class IdocResource(Settings):
    """IDocs of one kind."""

    path: str = Field(description="Files below the folder; * stands for anything", examples=["orders-*.xml"])
    format: Literal["xml", "flat"] = Field(
        default="xml", description="XML, or a flat file of SAP's file port"
    )
    type: str | None = Field(
        default=None, description="Basic type; an IDoc of another one is an error", examples=["ORDERS05"]
    )
    encoding: str = Field(default="utf-8", description="flat: encoding of the file", examples=["gb18030"])
    definition: str | None = Field(
        default=None,
        description="XSD or WSDL that SAP wrote of the type, below config/: mappings are checked against its segments, "
        "and flat files cut by its lengths",
        examples=["idocs/MATMAS05.xsd"],
    )
    segments: dict[str, Segment] = Field(
        default={},
        description="flat: layouts by the beginning of the segment's name in the file; they go before definition:",
        examples=[{"E2EDK03": {"name": "E1EDK03", "fields": {"IDDAT": 3, "DATUM": 8, "UZEIT": 6}}}],
    )
    lift: dict[str, str] = Field(
        default={},
        description="Fields of first segments that are laid beside EDI_DC40, by their paths; what several IDocs say "
        "of one object needs its number as key, and the newest of them counts",
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
        description="Marker that must exist before a file is read; {name} is the file's name",
        examples=["{name}.done"],
    )
    title: str = Field(default="", description="Title")


def open_(context: Context, settings: IdocSettings, resources: Mapping[str, IdocResource]) -> Any:
    """A ``folder.Idocs``."""
    return importlib.import_module("connectors.idoc.folder").Idocs(context, settings, resources)


def describe(context: Context, settings: Any, name: str, declared: IdocResource | None) -> Resource | None:
    """The control record, and segments as ``definition`` says; without it any name is accepted."""
    if declared is None:
        return None
    fields: tuple[Shape, ...] = ()
    if declared.definition:
        told = importlib.import_module("connectors.idoc.definition").fields(context.folder, declared.definition)
        fields = (*told, Shape("CREATED"), *map(Shape, declared.lift))
    return Resource(name, tuple(declared.key), "CREATED", fields, messages=True, title=declared.title)


SPEC = Spec(
    name="idoc",
    title="IDoc files",
    summary="SAP IDocs in files, as XML or flat by declared layouts, each as one nested record.",
    settings=IdocSettings,
    resource=IdocResource,
    open=open_,
    describe=describe,
    example="""\
system: sap_files
connector: idoc
folder: /srv/exchange/idocs
resources:
  orders: {path: "ORDERS_*.xml", type: ORDERS05, done: "{name}.done"}
  materials: {path: "MATMAS_*.xml", type: MATMAS05, lift: {MATNR: E1MARAM.MATNR}, key: MATNR}
  orders_flat:
    path: "ORDERS_*.txt"
    format: flat
    segments:
      E2EDK03: {name: E1EDK03, fields: {IDDAT: 3, DATUM: 8, UZEIT: 6}}
      E2EDK14: {name: E1EDK14, fields: {QUALF: 3, ORGID: 35}}
""",
)
