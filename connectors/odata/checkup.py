"""The steps of checking an OData service."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from connectors.odata.declared import ODataResource
from connectors.odata.service import Service, describe
from hub.doctor.steps import Said, Step, skipped, warned
from hub.doctor.web import LOGGED_IN, authentication, clock, reaching

_PAST = {"create": "creating", "update": "changing", "delete": "deleting"}


def steps(service: Service, folder: str, resources: Mapping[str, ODataResource]) -> list[Step]:
    """Those of every system on the web, the metadata, and reading and writing of each resource."""
    made = [
        *reaching(service.transport, folder),
        authentication(service.transport, service.root_answers),
        clock(service.transport),
        Step("metadata", partial(_metadata, service), LOGGED_IN),
    ]
    for name, declared in resources.items():
        made.append(Step(f"read {name}", partial(_read, service, name, declared), ("metadata",)))
        made.append(Step(f"write {name}", partial(_write, service, name, declared), (f"read {name}",)))
    return made


def _metadata(service: Service) -> str:
    metadata = service.metadata
    return f"OData V{metadata.version}, {len(metadata.sets)} entity sets"


def _read(service: Service, name: str, declared: ODataResource) -> str:
    describe(service.metadata, name, declared)
    service.peek(declared.entity_set or name)
    return "can be read"


def _write(service: Service, name: str, declared: ODataResource) -> Said | str:
    """What the metadata say. Whether this account may is seen when it writes."""
    refused = service.metadata.refused.get(declared.entity_set or name, frozenset())
    if not refused:
        return skipped("the metadata refuse nothing; whether this account may write cannot be asked without writing")
    kinds = ", ".join(_PAST[kind] for kind in sorted(refused))
    return warned(
        "rights.write", f"the service does not offer {kinds} here, say its metadata",
        "take another entity set or service for writing",
    )  # fmt: skip
