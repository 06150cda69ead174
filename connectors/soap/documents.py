"""WSDLs and what they import: loaded through the guard, parsed by zeep, kept parsed for the process.

A file of the workspace imports files below ``config/`` only, a document that came over HTTP only what the
system's own host or its ``hosts`` serve. Nothing else is fetched: what a document imports from elsewhere is put
below ``config/`` and named by ``imports:``.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from lxml import etree
from zeep.exceptions import Error as ZeepError
from zeep.settings import Settings as ZeepSettings
from zeep.wsdl import Document

from connectors.soap.known import DOCUMENTS
from hub.errors import ConfigError, Fatal, HubError
from hub.http import Transport
from hub.http.answers import refuse_html
from hub.untrusted import parse_xml

MOST_DOCUMENTS = 300
KEPT_SECONDS = 600.0
"""How long a WSDL that came over HTTP is used before it is fetched again."""

_DOCUMENT: Any = Document  # of a transport it only needs load()
_BROKEN = (
    ZeepError, LookupError, ValueError, TypeError, AttributeError, AssertionError, RuntimeError,
    etree.LxmlError,
)  # fmt: skip
"""What zeep raises on documents that are not what they should be."""

_ROOTS = {
    "description": ("it is WSDL 2.0, of which there are no SOAP clients", "ask for the WSDL 1.1"),
    "schema": ("it is an XML schema", "name the WSDL that uses it; for IDocs see the connector idoc"),
    "Envelope": ("it is a SOAP message", "check the address: a WSDL is mostly had with ?wsdl"),
    "Edmx": ("it is OData metadata", "use the connector odata"),
}


@dataclass
class Parsed:
    """A WSDL with all it imports. ``notes`` are parts of it that cannot be used, ``names`` its documents."""

    document: Any
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    stamps: Mapping[Path, tuple[int, int]] = field(default_factory=dict)
    until: float | None = None

    def fresh(self, now: float) -> bool:
        """Whether the files are those that were parsed, and what came over HTTP is not too old."""
        if self.until is not None and now > self.until:
            return False
        return all(_stamp(path) == stamp for path, stamp in self.stamps.items())


_kept: dict[tuple[object, ...], Parsed] = {}
_lock = threading.Lock()


def parsed(
    location: str, folder: str, imports: Mapping[str, str], transport: Transport | None, now: float = 0.0
) -> Parsed:
    """The WSDL at a location: a path below ``folder``, or an address for which ``transport`` is asked.

    Raises ConfigError ``wsdl.*``, which names the document and what is wrong with it, and the errors of the
    transport.
    """
    mine = transport.settings.url if transport and _is_url(location) else ""
    key = (location, folder, mine, *sorted(imports.items()))
    with _lock:  # zeep's warnings are caught process-wide, and nobody parses the same twice
        found = _kept.get(key)
        if found is None or not found.fresh(now):
            found = _kept[key] = _parse(_Documents(location, Path(folder), imports, transport), now)
        return found


def _parse(documents: _Documents, now: float) -> Parsed:
    settings = ZeepSettings(forbid_dtd=True, forbid_entities=True, force_https=False)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            made = _DOCUMENT(documents.root, documents, settings=settings)
    except _BROKEN as error:
        raise ConfigError(
            "wsdl.unreadable",
            f"the WSDL cannot be used: {_said(error)}",
            where=_plain(getattr(error, "filename", None) or documents.last),
            hint="the service's WSDL is faulty or incomplete; take a mended copy by wsdl:",
        ) from None
    except RecursionError:
        raise ConfigError("wsdl.unreadable", "the WSDL nests without an end", where=documents.last) from None
    notes = tuple(dict.fromkeys(_plain(str(one.message)) for one in caught))
    until = now + KEPT_SECONDS if documents.fetched else None
    return Parsed(made, notes, tuple(documents.names), documents.stamps, until)


def _said(error: BaseException) -> str:
    """zeep's words, as far as they are some."""
    text = _plain(" ".join(str(getattr(error, "message", "") or error).split()))
    if isinstance(error, KeyError):
        text = f"it refers to {text}, which is not there"
    line = getattr(error, "sourceline", None)
    return (text or type(error).__name__)[:400] + (f" (line {line})" if line else "")


