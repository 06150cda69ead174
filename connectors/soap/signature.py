"""Signed messages: WS-Security with X.509 certificates (OASIS X.509 Certificate Token Profile 1.1).

What is sent has a signature over its body and its Timestamp. What comes back is believed only where the certificate
that the settings name signed its body: the one body that is read, and nothing a message could show beside it.
"""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree
from zeep.wsse.signature import BinarySignature, MemorySignature

from connectors.soap.declared import Signature
from connectors.soap.records import body_of
from hub.errors import ConfigError, Fatal

DS = "http://www.w3.org/2000/09/xmldsig#"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-"
WSSE, WSU = f"{OASIS}secext-1.0.xsd", f"{OASIS}utility-1.0.xsd"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
METHODS = frozenset(f"http://www.w3.org/2001/04/xmldsig-more#rsa-sha{bits}" for bits in (256, 384, 512))
DIGESTS = frozenset({f"{base}sha{bits}" for base, bits in (
    ("http://www.w3.org/2001/04/xmlenc#", 256), ("http://www.w3.org/2001/04/xmldsig-more#", 384),
    ("http://www.w3.org/2001/04/xmlenc#", 512),
)})  # fmt: skip
OLD = (f"{DS}rsa-sha1", f"{DS}sha1")
"""Taken only where the settings say so."""
SKEW = datetime.timedelta(minutes=5)
_MEMORY: Any = MemorySignature
_BINARY: Any = BinarySignature


