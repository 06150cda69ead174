"""IDocs of SAP: read from files, XML or flat; written as files, or sent to SAP by HTTP.

A record is one IDoc: its control record under ``EDI_DC40``, its segments as lists by their names, segments below
them nested. ``CREATED`` is the time of the control record. A file is read whole or not at all. IDocs are messages:
that one is not there any more says nothing about what it was about, and one that was sent cannot be looked up,
changed or taken back.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from connectors.idoc.settings import IdocResource, IdocSettings
from hub.contract import Context, Resource, Spec
from hub.contract import Field as Shape


def open_(context: Context, settings: IdocSettings, resources: Mapping[str, IdocResource]) -> Any:
    """A ``messages.Idocs``."""
    return importlib.import_module("connectors.idoc.messages").Idocs(context, settings, resources)


def describe(context: Context, settings: Any, name: str, declared: IdocResource | None) -> Resource | None:
    """The control record, and segments as ``definition`` says; without it any name is accepted."""
    if declared is None:
        return None
    fields: tuple[Shape, ...] = ()
    sent = declared.send is not None
    if declared.definition:
        told = importlib.import_module("connectors.idoc.definition").fields(
            context.folder, declared.definition
        )
        fields = (*told, *(() if sent else (Shape("CREATED"),)), *map(Shape, declared.lift))
    cursor = None if sent else "CREATED"
    return Resource(
        name, tuple(declared.key), cursor, fields, messages=True, writable=sent, title=declared.title,
        refuses=declared.send.refuses if declared.send else frozenset(),
    )  # fmt: skip


SPEC = Spec(
    name="idoc",
    title="IDocs",
    summary="SAP IDocs, each as one nested record: read from files, XML or flat; sent as files or by HTTP.",
    settings=IdocSettings,
    resource=IdocResource,
    open=open_,
    describe=describe,
    writes=True,
    requests=lambda settings, kind, count: count,
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
  materials_out:
    path: "to_sap/MATMAS_{DOCNUM}.xml"
    type: MATMAS05
    definition: idocs/MATMAS05.xsd
    lift: {MATNR: E1MARAM.MATNR}
    key: MATNR
    send:
      control:
        {MESTYP: MATMAS, SNDPOR: COPHUB, SNDPRT: LS, SNDPRN: COPHUB, RCVPOR: SAPS4H, RCVPRT: LS, RCVPRN: S4HCLNT100}
      updates: send
""",
)
