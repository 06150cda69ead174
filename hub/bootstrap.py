"""The one wiring place: from a workspace's folder to a hub that can run."""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hub import tracing
from hub.bus.broker import Broker, Glance
from hub.bus.rabbit import Rabbit
from hub.bus.streams import Streams
from hub.contract import Context, Pauses
from hub.crypto import Cipher, KeyRing
from hub.errors import AuthError
from hub.exchange.documents.carrying import Documents
from hub.exchange.documents.contents import Contents
from hub.exchange.ground import Hub
from hub.exchange.keep import Keep, local_folder
from hub.redact import Redactor
from hub.security import audit, keys
from hub.security.actors import Actor, actor_of
from hub.security.masking import is_classified
from hub.security.secrets import SealedStore, SecretRow, Secrets, resolve_settings
from hub.security.signing import Signer
from hub.security.sources import FOLDER, EnvironmentSource, FolderSource
from hub.store.circuits import StoredPauses
from hub.store.database import Database, now
from hub.store.secret_rows import StoredSecretRows
from hub.todos.target import Todos
from hub.workspace.bus import Bus
from hub.workspace.connectors import Connectors
from hub.workspace.load import load
from hub.workspace.people import People
from hub.workspace.scim_references import SCIM_CLIENT
from hub.workspace.workspace import Workspace

STATE = ".cophub"
STORE = "COPHUB_STORE"
BUS = "COPHUB_BUS"
STORE_PASSWORD = "secret://store/password"
BUS_PASSWORD = "secret://bus/password"


@dataclass(frozen=True, slots=True)
class Opened:
    """A hub and what the command line needs beside it."""

    hub: Hub
    secrets: Secrets
    redactor: Redactor
    cipher: Callable[[str], Cipher]
    """Seals for one purpose."""
    broker: Callable[[], Broker | None] = lambda: None
    """A new connection to the broker, for one thread; None where the tables alone are the bus."""
    glance: Glance = field(default_factory=lambda: Glance(lambda: None))
    """How the broker is."""
    closing: ExitStack = field(default_factory=ExitStack)
    """What is made over the hub, and closed before it."""


def key_file(folder: Path) -> Path:
    """Where a workspace's own master key lies, unless the environment names another."""
    return folder / STATE / "master.key"


def ring(folder: Path, environment: Mapping[str, str]) -> KeyRing:
    """The master keys. A workspace on this machine alone gets its own key file when it first seals."""
    path = key_file(folder)
    try:
        return keys.load(environment, default=path)
    except AuthError as error:
        if error.code != "key.missing" or any(
            name in environment for name in (keys.KEY, keys.KEY_FILE, keys.KEY_COMMAND)
        ):
            raise
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):  # another process was faster: its key is ours as well
            keys.generate_file(path)
        return keys.load(environment, default=path)


def require_key(folder: Path, environment: Mapping[str, str]) -> None:
    """The errors of ``ring``, before anything is to be sealed; nothing is made."""
    path = key_file(folder)
    named = any(environment.get(name, "").strip() for name in (keys.KEY, keys.KEY_FILE, keys.KEY_COMMAND))
    if named or path.exists():
        keys.load(environment, default=path)


@contextmanager
def open_hub(
    folder: Path,
    environment: str | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    schema: bool = True,
    connectors: Connectors | None = None,
    exchange: str | None = None,
    clock: Callable[[], dt.datetime] = now,
) -> Iterator[Opened]:
    """Everything a run stands on. ``schema=False`` accepts a database that is not migrated yet;
    ``connectors`` are those that systems may name, the shipped ones by default; ``exchange`` is the only one that is
    to run (see ``load``)."""
    values = os.environ if variables is None else variables
    tracing.begin(values)
    workspace = load(folder, environment, connectors=connectors, exchange=exchange)
    redactor = Redactor()
    sources: list[Any] = [EnvironmentSource(values)]
    if values.get(FOLDER):
        sources.append(FolderSource(Path(values[FOLDER])))
    database = open_database(workspace, Secrets(sources, redactor=redactor), values)
    try:
        if schema:
            database.require_schema()
        actor = actor_of(values)
        rows = StoredSecretRows(database, SecretRow, partial(_audited, actor))
        sealed = SealedStore(rows, lambda: ring(workspace.folder, values))
        secrets = Secrets(sources, store=sealed, redactor=redactor)
        keep = Keep(
            local_folder(workspace.hub.keep, workspace.folder),
            lambda: Cipher(ring(workspace.folder, values), "keep"),
        )
        contents = _contents(workspace, secrets)
        pauses = StoredPauses(database)

        def opening(name: str) -> Any:
            if name in workspace.own:
                return Todos(hub)
            if workspace.system(name).spec.name == SCIM_CLIENT:
                from hub.identity.scim_source import Kept  # noqa: PLC0415 # it takes half a second to load

                return Kept(workspace.system(name), database)
            connector = connect(workspace, secrets, name, pauses if schema else None)
            carries = workspace.system(name).spec.documents
            return Documents(connector, name, database, contents) if carries else connector

        hub = Hub(
            workspace,
            database,
            keep,
            contents,
            opening,
            lambda name, account: connect(workspace, secrets, name, pauses if schema else None, account),
            workspace.folder / workspace.hub.scratch,
            actor,
            Signer(lambda: ring(workspace.folder, values)),
            workspace.hub.memory,
            workspace.hub.threads,
            clock,
        )
        opened = Opened(
            hub,
            secrets,
            redactor,
            lambda purpose: Cipher(ring(workspace.folder, values), purpose),
            broker := partial(_broker, workspace, secrets, values),
            Glance(broker),
        )
        with opened.closing:
            yield opened
    finally:
        database.close()
        tracing.flush()


