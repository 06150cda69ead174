"""The steps of checking a SCIM service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from connectors.scim.read import Reader
from connectors.scim.service import Service
from hub.doctor.steps import Said, Step, skipped
from hub.doctor.web import LOGGED_IN, authentication, clock, reaching

ABILITIES = ("patch", "bulk", "filter", "sort", "etag")


def steps(service: Service, folder: str, readers: Mapping[str, Callable[[str], Reader]]) -> list[Step]:
    """Those of every system on the web, the service's own description, and reading of each resource."""
    ask = partial(_known, service, readers)
    made = [
        *reaching(service.transport, folder),
        authentication(service.transport, ask),
        clock(service.transport),
        Step("service", partial(_service, service), LOGGED_IN),
    ]
    for name, reader in readers.items():
        made.append(Step(f"read {name}", partial(_read, reader, name), LOGGED_IN))
        made.append(Step(f"write {name}", _write, (f"read {name}",)))
    return made


def _known(service: Service, readers: Mapping[str, Callable[[str], Reader]]) -> None:
    """A list of resources: services describe themselves to anybody (RFC 7644 §4)."""
    for name, reader in readers.items():
        reader(name).peek()
        return
    service.get("ResourceTypes" if service.settings.discovery else "")


def _service(service: Service) -> Said | str:
    if not service.settings.discovery:
        return skipped("discovery is switched off")
    if not service.config:
        return skipped("it tells nothing of itself; the standard is taken at its word")
    able = [name for name in ABILITIES if service.supports(name)]
    return f"discovered: {len(service.types)} resource types; it says it knows {', '.join(able) or 'nothing optional'}"


def _read(reader: Callable[[str], Reader], name: str) -> str:
    total = reader(name).peek()
    return f"{total} resources" if total is not None else "can be read"


def _write() -> Said:
    return skipped("cannot be asked without writing: SCIM tells no rights")