def _plain(text: str) -> str:
    return text.replace("file:///", "")


def _is_url(location: str) -> bool:
    return location.startswith(("http://", "https://"))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


class _Documents:
    """What zeep takes for its transport: it only loads documents."""

    def __init__(
        self, location: str, folder: Path, imports: Mapping[str, str], transport: Transport | None
    ) -> None:
        self.root = location if _is_url(location) else f"file:///{quote(location.lstrip('/'))}"
        self.stamps: dict[Path, tuple[int, int]] = {}
        self.fetched = False
        self.last = _plain(location)
        self._folder, self._imports, self._transport = folder, imports, transport
        self._count = 0
        self.names: list[str] = []

    def load(self, url: str) -> bytes:
        """The text of a document, which the guard has looked at."""
        self._count += 1
        if self._count > MOST_DOCUMENTS:
            raise ConfigError(
                "wsdl.import", f"the WSDL imports more than {MOST_DOCUMENTS} documents", where=self.last
            )
        text = self._text(url)
        where = self.last = _plain(url)
        self.names.append(where)
        try:
            root = parse_xml(text, where=where)
        except Fatal as error:
            hint = error.hint or "the document is faulty; take a mended copy by wsdl: or imports:"
            raise ConfigError("wsdl.xml", error.message, where=where, hint=hint) from None
        if self._count == 1:
            _expect_wsdl(root, where)
        return text

    def _text(self, url: str) -> bytes:
        if (name := self._imports.get(url)) is not None:
            return self._file(name, "imports")
        if url in DOCUMENTS:
            return DOCUMENTS[url]
        if _is_url(url):
            return self._fetch(url)
        if urlsplit(url).scheme != "file" or _is_url(self.root):
            raise self._outside(url)
        return self._file(unquote(urlsplit(url).path).lstrip("/"), "" if self._count > 1 else "wsdl")

    def _file(self, name: str, key: str) -> bytes:
        path = (self._folder / name).resolve()
        stamp = _stamp(path)
        if not path.is_relative_to(self._folder.resolve()) or stamp is None or not path.is_file():
            said = f"{key}: there is no file {name}" if key else f"it imports {name}, which is not there"
            raise ConfigError(
                "wsdl.file" if key else "wsdl.import",
                said,
                where="" if key else self.last,
                hint="paths start at config/; put the document there, with all that it imports",
            )
        self.stamps[path] = stamp
        return path.read_bytes()

    def _fetch(self, url: str) -> bytes:
        if self._transport is None:
            raise self._outside(url)
        self.fetched = True
        learned = self._count > 1
        try:
            answer = self._transport.request(
                "GET", url, headers={"Accept": "text/xml, application/xml, */*;q=0.1"}, learned=learned
            )
            refuse_html(answer)
        except HubError as error:
            if error.code == "address.forbidden":
                raise self._outside(url) from None
            if learned and isinstance(error, ConfigError):
                raise ConfigError(
                    "wsdl.import", f"it imports {url}: {error.message}", where=self.last, hint=error.hint
                ) from None
            raise
        return answer.utf8() if b"<?xml" not in answer.body[:100] else answer.body

    def _outside(self, url: str) -> ConfigError:
        if self._count == 1:
            return ConfigError(
                "wsdl.file",
                f"wsdl: {url} is no address of this system",
                hint="name its host below hosts:, or put the WSDL below config/",
            )
        return ConfigError(
            "wsdl.import",
            f"it imports {_plain(url)}, which is not fetched",
            where=self.last,
            hint=f'put it below config/ and write imports: {{"{_plain(url)}": wsdl/NAME.xsd}}',
        )


def _expect_wsdl(root: Any, where: str) -> None:
    name = str(root.tag).rpartition("}")[2]
    if name == "definitions":
        return
    what, hint = _ROOTS.get(name, (f"its first element is {name}", "check wsdl: and url:"))
    raise ConfigError("wsdl.kind", f"the document is no WSDL: {what}", where=where, hint=hint)
