"""Tables of security keys and passkeys (WebAuthn). Part of the same metadata.

Nothing of it is secret: a public key proves nobody.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text, Uuid

from hub.store.login_tables import metadata  # one metadata for all tables
from hub.store.tables import KEY
from hub.store.types import Moment

__all__ = ["metadata"]

# A key of a local account, on a token, in a phone or a computer.
login_passkey = Table(
    "login_passkey",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("credential", KEY, nullable=False, unique=True),  # its id in base64url, as the authenticator chose it
    Column("account", Uuid, nullable=False, index=True),
    Column("public", LargeBinary, nullable=False),  # COSE key (RFC 9052)
    Column("count", BigInteger, nullable=False),  # signatures that it says it has made; 0 where it does not count
    Column("name", Text, nullable=False),  # as its owner calls it
    Column("transports", Text, nullable=False),  # how a browser reaches it, divided by blanks
    Column("made_at", Moment, nullable=False),
    Column("used_at", Moment),
)

# What an authenticator is to sign: taken once, by the browser that it was made for, for what it was made for.
login_challenge = Table(
    "login_challenge",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of the challenge
    Column("holder", Text, nullable=False),  # SHA-256 of the token in the cookie of that browser
    Column("what", Text, nullable=False),  # add prove enter
    Column("made_at", Moment, nullable=False, index=True),
)
