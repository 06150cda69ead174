"""Documents on servers: OpenSSH for SFTP, and moto for S3, which is a stand-in and checks no signature."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from connectors.documents import SPEC
from connectors.documents.settings import DocumentFolder, ShareSettings
from hub.contract import Change, Content, Context, Query, Secret
from hub.errors import AuthError

SETTLED = {"docs": DocumentFolder(settle="0s")}


def content(data: bytes) -> Content:
    return Content(hashlib.sha256(data).hexdigest(), len(data), lambda: iter([data]))


@pytest.fixture
def moto() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def sftp_share(sftp: Mapping[str, str]) -> Any:
    url = f"{sftp['HUB_TEST_SFTP_URL']}/{uuid.uuid4().hex}"
    Path(urlsplit(url).path).mkdir()
    settings = ShareSettings(
        url=url, key=Secret(Path(sftp["HUB_TEST_SFTP_KEY"]).read_text()), host_keys=sftp["HUB_TEST_SFTP_HOSTS"]
    )
    return SPEC.open(Context("sftp"), settings, SETTLED)


@pytest.fixture
def s3_share(moto: str) -> Any:
    import s3fs

    bucket = f"b{uuid.uuid4().hex}"
    made = s3fs.S3FileSystem(key="hub", secret="hub", endpoint_url=moto, skip_instance_cache=True)
    made.mkdir(bucket)
    settings = ShareSettings(
        url=f"s3://{bucket}/docs", user="hub", password=Secret("hub"), endpoint=moto, region="us-east-1"
    )
    return SPEC.open(Context("s3"), settings, SETTLED)


def _prove(share: Any) -> None:
    """Made, read, changed, refused where it was changed since, moved, deleted."""
    resource = share.resource("docs")
    [made] = share.deliver(resource, [Change("create", {"path": "a/ä.pdf"}, {}, content=content(b"one"))])
    assert (made.status, made.code) == ("done", "")
    [again] = share.deliver(resource, [Change("create", {"path": "a/ä.pdf"}, {}, content=content(b"other"))])
    assert again.status == "conflict"
    [page] = share.read(Query(resource))
    assert page.last
    [found] = share.find(resource, [{"path": "a/ä.pdf"}])
    assert (found.version, b"".join(share.content(resource, found.values))) == (made.version, b"one")
    update = Change("update", {"path": "a/ä.pdf"}, {}, version=made.version, content=content(b"x" * 9_000_000))
    [changed] = share.deliver(resource, [update])
    assert changed.status == "done"
    assert share.deliver(resource, [update])[0].status == "conflict"
    move = Change("update", {"path": "a/ä.pdf"}, {"path": "b.pdf"}, version=changed.version)
    [moved] = share.deliver(resource, [move])
    assert moved.status == "done"
    assert share.find(resource, [{"path": "a/ä.pdf"}]) == [None]
    gone = Change("delete", {"path": "b.pdf"}, version=moved.version)
    assert [share.deliver(resource, [gone])[0].status for _ in range(2)] == ["done", "done"]
    [left] = share.read(Query(resource))
    assert left.count == 0


def _torn(share: Any) -> None:
    """A content that breaks off, or is another than it says, leaves the old version."""
    resource = share.resource("docs")

    def broken() -> Iterator[bytes]:
        yield b"x" * 9_000_000
        raise AuthError("content.changed", "it broke off")

    [made] = share.deliver(resource, [Change("create", {"path": "a.pdf"}, {}, content=content(b"one"))])
    torn = Content("0" * 64, 18_000_000, broken)
    share.deliver(resource, [Change("update", {"path": "a.pdf"}, {}, version=made.version, content=torn)])
    [found] = share.find(resource, [{"path": "a.pdf"}])
    assert (found.version, b"".join(share.content(resource, found.values))) == (made.version, b"one")
    [page] = share.read(Query(resource))
    assert page.count == 1


@pytest.mark.against("documents", "OpenSSH", "real")
def test_documents_on_an_sftp_server(sftp_share: Any) -> None:
    _prove(sftp_share)


@pytest.mark.against("documents", "OpenSSH", "real")
def test_a_torn_version_never_takes_the_place_of_a_whole_one_by_sftp(sftp_share: Any) -> None:
    _torn(sftp_share)


@pytest.mark.against("documents", "OpenSSH", "real")
def test_nothing_is_sent_to_a_server_with_another_key(sftp: Mapping[str, str], tmp_path: Path) -> None:
    host = urlsplit(sftp["HUB_TEST_SFTP_URL"])
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
    (tmp_path / "hosts").write_text(f"[127.0.0.1]:{host.port} {other}\n")
    key = Secret(Path(sftp["HUB_TEST_SFTP_KEY"]).read_text())
    settings = ShareSettings(url=sftp["HUB_TEST_SFTP_URL"], key=key, host_keys="hosts")
    share = SPEC.open(Context("sftp", folder=str(tmp_path)), settings, SETTLED)
    [probe, *_] = share.check()
    assert (probe.status, probe.code) == ("failed", "document.host_key")


@pytest.mark.against("documents", "OpenSSH", "real")
def test_links_on_a_server_are_told_and_not_followed(sftp_share: Any) -> None:
    root = Path(urlsplit(sftp_share._tree._settings.url).path)
    (root / "real.pdf").write_text("one")
    os.symlink("/etc/passwd", root / "link.pdf")
    [page] = share_lines(sftp_share)
    assert {one["path"]: bool(one.get("refused")) for one in page} == {"real.pdf": False, "link.pdf": True}


def share_lines(share: Any) -> list[list[dict[str, Any]]]:
    import orjson

    return [[*map(orjson.loads, page.records.splitlines())] for page in share.read(Query(share.resource("docs")))]


@pytest.mark.against("documents", "moto", "simulator")
def test_documents_in_a_bucket(s3_share: Any) -> None:
    _prove(s3_share)


@pytest.mark.against("documents", "moto", "simulator")
def test_a_torn_version_never_takes_the_place_of_a_whole_one_in_a_bucket(s3_share: Any) -> None:
    _torn(s3_share)
