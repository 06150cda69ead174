"""Tables of who logs in to the portal by an account of the hub itself. Part of the same metadata."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text, Uuid

from hub.store.substitute_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["metadata"]

# A local account: it opens the portal for one person. The password is an Argon2id hash.
account = Table(
    "account",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", KEY, nullable=False, unique=True),
    Column("person", Uuid, nullable=False),
    Column("password", Text, nullable=False),  # empty: others prove its owner
    Column("language", Text, nullable=False),  # chosen in the portal; empty: the browser's
    Column("made_at", Moment, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),  # the password
    Column("disabled_at", Moment),
    Column("used_at", Moment),
)

# Who is logged in: never the token itself, only its digest. What has ended is not there any more.
session = Table(
    "session",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of the token
    Column("account", Uuid, nullable=False, index=True),
    Column("begun_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("link", Uuid, index=True),  # by what somebody else proved; see login_link
    Column("sid", Text),  # what that one calls the session
    Column("methods", Text),  # how its owner was proven, in the words of RFC 8176
    Column("proven_at", Moment),  # when its owner last proved who he is; empty where another did not say so
    Column("browser", Text, nullable=False, server_default=""),  # in two words, for its owner to tell it by
)
