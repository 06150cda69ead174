"""What the routes stand on: the hub, who asks, and the runs that were started here."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, field_validator

from hub import tracing
from hub.bus.accept import Door
from hub.errors import AuthError, ConfigError, HubError, Retriable
from hub.exchange.ground import Hub
from hub.security import access, clearance
from hub.security.access import Caller
from hub.security.clearance import SHORTEST_REASON
from hub.security.masking import NOBODY, Sight
from hub.security.rates import Buckets, network, too_many
from hub.security.secrets import Secrets
from hub.store import journal
from hub.store.plans import PlanRow
from hub.store.reports import find_plan
from hub.todos.live import Live
from hub.todos.received import storable
from hub.todos.settling import Performing

KEPT: Final = 600.0
STRANGERS: Final = 20


class Body(BaseModel):
    """What a request's body is made from: unknown names are refused, and so are texts that no database
    keeps."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="after")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str):
                storable(text)
        return value


Reason = Annotated[
    str | None,
    Query(
        description="Show classified values in the clear, for this reason, as the roles allow; it is recorded",
        json_schema_extra={"pattern": rf"^\S[^\x00]{{{SHORTEST_REASON - 2},}}\S$"},
    ),
]


@dataclass(slots=True)
class Begun:
    """A run that was asked for here; ``error`` is why it did not get as far as the journal."""

    exchange: str
    error: HubError | None = None
    ended: float | None = None


@dataclass(slots=True)
class Starter:
    """Runs in threads of this process, a few at once; what they do stands in the journal."""

    pool: ThreadPoolExecutor
    begun: dict[str, Begun] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def start(self, run_key: str, exchange: str, work: Callable[[], object]) -> None:
        """Once per run key, however often it is asked for."""
        with self.lock:
            self._forget()
            known = self.begun.get(run_key)
            if known is not None and known.ended is None:
                return
            self.begun[run_key] = one = Begun(exchange)
        self.pool.submit(tracing.carried(self._work), one, work)

    def refused(self, run_key: str) -> HubError | None:
        """Why a run did not begin, or did not end well, as far as this process remembers."""
        known = self.begun.get(run_key)
        return None if known is None else known.error

    def _work(self, one: Begun, work: Callable[[], object]) -> None:
        try:
            work()
        except HubError as error:
            one.error = error
        except Exception as error:  # the journal has it; here it must only not be lost
            one.error = HubError("internal", f"{type(error).__name__} inside the hub")
        finally:
            one.ended = time.monotonic()

    def _forget(self) -> None:
        old = time.monotonic() - KEPT
        for name in [name for name, one in self.begun.items() if one.ended is not None and one.ended < old]:
            del self.begun[name]


@dataclass(slots=True)
class Ground:
    """Made once per process by ``hub.api.app``."""

    hub: Hub
    secrets: Secrets
    buckets: Buckets
    strangers: Buckets
    starter: Starter
    door: Door
    live: Live
    performing: Performing
    _scim: Any = None

    @contextmanager
    def guessing(self, request: Request) -> Iterator[None]:
        """Around what a stranger could try for ever: what is refused counts against his address, and only that, so
        that many good requests at once do not. Refused ``request.many``."""
        address = network(request.client)
        if wait := self.strangers.wait(address):
            raise too_many(wait)
        try:
            yield
        except HubError as error:
            if not isinstance(error, Retriable):  # a database that is away is nobody's guess
                self.strangers.take(address)
            raise

    def scim(self) -> Any:
        """The ``hub.identity.scim_server.Server``."""
        if self._scim is None:
            from hub.identity.scim_server import Server  # noqa: PLC0415 # it takes half a second to load

            self._scim = Server(self.hub, self.door.news)
        return self._scim

    def of(self, caller: Caller) -> Hub:
        """The hub, with the caller as who acts."""
        return dataclasses.replace(self.hub, actor=caller.actor)


def ground(request: Request) -> Ground:
    """What the application was made with."""
    found: Ground = request.app.state.ground
    return found


def caller(request: Request) -> Caller:
    """Whose key the request carries, within its rate. AuthError ``key.refused``; Refused ``request.many``."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        with ground(request).guessing(request):
            raise AuthError(
                "key.refused", "the request carries no key", hint="send it after Bearer in the header Authorization"
            )
    return caller_by(request, text.strip())


def caller_by(request: Request, key: str) -> Caller:
    """Whose key it is, within its rate and that of the address it comes from; the errors of ``caller``."""
    here = ground(request)
    with here.guessing(request):
        found = access.caller_of(here.hub.database, key, here.hub.clock())
    wait = here.buckets.take(found.name)
    if wait:
        raise too_many(wait)
    return found


async def _here(request: Request) -> Ground:
    return ground(request)  # async, or it would cost a thread of the pool


Here = Annotated[Ground, Depends(_here)]


def allowed(grant: str) -> Any:
    """A dependency: the caller, who must hold the grant."""

    def check(request: Request) -> Caller:
        found = caller(request)
        found.require(grant)
        return found

    return Depends(check)


def exchange_of(here: Ground, who: Caller, name: str) -> str:
    """An exchange that the caller may see; what it may not see is as unknown as what is not there."""
    if name not in who.exchanges(here.hub.workspace):
        raise ConfigError("exchange.unknown", f"there is no exchange {name!r}", hint="see /v1/exchanges")
    return name


def plan_of(here: Ground, who: Caller, identity: str) -> PlanRow:
    """A plan of an exchange that the caller may see; ConfigError ``plan.unknown``."""
    row = find_plan(here.hub.database, identity)
    if row.exchange not in who.exchanges(here.hub.workspace):
        raise ConfigError("plan.unknown", f"there is no plan {identity}", hint="see /v1/plans")
    return row


def sight(here: Ground, who: Caller, models: set[str], about: str, reason: str | None) -> Sight:
    """What the caller sees in the clear: nothing classified, unless it says why, and its roles allow it."""
    if reason is None:
        return NOBODY
    return clearance.unmask(
        here.hub.database, here.hub.workspace.roles, who.actor, models, about, reason
    )


def run_key(request: Request, what: str) -> str:
    """The run key of a request: its Idempotency-Key, under the caller's path, or a fresh one."""
    given = request.headers.get("idempotency-key")
    return f"api/{what}/{given[:200]}" if given else f"api/{what}/{uuid.uuid4()}"


def found_run(here: Ground, who: Caller, key: str) -> Mapping[str, Any] | None:
    """A run that was accepted here and is not in the journal yet, or could not get there."""
    one = here.starter.begun.get(key)
    if one is None or one.exchange not in who.exchanges(here.hub.workspace):
        return None
    if journal.find_run(here.hub.database, key) is not None:
        return None
    error = one.error
    return {
        "run_key": key,
        "exchange": one.exchange,
        "state": "failed" if error else "accepted",
        "error": None if error is None else {"code": error.code, "message": error.message, "hint": error.hint},
    }
