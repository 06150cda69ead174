"""One provider as the hub knows it: its addresses and keys, asked for again when they are old, and how it is asked.

All requests go through the guarded transport of ``hub.http``: to the issuer's own origin, and to hosts that the
workspace names. What the discovery document says counts only as far as it fits that.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

from hub.errors import HubError
from hub.http import HttpSettings, Limits, Response, Tls, Transport
from hub.http.addresses import Addresses, Origin
from hub.untrusted import parse_json
from hub.workspace.login import Provider
from hub.workspace.strict import seconds
from sso.jwts import Decoded, Expected, Key, NotTaken, UnknownKey, decode
from sso.turns import late, left
from sso.upstream.tokens import public_keys, refused

OLD: Final = dt.timedelta(hours=1)
KEYS_OLD: Final = dt.timedelta(minutes=5)
AGAIN: Final = dt.timedelta(seconds=30)
"""So often at most the keys are asked for because a token names one that is not known."""
LARGEST: Final = 1 << 20
NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(slots=True)
class Upstream:
    """One per provider and process; used by several threads."""

    name: str
    shape: Provider
    folder: Path
    clock: Callable[[], dt.datetime]
    settings: HttpSettings = field(init=False)
    transport: Transport = field(init=False)
    _metadata: tuple[dt.datetime, Mapping[str, Any]] | None = None
    _keys: tuple[dt.datetime, list[Key]] | None = None
    _lock: Lock = field(default_factory=Lock)
    _failed: tuple[float, HubError] | None = None

    def __post_init__(self) -> None:
        limits = Limits(timeout=seconds(self.shape.timeout), max_body=LARGEST, retries=1, max_wait=2.0, concurrency=16)
        self.settings = HttpSettings(
            url=self.shape.issuer, hosts=self.shape.hosts, limits=limits, tls=Tls(ca=self.shape.ca)
        )
        self.transport = Transport(self.settings, f"login:{self.name}", folder=self.folder)

    def close(self) -> None:
        """Close its connections."""
        self.transport.close()

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the provider says of itself, at most an hour old. AuthError ``login.provider`` where it says that it
        is another, or leads elsewhere."""
        with self._one_at_a_time():
            moment = self.clock()
            if self._metadata is None or moment - self._metadata[0] > OLD:
                self._metadata = (moment, self._discovered())
            return self._metadata[1]

    @property
    def is_known(self) -> bool:
        """Whether ``metadata`` asks nobody."""
        found = self._metadata
        return found is not None and self.clock() - found[0] <= OLD

    @property
    def longest(self) -> float:
        """Seconds that a whole log-in may take at it."""
        return 2 * seconds(self.shape.timeout)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Of several who need the same the first asks; where that fails it fails for all who waited."""
        began = time.monotonic()
        if not self._lock.acquire(timeout=left(self.longest)):
            raise late()
        try:
            if self._failed is not None and self._failed[0] > began:
                raise self._failed[1].with_traceback(None)
            yield
        except HubError as error:
            if error.code != "login.provider":  # what it says is judged for each by himself
                self._failed = (time.monotonic(), error)
            raise
        finally:
            self._lock.release()

    def _discovered(self) -> Mapping[str, Any]:
        found = self._document(f"{self.shape.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.shape.issuer:
            raise refused("it calls itself by another issuer than config/hub.yaml does")
        for name in (*NEEDED, "userinfo_endpoint"):
            if name in found or name in NEEDED:
                self._require_own(found.get(name), name)
        return found

    def _require_own(self, url: object, name: str) -> None:
        own = urlsplit(self.shape.issuer).scheme
        try:
            if not isinstance(url, str) or urlsplit(url).scheme != own:
                raise refused(f"its {name} is no address over {own}")
            Addresses(self.settings).judge(Origin.of(url))
        except HubError as error:
            if error.code != "address.forbidden":
                raise
            raise refused(f"its {name} is on a host that hosts: does not name") from None

    def ask(self, method: str, url: str, **more: Any) -> Response:
        """One request to it, within what is left of the log-in; the errors of ``hub.http``."""
        return self.transport.request(method, url, within=left(self.longest), **more)

    def _document(self, url: str) -> Mapping[str, Any]:
        answer = self.ask("GET", url)
        found: dict[str, Any] = parse_json(answer.body, dict, limit=LARGEST, where=answer.where)
        return found

    def _known_keys(self, *, older: dt.timedelta) -> list[Key]:
        uri = self.metadata["jwks_uri"]
        with self._one_at_a_time():
            moment = self.clock()
            if self._keys is None or moment - self._keys[0] > older:
                self._keys = (moment, public_keys(self._document(uri)))
            return self._keys[1]

    def decoded(self, token: object, expected: Expected) -> Decoded:
        """A token that it signed; its keys are asked for again where one is new. AuthError ``login.provider``."""
        moment = self.clock().timestamp()
        try:
            try:
                return decode(token, self._known_keys(older=KEYS_OLD), expected, moment)
            except UnknownKey:
                return decode(token, self._known_keys(older=AGAIN), expected, moment)
        except NotTaken as error:
            raise refused(error.why) from None
