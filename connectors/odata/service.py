"""What reading and writing share: the service's address, headers, parameters and metadata."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import cast
from urllib.parse import urljoin, urlsplit

from connectors.odata.declared import ODataResource, ODataSettings
from connectors.odata.edmx import Metadata, Version, parse_edmx
from hub.contract import Context, Resource
from hub.errors import ConfigError, Fatal
from hub.http import Transport
from hub.http.answers import refuse_html
from hub.http.records import declared_fields


class Service:
    """One OData service and how to address it."""

    def __init__(self, context: Context, settings: ODataSettings, transport: Transport) -> None:
        self.settings = settings
        self.transport = transport
        self._context = context
        self._metadata: Metadata | None = None
        self.root = urlsplit(settings.url).path.rstrip("/") + "/"

    @property
    def metadata(self) -> Metadata:
        if self._metadata is None:
            found = local_metadata(self._context, self.settings)
            self._metadata = found or self._fetch()
        return self._metadata

    @property
    def version(self) -> Version:
        return self.metadata.version

    def _fetch(self) -> Metadata:
        answer = self.transport.request(
            "GET", "$metadata", params=self.params(), headers={"Accept": "application/xml, */*;q=0.1"}
        )
        refuse_html(answer)
        return versioned(parse_edmx(answer.utf8(), answer.where), self.settings)

    def params(self) -> dict[str, str]:
        client = self.settings.sap_client
        if client is None:
            return {}
        language = {"sap-language": self.settings.language} if self.settings.language else {}
        return {"sap-client": client, **language}

    def headers(self, **more: str) -> dict[str, str]:
        if self.version == 4:
            made = {"OData-Version": "4.0", "OData-MaxVersion": "4.01"}
        else:
            made = {"DataServiceVersion": "2.0", "MaxDataServiceVersion": "2.0"}
        made["Accept"] = "application/json"
        if self.settings.language:
            made["Accept-Language"] = self.settings.language
        return made | more

    def follow(self, asked: str, link: str) -> str:
        """The path below the root of a link in the answer to ``asked`` (a path below the root).

        Servers write the name they know themselves by into links, and proxies change prefixes. So of a
        link only path and query count, from the service root on; our own address stands before it.
        """
        absolute = urlsplit(urljoin(f"http://here{self.root}{asked}", link))
        path = absolute.path
        if path.startswith(self.root):
            path = path[len(self.root) :]
        else:
            last = self.root.rstrip("/").rpartition("/")[2]
            _, found, path = path.partition(f"/{last}/")
            if not found:
                raise Fatal(
                    "address.forbidden", "a link leads out of the service", where=f"{self.root}{asked}"
                )
        query = absolute.query
        for name, value in self.params().items():
            if f"{name}=" not in query:
                query += f"{'&' if query else ''}{name}={value}"
        return f"{path}?{query}" if query else path

    def peek(self, entity_set: str) -> None:
        """Read one record, to see that it can be done."""
        params = {**self.params(), "$top": "1"}
        self.transport.request("GET", entity_set, params=params, headers=self.headers()).json()

    def root_answers(self) -> None:
        """Ask for the service document."""
        self.transport.request("GET", "", params=self.params(), headers={"Accept": "application/json"})


def describe(metadata: Metadata, name: str, declared: ODataResource) -> Resource:
    """A resource by the metadata."""
    entity_set = declared.entity_set or name
    type_ = metadata.type_of(entity_set)
    for one in (declared.cursor, declared.created):
        if one and one not in type_.properties:
            raise ConfigError("field.unknown", f"{type_.name} has no property {one}", hint="check cursor:")
    refused = metadata.refused.get(entity_set, frozenset())
    return Resource(
        name, tuple(declared.key) or type_.key, declared.cursor, metadata.fields(type_), declared.delta,
        declared.count, not refused >= {"create", "update"},
        title=declared.title or metadata.titles.get(entity_set, ""), refuses=refused,
    )  # fmt: skip


def declared_resource(name: str, declared: ODataResource) -> Resource:
    """A resource by its declaration alone."""
    return Resource(
        name, tuple(declared.key), declared.cursor, declared_fields(declared.fields), declared.delta,
        declared.count, True, title=declared.title,
    )  # fmt: skip


def local_metadata(context: Context, settings: ODataSettings) -> Metadata | None:
    """The metadata of the file that the settings name, if they do."""
    if settings.metadata is None:
        return None
    path = Path(context.folder) / settings.metadata
    try:
        stamp = path.stat().st_mtime_ns
    except OSError:
        raise ConfigError(
            "metadata.file", f"metadata: there is no file {settings.metadata}", hint="paths start at config/"
        ) from None
    return versioned(_parsed(path, stamp, settings.metadata), settings)


@functools.lru_cache(maxsize=32)
def _parsed(path: Path, stamp: int, where: str) -> Metadata:
    return parse_edmx(path.read_bytes(), where)


def versioned(metadata: Metadata, settings: ODataSettings) -> Metadata:
    """The metadata under the version that the settings insist on."""
    if settings.version == "auto" or int(settings.version) == metadata.version:
        return metadata
    version = cast("Version", int(settings.version))
    return dataclasses.replace(metadata, version=version)
