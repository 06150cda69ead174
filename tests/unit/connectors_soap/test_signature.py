"""Signed messages: what the hub sends verifies, and of what it gets only what the named certificate signed is read."""

from __future__ import annotations

import datetime
import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from zeep.exceptions import SignatureVerificationFailed
from zeep.wsse.signature import MemorySignature
from zeep.wsse.utils import WSU, get_security_header

from connectors.soap import SPEC
from connectors.soap.signature import DS, EXCLUSIVE
from hub.contract import Change, Context
from hub.errors import ConfigError, Fatal
from tests.contract.soapweb import ENVELOPE, envelope, wsdl
from tests.contract.test_soap import PEOPLE
from tests.unit.connectors_soap.opening import people, read, records
from tests.unit.http.fake import Answer, Asked, fake

NOON = 1767268800.0  # 2026-01-01T12:00:00Z
xmlsec: Any = importlib.import_module("xmlsec")


def pair(name: str) -> tuple[bytes, bytes]:
    """A private key and its certificate, in PEM."""
    key = rsa.generate_private_key(65537, 2048)
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(called, called, key.public_key(), 1, datetime.datetime(2025, 1, 1),
                                   datetime.datetime(2035, 1, 1)).sign(key, hashes.SHA256())  # fmt: skip
    plain = serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return text, made.public_bytes(serialization.Encoding.PEM)


HUB, SERVICE, OTHER = pair("hub"), pair("service"), pair("other")
Mend = Callable[[etree._Element], None]


def signed(answer: Answer, by: tuple[bytes, bytes] = SERVICE, mend: Mend | None = None, old: bool = False,
           until: str = "2026-01-01T12:05:00Z") -> Answer:  # fmt: skip
    """An answer with a signature of the service; ``mend`` changes it afterwards."""
    root = etree.fromstring(answer.body)
    get_security_header(root).append(WSU.Timestamp(WSU.Created("2026-01-01T12:00:00Z"), WSU.Expires(until)))
    transform = xmlsec.Transform
    methods = (transform.RSA_SHA1, transform.SHA1) if old else (transform.RSA_SHA256, transform.SHA256)
    MemorySignature(*by, None, *methods).apply(root, {})
    if mend is not None:
        mend(root)
    return Answer(answer.status, etree.tostring(root), answer.headers)


def opened(url: str, folder: Path, **more: Any) -> Any:
    for name, text in (("kit.wsdl", wsdl()), ("hub.pem", HUB[1]), ("service.pem", SERVICE[1]), ("x.pem", b"none")):
        (folder / name).write_bytes(text)
    signature = {"key": HUB[0].decode(), "certificate": "hub.pem", "trust": "service.pem"}
    said = {
        "url": url, "wsdl": "kit.wsdl", "limits": {"retries": 0}, "security": {"signature": signature | more},
    }  # fmt: skip
    resources = {"people": SPEC.resource.model_validate({"operation": "GetPeople", "key": "code", **PEOPLE})}
    return SPEC.open(Context(f"x {url}", str(folder), now=lambda: NOON), SPEC.settings.model_validate(said), resources)


@pytest.mark.parametrize("token", ["binary", "x509"])
def test_body_and_timestamp_of_requests_are_signed(tmp_path: Path, token: str) -> None:
    with fake(lambda asked: signed(envelope(people(1, 2)))) as server:
        assert len(records(read(opened(server.url, tmp_path, token=token)))) == 2
    root = etree.fromstring(server.asked[0].body)
    MemorySignature(*HUB).verify(root)
    references = [one.get("URI") for one in root.iter(f"{{{DS}}}Reference")]
    body = root.find(f"{{{ENVELOPE}}}Body")
    assert body is not None
    assert len(references) == 2
    ids = [str(value) for name, value in body.attrib.items() if str(name).endswith("}Id")]
    assert f"#{ids[0]}" in references
    assert b"2026-01-01T12:05:00Z" in server.asked[0].body
    assert (b"BinarySecurityToken" in server.asked[0].body) == (token == "binary")
    assert b"PRIVATE" not in server.asked[0].body
    body[0].tail = "x"
    with pytest.raises(SignatureVerificationFailed):
        MemorySignature(*HUB).verify(root)


def bodies(root: etree._Element) -> tuple[etree._Element, etree._Element]:
    body = root.find(f"{{{ENVELOPE}}}Body")
    assert body is not None
    return root[0], body


def another_value(root: etree._Element) -> None:
    next(one for one in root.iter() if one.text == "n1").text = "somebody else"


def wrapped(root: etree._Element) -> None:
    """The signed body moved into the header, and another one in its place."""
    head, body = bodies(root)
    other = etree.fromstring(etree.tostring(body))
    other.attrib.clear()
    another_value(other)
    root.replace(body, other)
    etree.SubElement(head, "Wrapper").append(body)