def _contents(workspace: Workspace, secrets: Secrets) -> Contents:
    """The content store; its options are asked for only where it lies on a server."""
    named = workspace.hub.contents
    place = local_folder(named.folder, workspace.folder)
    if "://" not in place:
        return Contents(place, {"auto_mkdir": True}, named.largest_bytes)
    told = {
        name: secrets.resolve(one).reveal() if isinstance(one, str) and one.startswith("secret://") else one
        for name, one in named.options.items()
    }
    return Contents(place, told, named.largest_bytes)


def _audited(actor: Actor, connection: Any, action: str, name: str, version: int) -> None:
    details = {"version": version} if version else {}
    audit.record(connection, actor, action, f"secret:{name}", details=details)


def _broker(workspace: Workspace, secrets: Secrets, values: Mapping[str, str]) -> Broker | None:
    """The broker of a workspace; COPHUB_BUS names another one."""
    file, named = workspace.hub.bus or Bus(), values.get(BUS, "")
    if not (address := named or file.url):
        return None
    kind = Streams if address.startswith("redis") else Rabbit
    return kind(workspace.hub.hub, address, _bus_password(named, file.password, secrets), file)


def _bus_password(named: str, reference: str | None, secrets: Secrets) -> str | None:
    """What the address lacks. Of COPHUB_BUS it is the same secret, or ``bus/password``, where somebody set it."""
    if not named:
        return secrets.resolve(reference).reveal() if reference else None
    if urlsplit(named).password is not None:
        return None
    reference = reference or BUS_PASSWORD
    return secrets.resolve(reference).reveal() if secrets.source_of(reference) else None


def open_database(workspace: Workspace, secrets: Secrets, values: Mapping[str, str]) -> Database:
    """The store of a workspace; COPHUB_STORE names another one."""
    named = values.get(STORE, "")
    return Database(
        named or workspace.hub.store,
        workspace.models,
        folder=workspace.folder,
        password=_store_password(named, workspace.hub.store_password, secrets),
        asked=_asked(workspace.hub.people),
        searched=_searched(workspace),
    )


def _store_password(named: str, reference: str | None, secrets: Secrets) -> str | None:
    """What the address lacks. Of COPHUB_STORE it is the same secret, or ``store/password``, where somebody set it: a
    server may ask for none."""
    if not named:
        return secrets.resolve(reference).reveal() if reference else None
    address = urlsplit(named)
    if not address.scheme.startswith("postgresql") or address.password is not None:
        return None
    reference = reference or STORE_PASSWORD
    return secrets.resolve(reference).reveal() if secrets.source_of(reference) else None


def _asked(people: People | None) -> Mapping[str, Collection[str]]:
    """By model, the fields by which persons, groups and organizations are looked for."""
    found: dict[str, set[str]] = defaultdict(set)
    if people is None:
        return found
    found[people.model] |= set(people.receivers.values())
    if people.task_center and people.task_center.user:
        found[people.model].add(people.task_center.user)
    if groups := people.groups:
        found[groups.model] |= {name for name in (groups.called, groups.parent) if name}
        if isinstance(groups.members, str):  # of the person, or a list of the group, which has no index
            found[people.model].add(groups.members)
        else:
            found[groups.members.model] |= {groups.members.group, groups.members.person}
    for tree in people.trees.values():
        found[people.model] |= {name for name in (tree.of,) if name}
        found[tree.model] |= {name for name in (tree.parent,) if name}
    if posts := people.posts:
        found[posts.model] |= {posts.person, *posts.in_.values()}
    return found


def _searched(workspace: Workspace) -> Mapping[str, Collection[str]]:
    """By model, the fields by whose beginnings entities are found: none that is classified (decision 0020)."""
    people = workspace.hub.people
    if people is None:
        return {}
    fields = workspace.models[people.model].fields
    return {people.model: [name for name in people.search if not is_classified(fields[name].level)]}


def connect(
    workspace: Workspace, secrets: Secrets, name: str, pauses: Pauses | None = None, account: str = ""
) -> Any:
    """Open a system's connector with its secrets resolved, by the settings of an account where one is named; it
    connects when it is first used."""
    system = workspace.system(name)
    settings = resolve_settings(system.settings_of(account) if account else system.settings, secrets)
    resources = {key: resolve_settings(value, secrets) for key, value in system.resources.items()}
    context = Context(system=name, folder=str(workspace.folder / "config"), pauses=pauses)
    return system.spec.open(context, settings, resources)
