"""Connections of one account: encrypted, logged in once, cut off at their deadline, errors translated."""

from __future__ import annotations

import contextlib
import imaplib
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from connectors.mail.declared import PORTS, MailSettings
from connectors.mail.login import Bearer, mechanism_of
from hub.contract import Context
from hub.errors import AuthError, ConfigError, Fatal, HubError, Retriable
from hub.http import Auth, Basic, Clock
from hub.http.auth import Credentials
from hub.http.pace import shared_pace
from hub.redact import redact

T = TypeVar("T")
LONGEST_LINE = 4 << 20
_LATER = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "[CONTACTADMIN]")


class _Context(ssl.SSLContext):
    """Closes a connection whose server is not trusted: the libraries of the protocols leave it open."""

    def wrap_socket(self, sock: socket.socket, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        made = super().wrap_socket(sock, *args, **{**kwargs, "do_handshake_on_connect": False})
        try:
            made.do_handshake()
        except BaseException:
            made.close()
            raise
        return made


class _Bounded:
    """What both ways of connecting add to imaplib: no answer may be larger than what was asked for."""

    largest = 0

    def read(self, size: int) -> bytes:
        if size > self.largest:
            raise imaplib.IMAP4.error(f"a literal of {size} bytes, more than {self.largest}")
        found: bytes = super().read(size)  # type: ignore[misc] # the library has no types
        return found


class _Plain(_Bounded, imaplib.IMAP4):
    pass


class _Tls(_Bounded, imaplib.IMAP4_SSL):
    pass


class Account:
    """The servers of one system. ``imap`` and ``smtp`` connect when they are first used."""

    def __init__(self, context: Context, settings: MailSettings) -> None:
        self.settings, self.system = settings, context.system
        self._folder = Path(context.folder)
        self._imap: Any = None
        self._smtp: smtplib.SMTP | None = None
        self.secrets = [settings.password.reveal()] if settings.password else []
        clock = Clock(now=context.now or time.time)
        self.now = clock.now
        self.pace = shared_pace(context.system, settings.limits, clock, context.pauses)
        auth = None
        if settings.username is not None and settings.password is not None:
            auth = Auth(basic=Basic(username=settings.username, password=settings.password))
        self._bearer = Bearer(context, settings, settings.oauth2, clock) if settings.oauth2 is not None else None
        self._again = False
        self._credentials = Credentials(
            context.system, auth, _never, clock, (settings.imap or "", settings.smtp or "")
        )

    def close(self) -> None:
        imap, self._imap = self._imap, None
        if imap is not None:
            with contextlib.suppress(imaplib.IMAP4.error, OSError), self.deadline(imap.socket):
                imap.logout()
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()
        if self._bearer is not None:
            self._bearer.close()

    def drop(self) -> None:
        """Forget connections that failed: nothing on them can be trusted any more."""
        imap, self._imap = self._imap, None
        if imap is not None:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                imap.shutdown()
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()

    # ------------------------------------------------------------------ IMAP

    @contextmanager
    def imap(self, where: str = "") -> Iterator[Any]:
        """The logged-in connection, for one command that ends by the deadline. Errors are those of the hub."""
        place = where or (self.settings.imap or "")
        try:
            raw = self._imap or self._with_token(self._opened_imap)
            with self.deadline(raw.socket):
                yield raw
        except HubError:
            raise
        except imaplib.IMAP4.abort as error:
            self.drop()
            raise self._cut(error, place) from None
        except imaplib.IMAP4.error as error:
            self.drop()
            said = self.shown(str(error))
            raise Fatal("mail.answer", f"the server's answer cannot be used: {said}", where=place,
                        hint="ask who keeps the server") from None  # fmt: skip
        except OSError as error:
            self.drop()
            raise self._cut(error, place) from None

    def _with_token(self, connect: Callable[[], T]) -> T:
        """Connect, and once more where a token was refused: it may have been taken back before its end."""
        try:
            return connect()
        except AuthError as error:
            if error.code != "auth.refused" or self._bearer is None or not self._bearer.renew():
                raise
            self._again = True
            try:
                return connect()
            finally:
                self._again = False

    def _opened_imap(self) -> Any:
        url = urlsplit(self.settings.imap or "")
        if not url.hostname:
            raise ConfigError(
                "mail.imap", "the system has no IMAP server", hint="write imap: in the system's file"
            )
        self._credentials.require()
        port, timeout = url.port or PORTS[url.scheme], self.settings.limits.timeout
        kind, more = (_Tls, {"ssl_context": self._trust()}) if url.scheme == "imaps" else (_Plain, {})
        raw: Any = kind.__new__(kind)  # it reads the greeting as it is made: its socket must be known before
        with self._reaching(url.hostname, port), self.deadline(lambda: getattr(raw, "sock", None)):
            raw.__init__(url.hostname, port, timeout=timeout, **more)
        raw.largest = self.settings.max_message + (1 << 20)
        try:
            with self.deadline(raw.socket):
                if url.scheme == "imap" and self.settings.starttls:
                    self._start_tls(raw)
                self._log_in(raw)
        except BaseException:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                raw.shutdown()
            raise
        self._imap = raw
        return raw

    def _start_tls(self, raw: Any) -> None:
        try:
            raw.starttls(self._trust())
        except ssl.SSLError as error:
            raise self._distrusted(error) from None
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            raise _no_tls(self.settings.imap) from None

    def _log_in(self, raw: Any) -> None:
        user, password = self.settings.username or "", self.settings.password
        secret = password.reveal() if password else ""
        place = self.settings.imap or ""
        try:
            if self._bearer is not None:
                mechanism = mechanism_of(" ".join(raw.capabilities), place)
                raw.authenticate(mechanism, self._bearer.answers(mechanism, place, raw.port))
            elif "AUTH=PLAIN" in raw.capabilities:
                raw.authenticate("PLAIN", lambda _: f"\0{user}\0{secret}".encode())
            else:
                raw.login(user, secret)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            said = self.shown(str(error))
            if any(one in said for one in _LATER):
                raise Retriable("mail.later", f"the server takes no log-in now: {said}", where=place) from None
            raise self._refused(said, place) from None
        raw.capabilities = tuple(raw.capability()[1][-1].decode("ascii", "replace").upper().split())

    # ------------------------------------------------------------------ SMTP

    def smtp(self) -> smtplib.SMTP:
        """The logged-in connection to send by. Nothing was sent where it raises."""
        if self._smtp is None:
            self._smtp = self._with_token(self._opened_smtp)
        return self._smtp

    def _opened_smtp(self) -> smtplib.SMTP:
        url = urlsplit(self.settings.smtp or "")
        if not url.hostname:
            raise ConfigError(
                "mail.smtp", "the system has no SMTP server", hint="write smtp: in the system's file"
            )
        self._credentials.require()
        port, timeout = url.port or PORTS[url.scheme], self.settings.limits.timeout
        with self._reaching(url.hostname, port):
            raw: smtplib.SMTP = (
                smtplib.SMTP_SSL(local_hostname="localhost", timeout=timeout, context=self._trust())
                if url.scheme == "smtps" else smtplib.SMTP(local_hostname="localhost", timeout=timeout)
            )  # fmt: skip
            raw._host = url.hostname  # type: ignore[attr-defined] # what TLS checks the certificate against
            try:
                with self.deadline(lambda: raw.sock):
                    code, said = raw.connect(url.hostname, port)
                if code != 220:
                    raise smtplib.SMTPConnectError(code, said)
            except smtplib.SMTPException as error:
                raw.close()
                why = f"{url.hostname}:{port} does not take part: {self.shown(str(error))}"
                raise Retriable("mail.unreachable", why, hint="run again later") from None
        try:
            self._prepare(raw, url.scheme)
        except BaseException:
            raw.close()
            raise
        return raw

    def _prepare(self, raw: smtplib.SMTP, scheme: str) -> None:
        place = self.settings.smtp or ""
        with self.deadline(lambda: raw.sock):
            self._greeted(raw, scheme, place)

    def _greeted(self, raw: smtplib.SMTP, scheme: str, place: str) -> None:
        try:
            raw.ehlo_or_helo_if_needed()
            if scheme == "smtp" and self.settings.starttls:
                if not raw.has_extn("starttls"):
                    raise _no_tls(place)
                raw.starttls(context=self._trust())
                raw.ehlo_or_helo_if_needed()
            if self._bearer is not None:
                mechanism = mechanism_of(raw.esmtp_features.get("auth", ""), place)
                port = raw.sock.getpeername()[1] if raw.sock else 0
                raw.auth(mechanism, self._bearer.answers(mechanism, place, port))
            elif self.settings.username is not None and self.settings.password is not None:
                raw.login(self.settings.username, self.settings.password.reveal())
        except smtplib.SMTPAuthenticationError as error:
            said = self.shown(_said(error.smtp_error))
            if 400 <= error.smtp_code < 500:
                raise Retriable(
                    "mail.later", f"the server takes no log-in now: {said}", where=place
                ) from None
            raise self._refused(said, place) from None
        except smtplib.SMTPNotSupportedError as error:
            why = f"the server takes no log-in: {self.shown(str(error))}"
            hint = "leave username and password away, or encrypt the connection"
            raise ConfigError("mail.login", why, where=place, hint=hint) from None
        except ssl.SSLError as error:
            raise self._distrusted(error) from None
        except (smtplib.SMTPException, OSError) as error:
            raise Retriable("mail.unreachable", f"the connection ended: {self.shown(str(error))}", where=place,
                            hint="run again later") from None  # fmt: skip

    # ------------------------------------------------------------------ what both have in common

    def shown(self, text: str) -> str:
        """What a server said, without secrets, on one line."""
        known = self._bearer.shown(text) if self._bearer is not None else text
        return redact(known, self.secrets, limit=300)

    def _refused(self, said: str, where: str) -> AuthError:
        if self._bearer is None or self._again:  # a first token may have been taken back
            self._credentials.refused()
        proof = "password:" if self._bearer is None else "what oauth2: may do"
        return AuthError("auth.refused", f"the log-in was refused: {said}", where=where,
                         hint=f"check username: and {proof}")  # fmt: skip

    def _trust(self) -> ssl.SSLContext:
        tls = self.settings.tls
        made = _Context(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and name
        authority = self._file(tls.ca)
        if authority is None:
            made.load_default_certs()
        else:
            made.load_verify_locations(authority)
        cert = self._file(tls.cert)
        if cert is not None:
            made.load_cert_chain(cert, self._file(tls.key))
        return made

    def _file(self, name: str | None) -> str | None:
        if name is None:
            return None
        path = self._folder / name
        if not path.is_file():
            raise ConfigError(
                "mail.tls_file", f"there is no file {name}", hint="paths of tls: start at config/"
            )
        return str(path)

    def _distrusted(self, error: ssl.SSLError) -> HubError:
        why = getattr(error, "verify_message", "") or error.reason or "no agreement"
        return Fatal("mail.tls", f"the server's certificate is not trusted: {why}",
                     hint="write tls: {ca: …} for a private authority")  # fmt: skip

    @contextmanager
    def _reaching(self, host: str, port: int) -> Iterator[None]:
        try:
            yield
        except ssl.SSLError as error:
            raise self._distrusted(error) from None
        except (OSError, imaplib.IMAP4.error) as error:
            why = (
                (error.strerror or "timed out").lower()
                if isinstance(error, OSError)
                else self.shown(str(error))
            )
            raise Retriable("mail.unreachable", f"{host}:{port} does not answer: {why}",
                            hint="check the address and the firewall") from None  # fmt: skip

    def _cut(self, error: Exception, where: str) -> Retriable:
        return Retriable("mail.cut", f"the connection was cut: {self.shown(str(error)) or 'no more time'}", where=where,
                         hint="nothing of it was used: run again")  # fmt: skip

    @contextmanager
    def deadline(self, current: Callable[[], socket.socket | None]) -> Iterator[None]:
        """A timer shuts the connection down: timeouts of a socket begin anew with each byte. ``current`` answers
        the socket of that moment: STARTTLS puts another one in its place."""
        timer = threading.Timer(self.settings.limits.timeout, _shut, (current,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _shut(current: Callable[[], socket.socket | None]) -> None:
    with contextlib.suppress(OSError):
        if (handle := current()) is not None:
            handle.shutdown(socket.SHUT_RDWR)


def _never(method: str, url: str, headers: Any, body: bytes | None) -> Any:
    raise RuntimeError("no token is asked for here")


def _no_tls(place: str | None) -> ConfigError:
    return ConfigError("mail.starttls", "the server offers no encryption", where=place or "",
                       hint="take imaps:// or smtps://; starttls: false sends the password in plain text")  # fmt: skip


def _said(text: object) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
