"""One connection to a directory: made late, encrypted, logged in, its errors translated."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import ldap
from ldap.controls import SimplePagedResultsControl
from ldap.schema import SubSchema

from connectors.ldap.faults import result_of, shown, told
from connectors.ldap.settings import LdapSettings
from hub.contract import Context
from hub.errors import ConfigError, Fatal, Retriable

Entry = tuple[str, dict[str, list[bytes]]]
ANY = "(objectClass=*)"
EMPTY_PAGES = 1000
ACTIVE_DIRECTORY = ("1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1851")
SCOPES = {"subtree": ldap.SCOPE_SUBTREE, "one": ldap.SCOPE_ONELEVEL}
# What a server answers to the cookie of a page that it no longer knows.
_FORGOTTEN = frozenset({2, 12, 53})


@lru_cache(maxsize=4)
def _parsed(entry: tuple[tuple[str, tuple[bytes, ...]], ...]) -> SubSchema:
    """The schema of an entry; that of Active Directory takes a fifth of a second, and each run asks for it."""
    return SubSchema({name: list(values) for name, values in entry})


class Connection:
    """A connection of one run. Every method raises errors of ``hub.errors``, except ``raw``'s own."""

    def __init__(self, context: Context, settings: LdapSettings) -> None:
        self.settings = settings
        self.system = context.system
        self._folder = Path(context.folder)
        self.secrets = [settings.password.reveal()] if settings.password else []
        self._raw: Any = None
        self._root: dict[str, list[str]] | None = None
        self._schema: SubSchema | None = None

    # ------------------------------------------------------------------ connecting

    def open(self) -> Any:
        """Connect and log in where that has not been done; answers python-ldap's own object."""
        if self._raw is not None:
            return self._raw
        with self.telling():
            raw = self.reached()
            try:
                password = self.settings.password.reveal() if self.settings.password else ""
                raw.simple_bind_s(self.settings.username or "", password)
            except ldap.LDAPError:
                raw.unbind_ext()
                raise
        self._raw = raw
        return raw

    def reached(self) -> Any:
        """A connection of its own, encrypted as the settings say and not logged in; whoever asks closes it."""
        settings = self.settings
        with self.telling():
            raw = ldap.initialize(settings.url)
            # nothing of the environment or of files beside the settings
            for option, value in (
                (ldap.OPT_PROTOCOL_VERSION, 3), (ldap.OPT_REFERRALS, 0), (ldap.OPT_DEREF, ldap.DEREF_NEVER),
                (ldap.OPT_NETWORK_TIMEOUT, settings.timeout), (ldap.OPT_TIMEOUT, settings.timeout),
                (ldap.OPT_SIZELIMIT, 0), (ldap.OPT_TIMELIMIT, 0),
            ):  # fmt: skip
                raw.set_option(option, value)
            if settings.encrypted:
                self._encrypt(raw)
            try:
                if settings.encrypted and not settings.url.startswith("ldaps://"):
                    raw.start_tls_s()
            except ldap.LDAPError:
                raw.unbind_ext()
                raise
        return raw

    def _encrypt(self, raw: Any) -> None:
        tls = self.settings.tls
        for option, name in (
            (ldap.OPT_X_TLS_CACERTFILE, tls.ca),
            (ldap.OPT_X_TLS_CERTFILE, tls.cert),
            (ldap.OPT_X_TLS_KEYFILE, tls.key or tls.cert),
        ):
            if name is not None:
                path = self._folder / name
                if not path.is_file():
                    raise ConfigError(
                        "ldap.tls_file", f"there is no file {name}", hint="paths of tls: start at config/"
                    )
                raw.set_option(option, str(path))
        if tls.ca is None and (known := ssl.get_default_verify_paths().cafile):
            raw.set_option(ldap.OPT_X_TLS_CACERTFILE, known)
        raw.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        raw.set_option(ldap.OPT_X_TLS_NEWCTX, 0)  # last: it makes the options count

    def close(self) -> None:
        raw, self._raw = self._raw, None
        if raw is not None:
            try:
                raw.unbind_ext_s()
            except ldap.LDAPError:  # a broken connection fails to close, too
                return

    @contextmanager
    def telling(self, where: str = "") -> Iterator[None]:
        try:
            yield
        except ldap.LDAPError as error:
            found = told(error, where or self.system, self.secrets)
            if isinstance(found, Retriable):  # a connection that failed once is not used again
                self.close()
            raise found from None

    # ------------------------------------------------------------------ what the directory says of itself

    @property
    def root(self) -> Mapping[str, list[str]]:
        """The root DSE (RFC 4512 §5.1): names in lower case, values as texts."""
        if self._root is None:
            found = self.entry("", ["*", "+"])
            values = found[1] if found else {}
            self._root = {
                name.lower(): [value.decode("utf-8", "replace") for value in several]
                for name, several in values.items()
            }
        return self._root

    def first(self, name: str) -> str:
        """The first value of an attribute of the root DSE, empty where there is none."""
        return next(iter(self.root.get(name.lower(), [])), "")

    def knows(self, control: str) -> bool:
        return control in self.root.get("supportedcontrol", [])

    @property
    def active_directory(self) -> bool:
        return any(one in self.root.get("supportedcapabilities", []) for one in ACTIVE_DIRECTORY)

    @property
    def schema(self) -> SubSchema:
        """The schema (RFC 4512 §4.2)."""
        if self._schema is None:
            place = self.first("subschemaSubentry") or "cn=Subschema"
            names = ["attributeTypes", "objectClasses", "dITContentRules"]
            found = self.entry(place, names, "(objectClass=subschema)")
            if found is None:
                raise ConfigError(
                    "ldap.schema", "the directory shows no schema to this account", where=f"{self.system}: {place}",
                    hint="let the account read the entry that subschemaSubentry names",
                )  # fmt: skip
            self._schema = _parsed(tuple((name, tuple(values)) for name, values in sorted(found[1].items())))
        return self._schema

    # ------------------------------------------------------------------ searching

    def entry(self, dn: str, attributes: Sequence[str], condition: str = ANY) -> Entry | None:
        """One entry by its name; None where there is none."""
        with self.telling(self.system):
            try:
                found = self.open().search_ext_s(dn, ldap.SCOPE_BASE, condition, list(attributes))
            except ldap.NO_SUCH_OBJECT:
                return None
        return next(((name, values) for name, values in found if name is not None), None)

    def search(
        self, base: str, scope: str, condition: str, attributes: Sequence[str], *, size: int | None,
        controls: Sequence[Any] = (), where: str = "",
    ) -> Iterator[tuple[list[Entry], bool]]:  # fmt: skip
        """Pages of entries (RFC 2696), and whether each is the last. Retriable ``page.expired`` where the
        server lost its place."""
        cookie, firsts, empty = b"", set[str](), 0
        while True:
            entries, cookie = self._page(base, scope, condition, attributes, size, cookie, controls, where)
            empty = 0 if entries else empty + 1
            if (entries and entries[0][0] in firsts) or empty > EMPTY_PAGES:
                raise Fatal(
                    "page.repeated", "the directory gives the same page again", where=where,
                    hint="try another page_size, or null where the server knows no pages",
                )  # fmt: skip
            firsts.update(entries[0][:1] if entries else ())
            yield entries, not cookie
            if not cookie:
                return

    def _page(
        self, base: str, scope: str, condition: str, attributes: Sequence[str], size: int | None, cookie: bytes,
        controls: Sequence[Any], where: str,
    ) -> tuple[list[Entry], bytes]:  # fmt: skip
        paging = [SimplePagedResultsControl(True, size=size, cookie=cookie)] if size else []
        with self.telling(where):
            raw = self.open()
            try:
                number = raw.search_ext(
                    base, SCOPES.get(scope, ldap.SCOPE_SUBTREE), condition, list(attributes),
                    serverctrls=[*paging, *controls],
                )  # fmt: skip
                _, entries, _, answered = raw.result3(number, timeout=self.settings.timeout)
            except ldap.LDAPError as error:
                if not cookie or result_of(error) not in _FORGOTTEN:
                    raise
                raise Retriable(
                    "page.expired", f"the next page was refused: {shown(error, self.secrets)}", where=where,
                    hint="nothing of this read was used: run again, with smaller pages if it stays",
                ) from None  # fmt: skip
        self._require_here([url for dn, urls in entries if dn is None for url in urls], where)
        following = next((one.cookie for one in answered if one.controlType == _PAGED), b"")
        return [(dn, values) for dn, values in entries if dn is not None], following


    def _require_here(self, urls: Sequence[str], where: str) -> None:
        """References to other directories (RFC 4511 §4.5.3) are never followed: credentials go to no server that the
        settings do not name. ConfigError ``ldap.referral`` where they are not left out on purpose. Contexts that the
        directory holds itself are no part of a search: Active Directory names its configuration and its zones in every
        search of a domain."""
        own = {one.casefold() for one in self.root.get("namingcontexts", [])} if urls else set()
        found = [url for url in urls if unquote(urlsplit(url).path.lstrip("/")).casefold() not in own]
        if found and self.settings.parts == "refuse":
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            raise ConfigError(
                "ldap.referral", f"parts are in other directories: {', '.join(found[:3])}{more}", where=where,
                hint="narrow base:, and name the other server as a system of its own; parts: skip leaves them out",
            )  # fmt: skip


_PAGED = SimplePagedResultsControl.controlType
