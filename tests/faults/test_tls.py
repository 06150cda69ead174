"""Certificates and protocols that must not be accepted: refused before a byte of the request is sent, and named."""

from __future__ import annotations

import ssl
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from hub.errors import HubError
from hub.http import HttpSettings, Transport
from tests.faults.matrix import row
from tests.unit.http.fake import Fake, as_json, fake
from tests.unit.http.tls import context_of, encrypted

Served = Callable[[ssl.SSLContext], Fake]


@pytest.fixture
def served() -> Iterator[Served]:
    with ExitStack() as stack:

        def serve(context: ssl.SSLContext) -> Fake:
            return stack.enter_context(encrypted(lambda asked: as_json(1), context))

        yield serve


def refused(server: Fake, folder: Path, authority: trustme.CA) -> HubError:
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    settings = HttpSettings.model_validate(
        {"url": server.url, "tls": {"ca": "ca.pem"}, "limits": {"retries": 0, "timeout": "5s"},
         "auth": {"bearer": {"token": "canary-of-the-token"}}}
    )  # fmt: skip
    with pytest.raises(HubError) as caught:
        Transport(settings, "tls" + server.url, folder=folder).request("GET", "/")
    assert server.asked == []
    assert "canary" not in str(caught.value)
    return caught.value


@row(38, "an expired certificate, and one that is not valid yet")
@pytest.mark.parametrize(("days", "word"), [(-1, "expired"), (2, "not yet valid")])
def test_a_certificate_out_of_its_time_is_refused(served: Served, tmp_path: Path, days: int, word: str):
    authority = trustme.CA()
    told = refused(served(context_of(authority, days=days, since=days - 1)), tmp_path, authority)
    assert told.code == "http.tls"
    assert word in str(told)


@row(38, "a certificate that signed itself")
def test_a_self_signed_certificate_is_refused(served: Served, tmp_path: Path):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    told = refused(served(context), tmp_path, trustme.CA())
    assert (told.code, "self-signed" in str(told)) == ("http.tls", True)


@row(38, "TLS 1.1 and older only")
def test_an_old_protocol_is_refused(served: Served, tmp_path: Path):
    authority = trustme.CA()
    context = context_of(authority)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    assert refused(served(context), tmp_path, authority).code == "http.tls"


@row(38, "plain HTTP where TLS was said")
def test_a_server_without_tls_is_refused(tmp_path: Path):
    with fake(lambda asked: as_json(1)) as server:
        server.url = server.url.replace("http:", "https:")
        assert refused(server, tmp_path, trustme.CA()).code == "http.tls"
