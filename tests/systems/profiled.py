"""Systems on shipped profiles, opened as a system's file opens them, and read as mappings read them: the fields that
the profile declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.contract import Change, Context, Outcome, Page, Query
from hub.doctor.records import rows_of
from hub.workspace.connectors import shipped


@dataclass
class Profiled:
    """A system on a profile, and the fields that each of its resources declares."""

    connector: Any
    fields: Mapping[str, tuple[str, ...]]

    def read(
        self, resource: str, token: str | None = None, *, since: str | None = None, size: int | None = None
    ) -> list[Page]:
        described = self.connector.resource(resource)
        return list(self.connector.read(Query(described, self.fields[resource], since, token, page_size=size)))

    def rows(self, resource: str, *, since: str | None = None, size: int | None = None) -> list[dict[str, Any]]:
        """All records of a resource, of a read that came to its end."""
        pages = self.read(resource, since=since, size=size)
        assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
        return rows_of(pages)

    def deliver(self, resource: str, *changes: Change) -> list[Outcome]:
        outcomes: list[Outcome] = self.connector.deliver(self.connector.resource(resource), changes)
        return outcomes


def opened(profile: str, said: Mapping[str, Any], *, folder: Path | str = ".", called: str = "") -> Profiled:
    """The connector under a profile, with what a system's file ``said`` over it: an address, credentials. ``called``
    tells systems apart of which a process remembers tokens and pauses."""
    connectors = shipped()
    spec, system = connectors.spec(profile), connectors.expand({**said, "connector": profile})
    assert spec is not None
    given = {name: one for name, one in system.items() if name not in ("connector", "resources")}
    settings = spec.settings.model_validate(given)
    resources = {name: spec.resource.model_validate(one) for name, one in system["resources"].items()}
    fields = {name: tuple(paths(one.get("fields", {}))) for name, one in system["resources"].items()}
    return Profiled(spec.open(Context(f"{profile} {called}", str(folder)), settings, resources), fields)


@contextmanager
def on_profile(profile: str, said: Mapping[str, Any], **more: Any) -> Iterator[Profiled]:
    """The same, closed afterwards."""
    made = opened(profile, said, **more)
    try:
        yield made
    finally:
        if close := getattr(made.connector, "close", None):
            close()
def paths(fields: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Dotted paths of declared fields, and of those within them."""
    for name, one in fields.items():
        inner = one[0] if isinstance(one, list) else one
        if isinstance(inner, dict):
            yield from paths(inner, f"{before}{name}.")
        else:
            yield before + name
