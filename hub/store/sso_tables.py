"""Tables of the OpenID provider: what applications were given, and to whom. Part of the same metadata.

No secret lies in them: codes and tokens as SHA-256 digests (they are random), secrets of clients as keyed hashes,
private keys sealed.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Index, Integer, LargeBinary, Table, Text, Uuid

from hub.store.document_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["metadata"]

# The secret of a client: HMAC-SHA256 under the hub's master key. After a change the former one holds for a while.
sso_secret = Table(
    "sso_secret",
    metadata,
    Column("client", KEY, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    Column("master", Text, nullable=False, server_default=""),  # id of the master key of the hash
    Column("former_hash", LargeBinary),
    Column("former_until", Moment),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Text, nullable=False),
)

# Keys that sign, in the order in which they do; the private half is sealed.
sso_key = Table(
    "sso_key",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kid", KEY, nullable=False, unique=True),
    Column("public", JSON, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("published_at", Moment, nullable=False),
    Column("signs_at", Moment, nullable=False),
)

# The same, of keys that sign tickets for systems.
sso_ticket_key = Table(
    "sso_ticket_key",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kid", KEY, nullable=False, unique=True),
    Column("public", JSON, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("published_at", Moment, nullable=False),
    Column("signs_at", Moment, nullable=False),
)

# What clients call a person by (sub). One for each entity, never given to another.
sso_subject = Table(
    "sso_subject",
    metadata,
    Column("person", Uuid, primary_key=True),
    Column("sub", KEY, nullable=False, unique=True),
    Column("made_at", Moment, nullable=False),
)

# Which of them a client has seen: after a merge it goes on seeing that one.
sso_known = Table(
    "sso_known",
    metadata,
    Column("client", KEY, primary_key=True),
    Column("person", Uuid, primary_key=True),
    Column("since", Moment, nullable=False),
)

# A request of a client that waits for a person: to log in, to agree.
sso_ask = Table(
    "sso_ask",
    metadata,
    Column("digest", KEY, primary_key=True),
    Column("client", KEY, nullable=False),
    Column("asked", JSON, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
)

# One log-in of a person at a client, or of a client as itself: the family of all its codes and tokens.
sso_grant = Table(
    "sso_grant",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client", KEY, nullable=False),
    Column("person", Uuid),  # as the account names him; nobody where the client asked as itself
    Column("account", Uuid),
    Column("name", KEY),  # his account in the client's system
    Column("session", KEY),  # digest of the session
    Column("sid", KEY),  # what the client calls the session
    Column("sub", KEY),
    Column("scope", Text, nullable=False),
    Column("claims", JSON(none_as_null=True)),  # the parameter of that name
    Column("nonce", Text),
    Column("acr", Text),
    Column("amr", Text, nullable=False, server_default=""),  # how he was proven, in the words of RFC 8176
    Column("auth_time", Moment),
    Column("offline", Boolean, nullable=False),  # it outlives the session
    Column("made_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
    Column("revoked_at", Moment),
    Column("why", Text, nullable=False, server_default=""),
    Index("ix_sso_grant_session", "session"),
    Index("ix_sso_grant_account_client", "account", "client"),
)

# A code; it stays after its use, so that a second use is seen.
sso_code = Table(
    "sso_code",
    metadata,
    Column("digest", KEY, primary_key=True),
    Column("family", Uuid, nullable=False, index=True),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", Text, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("used_at", Moment),
)

# A service ticket of CAS: as a digest to be validated by, and sealed, to name it when its session ends.
sso_service_ticket = Table(
    "sso_service_ticket",
    metadata,
    Column("digest", KEY, primary_key=True),
    Column("family", Uuid, nullable=False, index=True),
    Column("service", Text, nullable=False),
    Column("initial", Boolean, nullable=False),  # the person proved who he is for it
    Column("sealed", LargeBinary, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("used_at", Moment),
)

# Access and refresh tokens.
sso_token = Table(
    "sso_token",
    metadata,
    Column("digest", KEY, primary_key=True),
    Column("family", Uuid, nullable=False, index=True),
    Column("kind", Text, nullable=False),  # access refresh
    Column("client", KEY, nullable=False),  # who holds it
    Column("audience", JSON, nullable=False),  # clients it was made for, beside who holds it
    Column("act", JSON(none_as_null=True)),  # who acts for the person (RFC 8693, 4.1)
    Column("scope", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
    Column("used_at", Moment),
    Column("revoked_at", Moment),
)

# A ticket that a system asks about, once.
sso_ticket = Table(
    "sso_ticket",
    metadata,
    Column("digest", KEY, primary_key=True),
    Column("client", KEY, nullable=False),
    Column("person", Uuid, nullable=False),
    Column("account", Uuid, nullable=False),
    Column("name", KEY, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
    Column("used_at", Moment),
)

# A device that waits for somebody to log in for it, by digests of the code that it polls with and of the one that is
# typed; it stays after its use, so that a second use is seen.
sso_device = Table(
    "sso_device",
    metadata,
    Column("digest", KEY, primary_key=True),
    Column("user_code", KEY, nullable=False, unique=True),
    Column("client", KEY, nullable=False),
    Column("scope", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
    Column("interval", Integer, nullable=False),  # seconds between two polls
    Column("polled_at", Moment),
    Column("family", Uuid),  # what somebody granted
    Column("refused_at", Moment),
    Column("used_at", Moment),
)

# What a person agreed that a client learns.
sso_consent = Table(
    "sso_consent",
    metadata,
    Column("account", Uuid, primary_key=True),
    Column("client", KEY, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("claims", Text, nullable=False, server_default=""),  # names, divided by blanks
    Column("given_at", Moment, nullable=False),
)
