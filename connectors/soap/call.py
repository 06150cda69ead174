"""Calling operations: what proves who we are, the request, and the judging of what came back."""

from __future__ import annotations

import copy
import datetime
import importlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from lxml import etree
from zeep.wsa import WsAddressingPlugin
from zeep.wsse.username import UsernameToken
from zeep.wsse.utils import WSU, get_security_header

from connectors.soap.declared import SoapSettings
from connectors.soap.documents import Parsed, parsed
from connectors.soap.faults import Fault, Judged, fault_of, judge, raised
from connectors.soap.mime import envelope_of
from connectors.soap.port import Port
from connectors.soap.records import body_of, text_at
from connectors.soap.request import Requests
from hub.contract import Context
from hub.errors import AuthError, ConfigError, Fatal, HubError, RecordRejected, Retriable
from hub.http import ANY, Response, Transport
from hub.http.answers import refuse_html
from hub.http.settings import secrets_of
from hub.untrusted import parse_xml

MAYBE_FAULTS = tuple(
    status for status in range(400, 600) if status not in (401, 407, 408, 425, 429, 502, 503, 504)
)
"""Statuses under which a fault may stand (SOAP 1.1 §6.2, SOAP 1.2 part 2 §7.5.2) and which say nothing else."""
GOODBYE_SECONDS = 5.0
_ADDRESSING: Any = WsAddressingPlugin
_USERNAME_TOKEN: Any = UsernameToken
_SECURITY_HEADER: Any = get_security_header
_FAULT = re.compile(rb"<(?:[\w.-]+:)?Body\b[^<>]*>\s*<(?:[\w.-]+:)?Fault[\s>/]")
_END = re.compile(rb"</(?:[\w.-]+:)?Envelope\s*>\s*(?:<!--.{0,1000}-->\s*)?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, with the fault in it and what that means."""

    answer: Response
    fault: Fault | None = None
    judged: Judged | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """An endpoint, and what its WSDL says of it. ``headers`` says whether the headers of every message go there."""

    url: str
    port: Port
    requests: Requests
    headers: bool = True


class Service:
    """One service: its WSDL, its session, its calls. A log-in may be a service of its own."""

    def __init__(self, context: Context, settings: SoapSettings, transport: Transport) -> None:
        self.settings, self.transport = settings, transport
        self._context = context
        self._token: str | None = None
        self._logged_in = False

    @cached_property
    def port(self) -> Port:
        settings = self.settings
        found = self._wsdl(settings.wsdl or f"{settings.url}?wsdl")
        return Port(found, settings.service, settings.port)

    def _wsdl(self, name: str) -> Parsed:
        """A WSDL by its file or address."""
        over_http = name.startswith(("http://", "https://"))
        transport, now = (self.transport, self.transport.now()) if over_http else (None, 0.0)
        return parsed(name, self._context.folder, self.settings.imports, transport, now)

    @cached_property
    def _own(self) -> Place:
        return Place(self.settings.url, self.port, Requests(self.port))

    @cached_property
    def _desk(self) -> Place:
        """Where sessions begin and end."""
        login = self.settings.login
        if login is None or login.wsdl is None or login.url is None:
            return self._own
        port = Port(self._wsdl(login.wsdl), None, None)
        return Place(login.url, port, Requests(port), headers=False)

    def read(self, operation: str, values: Mapping[str, Any], timeout: float | None = None) -> Reply:
        """Call an operation that only reads, a bounded number of times. A fault raises, unless it means that
        there is nothing."""
        try:
            return self._renewed(operation, values, timeout=timeout, reading=True)
        except RecordRejected as error:
            raise ConfigError(error.code, error.message, where=error.where, hint=error.hint) from None

    def write(self, operation: str, values: Mapping[str, Any], nulls: str) -> Reply:
        """Call an operation once, whatever it answers."""
        return self._renewed(operation, values, nulls=nulls, reading=False)

    def close(self) -> None:
        """End the session, if there is one. A service that does not answer keeps it until it runs out."""
        login = self.settings.login
        if login and login.logout and self._logged_in:
            with suppress(HubError):
                place = self._desk if login.logout in self._desk.port.operations else self._own
                self._send(login.logout, {}, timeout=GOODBYE_SECONDS, reading=False, place=place)
        self._logged_in = False
        self.transport.close()

    # ------------------------------------------------------------ one call

    def _renewed(
        self, operation: str, values: Mapping[str, Any], *, reading: bool, timeout: float | None = None,
        nulls: str = "nil",
    ) -> Reply:  # fmt: skip
        """Call, and once more with a new session where the old one is over."""
        old = self._logged_in
        for renewing in (False, True):
            self._log_in()
            try:
                reply = self._send(operation, values, timeout=timeout, nulls=nulls, reading=reading)
                if reply.judged is None or reply.judged.means != "auth":
                    return reply
            except AuthError:
                if renewing or not old:
                    self.transport.refused()
                    raise
            if renewing or not old:
                self.transport.refused()
                return reply
            self._logged_in = False
        raise AssertionError("a session is renewed once")

    def _log_in(self) -> None:
        login = self.settings.login
        if login is None or self._logged_in:
            return
        self._token = None
        try:
            reply = self._send(login.operation, login.params, reading=True, place=self._desk)
        except RecordRejected as error:
            raise ConfigError(error.code, f"login: {error.message}", hint=error.hint) from None
        except AuthError:
            self.transport.refused()
            raise
        except Fatal as error:
            if error.code != "soap.fault":
                raise
            self.transport.refused()
            raise AuthError(
                "auth.refused",
                f"the log-in was refused: {error.message}",
                where=error.where,
                hint="check login:",
            ) from None
        if login.token:
            self._token = text_at(self.tree(reply.answer), login.token)
            if not self._token:
                raise AuthError(
                    "auth.token",
                    f"the answer of {login.operation} has no token at {login.token}",
                    where=reply.answer.where,
                    hint="check login.token, and user and password",
                )
        self._logged_in = True

    def _send(
        self, operation: str, values: Mapping[str, Any], *, reading: bool, timeout: float | None = None,
        nulls: str = "nil", place: Place | None = None,
    ) -> Reply:  # fmt: skip
        settings, place = self.settings, place or self._own
        headers, values = self._with_session(values, settings.soap_headers if place.headers else {})
        envelope, found = place.requests.envelope(operation, nested(values), headers, nulls=nulls)
        http = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{found.soapaction or ""}"'}
        if place.port.soap12:
            action = f'; action="{found.soapaction}"' if found.soapaction else ""
            http = {"Content-Type": f"application/soap+xml; charset=utf-8{action}"}
        http |= {"Accept": "text/xml, application/soap+xml, multipart/related, */*;q=0.1"}
        if settings.login and settings.login.into.http_header and self._token:
            http[settings.login.into.http_header] = self._token
        answer = self.transport.request(
            "POST", place.url, params=settings.params if place is self._own else (), headers=http,
            idempotent=reading, timeout=timeout,
            data=partial(self._message, envelope, found, place.url),
            expect=MAYBE_FAULTS if reading else ANY, check=self._refuse_fault if reading else None,
        )  # fmt: skip
        self._believed(answer)
        fault = self.fault_in(answer)
        return Reply(answer, fault, judge(fault, settings.faults) if fault else None)

    def _with_session(
        self, values: Mapping[str, Any], fixed: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The SOAP headers of a call and its values, the token of the session among them."""
        headers = nested(fixed)
        sent = dict(values)
        if self.settings.login and self._token:
            into = self.settings.login.into
            if into.soap_header:
                headers = nested({**fixed, into.soap_header: self._token})
            elif into.param:
                sent[into.param] = self._token
        return headers, sent

    def _message(self, envelope: etree._Element, operation: Any, url: str) -> bytes:
        """The text of one attempt: an id, a nonce and a time may not be sent twice."""
        envelope = copy.deepcopy(envelope)
        self._secure(envelope, operation, url)
        return etree.tostring(envelope, encoding="utf-8", xml_declaration=True)

    def _secure(self, envelope: etree._Element, operation: Any, url: str) -> None:
        """WS-Addressing and WS-Security."""
        if self.settings.addressing:
            _ADDRESSING(url).egress(envelope, {}, operation, {})
        security = self.settings.security
        if security is None:
            return
        rule, now = security.username_token, self._now()
        if rule is not None:
            stamp = _stamp(now, rule.timestamp) if rule.timestamp is not None and self._signer is None else None
            _USERNAME_TOKEN(
                rule.username, rule.password.reveal(), use_digest=rule.digest, created=now, zulu_timestamp=True,
                timestamp_token=stamp,
            ).apply(envelope, {})  # fmt: skip
        if security.signature is not None and self._signer is not None:
            _SECURITY_HEADER(envelope).append(_stamp(now, security.signature.timestamp))
            self._signer.sign(envelope)

    @cached_property
    def _signer(self) -> Any:
        """Who signs; xmlsec is loaded only where that is declared."""
        rule = self.settings.security.signature if self.settings.security else None
        if rule is None:
            return None
        return importlib.import_module("connectors.soap.signature").Signer(rule, self._context.folder)

    def _now(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(int(self.transport.now()), datetime.UTC)

    def _believed(self, answer: Response) -> None:
        """Fatal ``soap.signature`` where an answer must be signed and is not; an empty one has nothing to sign."""
        if self._signer is None or not self._signer.verifies or not answer.body.strip():
            return
        if "multipart" in answer.headers.get("content-type", ""):
            raise Fatal(
                "soap.signature", "the answer has attachments, which no signature of the message covers",
                where=answer.where, hint="have the service send its records within the message",
            )  # fmt: skip
        self._signer.verify(self.tree(answer), answer.where, self._now())

    # ------------------------------------------------------------ what came back

    def tree(self, answer: Response) -> etree._Element:
        """The whole answer, which is an envelope."""
        text, encoding = self.text(answer)
        return parse_xml(text, limit=self.settings.limits.max_body, where=answer.where, encoding=encoding)

    def text(self, answer: Response) -> tuple[bytes, str | None]:
        """The text of the envelope and its encoding. What is none is refused, and what was cut is asked for
        again."""
        if not answer.body.strip():
            raise Fatal(
                "http.empty",
                f"answered {answer.status} without a body where a SOAP message was expected",
                where=answer.where,
                hint="an empty answer is not an empty list: check url:, or ask the service's owner",
            )
        refuse_html(answer)
        text, encoding = envelope_of(answer)
        plain = text.replace(b"\0", b"") if b"\0" in text[:4] else text
        if b"Envelope" in plain[:4000] and not _END.search(plain[-3000:]):
            raise Retriable(
                "page.cut", "the answer ends within its message", where=answer.where,
                hint="nothing of it was used: run again; if it stays, ask who keeps the proxy or the service",
            )  # fmt: skip
        return text, encoding

    def fault_in(self, answer: Response) -> Fault | None:
        """The fault that an answer begins with."""
        if not _FAULT.search(answer.body) and answer.ok:
            return None
        if b"Envelope" not in answer.body.replace(b"\0", b"")[:4000]:
            return None
        return fault_of(self.tree(answer))

    def refuse(self, fault: Fault, where: str) -> None:
        """Raise what a fault in the answer to a read stands for, unless it means that there is nothing."""
        judged = judge(fault, self.settings.faults)
        if judged.means != "nothing":
            raise raised(fault, judged, self.transport.redact(str(fault)), where)

    def _refuse_fault(self, answer: Response) -> None:
        fault = self.fault_in(answer)
        if fault is not None:
            self.refuse(fault, answer.where)
        elif not answer.ok:
            self.transport.refuse(answer)

    def expect_envelope(self, root: etree._Element, where: str) -> None:
        """Refuse what is no SOAP message, and faults that nobody saw before."""
        if body_of(root) is None:
            name = str(root.tag).rpartition("}")[2]
            raise Fatal(
                "soap.answer", f"the answer is no SOAP message, its first element is {name}", where=where,
                hint="check url:",
            )  # fmt: skip
        if (fault := fault_of(root)) is not None:
            self.refuse(fault, where)


def _stamp(now: datetime.datetime, seconds: float) -> Any:
    """A Timestamp that is valid for so long."""
    end = now + datetime.timedelta(seconds=seconds)
    form = "%Y-%m-%dT%H:%M:%SZ"
    return WSU.Timestamp(WSU.Created(now.strftime(form)), WSU.Expires(end.strftime(form)))


def local_wsdl(context: Context, settings: SoapSettings) -> Parsed | None:
    """The WSDL of the file that the settings name, if they do; nothing is fetched for it."""
    if settings.wsdl is None or settings.wsdl.startswith(("http://", "https://")):
        return None
    return parsed(settings.wsdl, context.folder, settings.imports, None)


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names and nested values as one nested mapping; later ones are put into earlier ones."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        inner = made
        *outer, last = [name] if name.startswith("{") else name.split(".")
        for step in outer:
            inner = _entered(inner, step, name)
        if isinstance(value, Mapping) and isinstance(inner.get(last), dict):
            inner[last] = nested({**_flat(inner[last]), **_flat(value)})
        else:
            inner[last] = nested(value) if isinstance(value, Mapping) else value
    return made


def _entered(inner: dict[str, Any], step: str, name: str) -> dict[str, Any]:
    below = inner.setdefault(step, {})
    if not isinstance(below, dict):
        raise ConfigError("field.nested", f"{name} cannot be nested: {step} has a value of its own")
    return below


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            made |= _flat(value, f"{before}{name}.")
        else:
            made[before + name] = value
    return made


def message_secrets(settings: SoapSettings, resources: Mapping[str, Any]) -> Iterator[str]:
    """The secrets that stand in messages, besides those of ``auth``."""
    for part in (settings.security, settings.soap_headers, settings.login, *resources.values()):
        yield from secrets_of(part)