def same_id(root: etree._Element) -> None:
    _, body = bodies(root)
    wrapped(root)
    root[-1].attrib.update(body.attrib)


def two_bodies(root: etree._Element) -> None:
    root.append(etree.fromstring(etree.tostring(bodies(root)[1])))


def no_signature(root: etree._Element) -> None:
    found = next(root.iter(f"{{{DS}}}Signature"))
    parent = found.getparent()
    assert parent is not None
    parent.remove(found)


def another_transform(root: etree._Element) -> None:
    next(root.iter(f"{{{DS}}}Transform")).set("Algorithm", EXCLUSIVE + "WithComments")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda answer: answer, "header"),
        (lambda answer: signed(answer, OTHER), "another key"),
        (lambda answer: signed(answer, mend=another_value), "wrong"),
        (lambda answer: signed(answer, mend=wrapped), "not over the body"),
        (lambda answer: signed(answer, mend=same_id), "2 elements have the id"),
        (lambda answer: signed(answer, mend=two_bodies), "one body"),
        (lambda answer: signed(answer, mend=no_signature), "0 signatures"),
        (lambda answer: signed(answer, mend=another_transform), "another way"),
        (lambda answer: signed(answer, old=True), "SHA-2"),
        (lambda answer: signed(answer, until="2026-01-01T11:00:00Z"), "ran out"),
    ],
    ids=[
        "unsigned", "another key", "changed", "wrapped", "same id", "two bodies", "cut out", "transform", "SHA-1",
        "old",
    ],
)  # fmt: skip
def test_answers_that_are_not_signed_as_they_must_be_are_not_read(
    made: Callable[[Answer], Answer], words: str, tmp_path: Path
) -> None:
    with fake(lambda asked: made(envelope(people(1)))) as server:
        with pytest.raises(Fatal, match=words) as caught:
            read(opened(server.url, tmp_path))
        assert caught.value.code == "soap.signature"
        target = opened(server.url, tmp_path)
        change = Change("create", {"code": "1"}, {"code": "1"})
        (outcome,) = target.deliver(target.resource("people"), [change])
        assert (outcome.status, outcome.code) == ("unknown", "soap.signature")  # it may have had an effect


def test_old_services_sign_by_sha1_where_that_is_said(tmp_path: Path) -> None:
    with fake(lambda asked: signed(envelope(people(1)), old=True)) as server:
        assert len(records(read(opened(server.url, tmp_path, method="sha1")))) == 1
    assert b"rsa-sha1" in server.asked[0].body


def test_answers_need_no_signature_where_none_is_trusted(tmp_path: Path) -> None:
    with fake(lambda asked: envelope(people(1))) as server:
        assert len(records(read(opened(server.url, tmp_path, trust=None)))) == 1


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"certificate": "none.pem"}, "soap.certificate"), ({"trust": "none.pem"}, "soap.certificate"),
        ({"trust": "x.pem"}, "soap.certificate"), ({"certificate": "x.pem"}, "soap.key"),
        ({"key": "n0-key-at-all"}, "soap.key"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_named(more: dict[str, Any], code: str, tmp_path: Path) -> None:
    with fake(lambda asked: signed(envelope(people(1)))) as server, pytest.raises(ConfigError) as caught:
        read(opened(server.url, tmp_path, **more))
    assert caught.value.code == code
    assert "n0-key" not in str(caught.value)


def test_without_xmlsec_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xmlsec", None)
    with fake(lambda asked: envelope(people(1))) as server, pytest.raises(ConfigError) as caught:
        read(opened(server.url, tmp_path))
    assert (caught.value.code, caught.value.hint, server.asked) == (
        "soap.xmlsec", "pip install cophub[signature]", [],
    )  # fmt: skip


def test_answers_in_several_parts_are_not_covered(tmp_path: Path) -> None:
    inner = signed(envelope(people(1))).body
    parts = b'--b\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <a>\r\n\r\n' + inner + b"\r\n--b--"

    def reply(asked: Asked) -> Answer:
        return Answer(200, parts, {"Content-Type": 'multipart/related; boundary=b; type="text/xml"; start="<a>"'})

    with fake(reply) as server, pytest.raises(Fatal, match="attachments"):
        read(opened(server.url, tmp_path))


def test_ids_are_made_anew_for_every_message(tmp_path: Path) -> None:
    with fake(lambda asked: signed(envelope(people(1)))) as server:
        source = opened(server.url, tmp_path)
        read(source)
        read(source)
    ids = [re.findall(rb':Id="([^"]+)"', asked.body) for asked in server.asked]
    assert len({one for several in ids for one in several}) == sum(map(len, ids))