class Signer:
    """Signs what goes out and verifies what comes back, by the files that the settings name."""

    def __init__(self, rule: Signature, folder: str) -> None:
        """ConfigError ``soap.xmlsec``, ``soap.certificate`` or ``soap.key``."""
        try:
            self._xmlsec: Any = importlib.import_module("xmlsec")
        except ImportError:
            raise ConfigError(
                "soap.xmlsec", "signed messages need xmlsec, which is not installed",
                hint="pip install cophub[signature]",
            ) from None  # fmt: skip
        self._rule = rule
        transform = self._xmlsec.Transform
        old = rule.method == "sha1"
        self._own = _MEMORY(
            rule.key.reveal().encode(), _file(folder, rule.certificate), None,
            transform.RSA_SHA1 if old else transform.RSA_SHA256, transform.SHA1 if old else transform.SHA256,
        )  # fmt: skip
        self._methods = METHODS | ({OLD[0]} if old else set())
        self._digests = DIGESTS | ({OLD[1]} if old else set())
        self._trust = _file(folder, rule.trust) if rule.trust is not None else None

    @property
    def verifies(self) -> bool:
        return self._trust is not None

    def sign(self, envelope: etree._Element) -> None:
        """Sign the body, and the Timestamp that stands in the security header."""
        try:
            if self._rule.token == "binary":
                _BINARY.apply(self._own, envelope, {})
            else:
                self._own.apply(envelope, {})
        except self._xmlsec.Error:
            raise ConfigError(
                "soap.key", "the private key or the certificate cannot be used to sign",
                hint="signature: key is a private key of RSA in PEM, without a password; certificate its certificate",
            ) from None  # fmt: skip

    def verify(self, root: etree._Element, where: str, now: datetime.datetime) -> None:
        """Fatal ``soap.signature`` where the body is not signed by the certificate of ``trust``."""
        try:
            self._verify(root, now)
        except _Unsigned as error:
            raise Fatal(
                "soap.signature", f"the answer is not signed as it must be: {error}", where=where,
                hint="check signature: trust, the certificate of who signs; without trust: answers are not verified",
            ) from None  # fmt: skip

    def _verify(self, root: etree._Element, now: datetime.datetime) -> None:
        bodies = [one for one in root if _local(one) == "Body"]
        headers = [one for one in root if _local(one) == "Header"]
        if len(bodies) != 1 or len(headers) != 1 or body_of(root) is not bodies[0]:
            raise _Unsigned("it has not one header and one body")
        securities = headers[0].findall(f"{{{WSSE}}}Security")
        signatures = [one for security in securities for one in security.findall(f"{{{DS}}}Signature")]
        if len(securities) != 1 or len(signatures) != 1:
            raise _Unsigned(f"it has {len(signatures)} signatures")
        nodes = self._referenced(root, signatures[0])
        if not any(node is bodies[0] for node in nodes):
            raise _Unsigned("the signature is not over the body")
        for stamp in securities[0].findall(f"{{{WSU}}}Timestamp"):
            if not any(node is stamp for node in nodes):
                raise _Unsigned("the signature is not over the Timestamp")
            _require_valid(stamp, now)
        context = self._xmlsec.SignatureContext()
        try:
            context.key = self._xmlsec.Key.from_memory(self._trust, self._xmlsec.KeyFormat.CERT_PEM, None)
        except self._xmlsec.Error:
            raise ConfigError(
                "soap.certificate", "signature: trust is no certificate", hint="it is a file in PEM, below config/"
            ) from None
        for node in nodes:
            context.register_id(node, "Id", WSU)
        try:
            context.verify(signatures[0])
        except self._xmlsec.Error:
            raise _Unsigned("the signature is wrong, or of another key") from None

    def _referenced(self, root: etree._Element, signature: etree._Element) -> list[etree._Element]:
        """The elements that a signature is over, each by an id that no other element has."""
        known: dict[str, list[etree._Element]] = {}
        for one in root.iter():
            for name in (f"{{{WSU}}}Id", "Id", "ID", "id"):
                if one.get(name) is not None:
                    known.setdefault(str(one.get(name)), []).append(one)
        info = signature.find(f"{{{DS}}}SignedInfo")
        if info is None or _algorithm(info, "SignatureMethod") not in self._methods:
            raise _Unsigned("it is not by RSA and SHA-2, or SHA-1 where method: says so")
        if _algorithm(info, "CanonicalizationMethod") != EXCLUSIVE:
            raise _Unsigned("it is not by exclusive canonicalization")
        found = []
        for reference in info.findall(f"{{{DS}}}Reference"):
            name = str(reference.get("URI") or "").removeprefix("#")
            nodes = known.get(name, [])
            if len(nodes) != 1 or nodes[0].get(f"{{{WSU}}}Id") != name:
                raise _Unsigned(f"{len(nodes)} elements have the id {name[:60]!r}")
            transforms = [str(one.get("Algorithm")) for one in reference.iter(f"{{{DS}}}Transform")]
            if transforms != [EXCLUSIVE] or _algorithm(reference, "DigestMethod") not in self._digests:
                raise _Unsigned("a part of it is signed in another way than by exclusive canonicalization and SHA-2")
            found.append(nodes[0])
        return found


class _Unsigned(Exception):
    """Why a signature is not believed."""


def _require_valid(stamp: etree._Element, now: datetime.datetime) -> None:
    times = dict(_times(stamp))
    if "Expires" in times and times["Expires"] < now - SKEW:
        raise _Unsigned(f"it ran out at {times['Expires'].isoformat()}")
    if "Created" in times and times["Created"] > now + SKEW:
        raise _Unsigned(f"it is of {times['Created'].isoformat()}, which is yet to come")


def _times(stamp: etree._Element) -> Iterator[tuple[str, datetime.datetime]]:
    for one in stamp:
        try:
            moment = datetime.datetime.fromisoformat(str(one.text).strip())
        except ValueError:
            raise _Unsigned("its Timestamp cannot be read") from None
        yield _local(one), moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)


def _algorithm(element: etree._Element, name: str) -> str:
    found = element.find(f"{{{DS}}}{name}")
    return str(found.get("Algorithm")) if found is not None else ""


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _file(folder: str, name: str) -> bytes:
    try:
        return (Path(folder) / name).read_bytes()
    except OSError:
        raise ConfigError(
            "soap.certificate", f"there is no file {name}", hint="paths of signature: start at config/"
        ) from None
