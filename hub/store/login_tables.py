"""Tables of log-ins by what others prove: directories and providers. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, Uuid

from hub.store.notice_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["metadata"]

# Who somebody is elsewhere, and the account that he opens here. Never by mail: by what its issuer keeps for ever.
login_link = Table(
    "login_link",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("issuer", KEY, nullable=False),  # ldap:SYSTEM, or the issuer of a provider
    Column("subject", KEY, nullable=False),  # the lasting id of the entry, or sub
    Column("account", Uuid, nullable=False, index=True),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("used_at", Moment),
    Index("uq_login_link_issuer_subject", "issuer", "subject", unique=True),
)

# Passwords that were passed on to a directory and were wrong, or whose answer is awaited.
login_trial = Table(
    "login_trial",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("whose", Text, nullable=False, index=True),  # SHA-256 of the directory and its account
    Column("tried_at", Moment, nullable=False, index=True),
)

# Browsers from which somebody logged in before: strangers' wrong passwords do not lock him out there.
login_device = Table(
    "login_device",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of the token in its cookie and of the name that was typed
    Column("account", Uuid, nullable=False, index=True),
    Column("made_at", Moment, nullable=False),
    Column("wrong", Integer, nullable=False, server_default="0"),  # tries since its owner last logged in
)

# Log-ins that are under way at a provider: one row each, taken once. Nothing of it is in the browser but its state.
login_attempt = Table(
    "login_attempt",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of the state
    Column("provider", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("onward", Text, nullable=False),
    Column("browser", Text, nullable=False),  # SHA-256 of what its cookie holds
    Column("account", Uuid),  # to be linked, where its owner is logged in already
    Column("oldest", Integer),  # seconds before it that he may have proved who he is; empty: however long ago
    Column("made_at", Moment, nullable=False, index=True),
)

# Logout tokens that were taken: none is taken twice (OpenID Connect Back-Channel Logout 1.0, 2.6).
login_replay = Table(
    "login_replay",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of issuer and jti
    Column("until", Moment, nullable=False, index=True),
)

# The second factor of a local account: a key for codes by time (RFC 6238), sealed. Of each step one code is taken.
login_totp = Table(
    "login_totp",
    metadata,
    Column("account", Uuid, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("confirmed_at", Moment),  # before it is only proposed
    Column("step", BigInteger, nullable=False),  # of the last code that was taken
)

# Codes on paper, for who lost his phone: each is taken once.
login_recovery = Table(
    "login_recovery",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of account and code
    Column("account", Uuid, nullable=False, index=True),
)

# Whose password was right, and whose second factor is awaited.
login_half = Table(
    "login_half",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of the token in its cookie
    Column("account", Uuid, nullable=False),
    Column("onward", Text, nullable=False),
    Column("made_at", Moment, nullable=False, index=True),
)
