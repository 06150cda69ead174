"""Log-in by a token of OAuth 2.0: OAUTHBEARER (RFC 7628), or XOAUTH2 where a server knows only that."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from connectors.mail.declared import MailSettings
from hub.contract import Context
from hub.errors import ConfigError
from hub.http import Auth, Clock, HttpSettings, OAuth2, Transport

MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
"""What may be spoken, the standard's own first."""


class Bearer:
    """The tokens of one account, asked for where OAuth 2.0 says; one for all connections of the process."""

    def __init__(self, context: Context, settings: MailSettings, oauth2: OAuth2, clock: Clock) -> None:
        self._user = settings.username or ""
        parts = urlsplit(oauth2.token_url)
        asked = HttpSettings(
            url=f"{parts.scheme}://{parts.netloc}", auth=Auth(oauth2=oauth2), limits=settings.limits, tls=settings.tls
        )
        # a name of its own: whoever asks for a token has a turn at the mail server already
        self._transport = Transport(asked, f"{context.system} oauth2", folder=context.folder, clock=clock)
        self._used = ""

    def close(self) -> None:
        self._transport.close()

    def token(self) -> str:
        """AuthError ``auth.token`` where the client is refused; errors of the network as everywhere."""
        self._used = self._transport.token()
        return self._used

    def renew(self) -> bool:
        """The server refused the token: whether it is worth trying another one, which is the case once."""
        used, self._used = self._used, ""
        return bool(used) and self._transport.renew(used)

    def shown(self, text: str) -> str:
        """Without the token."""
        return self._transport.redact(text)

    def answers(self, mechanism: str, place: str, port: int) -> Callable[..., str]:
        """What is said at each turn of the server: the token, and after a refusal what lets the server say why."""
        token = self.token()
        if mechanism == "XOAUTH2":
            first, after = f"user={self._user}\x01auth=Bearer {token}\x01\x01", ""
        else:
            named = self._user.replace("=", "=3D").replace(",", "=2C")  # saslname of RFC 5801 §4
            host = urlsplit(place).hostname
            first, after = f"n,a={named},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01", "\x01"
        said: list[bool] = []

        def answer(challenge: bytes | None = None) -> str:
            said.append(True)
            return first if len(said) == 1 else after

        return answer


def mechanism_of(known: str, place: str) -> str:
    """The mechanism to take of those a server names; ConfigError ``mail.oauth2`` where it knows none of ours."""
    words = known.upper().replace("AUTH=", " ").split()
    for one in MECHANISMS:
        if one in words:
            return one
    raise ConfigError(
        "mail.oauth2", "the server offers neither OAUTHBEARER nor XOAUTH2", where=place,
        hint="write password instead of oauth2, or have the server's owner switch OAuth 2.0 on",
    )  # fmt: skip
