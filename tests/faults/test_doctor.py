"""The connection doctor against servers that really are broken: each cause is named, with a remedy and no secret."""

from __future__ import annotations

import datetime as dt
import http.server
import json
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from connectors.rest import SPEC
from hub.contract import Context, Probe
from tests.unit.cli.desk import desk
from tests.unit.http.fake import Answer, Asked, Fake, as_json, fake, free_port
from tests.unit.http.tls import context_of, encrypted

SECRET = "canary-of-the-token"
PEOPLE: dict[str, Any] = {"people": {"path": "/people", "key": "id"}}
ROWS = [{"id": number, "at": f"2026-01-01T00:00:{number:02}Z"} for number in range(1, 8)]
Serve = Callable[[ssl.SSLContext], Fake]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def served() -> Iterator[Serve]:
    with ExitStack() as stack:

        def serve(context: ssl.SSLContext) -> Fake:
            return stack.enter_context(encrypted(lambda asked: as_json(ROWS), context))

        yield serve


def checked(
    url: str, folder: Path = Path(), resources: Mapping[str, Any] = PEOPLE, **settings: Any
) -> dict[str, Probe]:
    said = {"url": url, "auth": {"bearer": {"token": SECRET}}, "limits": {"retries": 0, "timeout": "5s"}} | settings
    declared = {name: SPEC.resource.model_validate(one) for name, one in resources.items()}
    opened = SPEC.open(Context(f"doctor {url}", str(folder)), SPEC.settings.model_validate(said), declared)
    try:
        probes = opened.check()
    finally:
        opened.close()
    assert SECRET not in repr(probes)
    for probe in probes:
        assert probe.status == "ok" or probe.detail, f"{probe.name} does not say why"
        assert probe.status not in ("failed", "warning") or (probe.remedy and probe.code), probe
    return {probe.name: probe for probe in probes}


def statuses(probes: Mapping[str, Probe]) -> dict[str, str]:
    return {name: probe.status for name, probe in probes.items()}


def test_a_sound_system_is_all_well(served: Serve, authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    probes = checked(served(context_of(authority)).url, tmp_path, tls={"ca": "ca.pem"})
    assert statuses(probes) == {
        "dns": "ok", "tcp": "ok", "proxy": "skipped", "tls": "ok", "authentication": "ok", "clock": "ok",
        "read people": "ok",
    }  # fmt: skip
    assert "trusted by ca.pem" in probes["tls"].detail
    assert "TLS 1.3" in probes["tls"].detail
    assert probes["read people"].detail == "7 records on the first page"


@pytest.mark.parametrize(
    ("made", "code", "said"),
    [
        ({"days": -1, "since": -9}, "tls.expired", "expired on"),
        ({"days": 9, "since": 2}, "tls.not_yet", "is valid from"),
        ({"name": "other.example"}, "tls.name", "the certificate is for other.example, not for 127.0.0.1"),
    ],
)
def test_a_certificate_that_does_not_count(
    served: Serve, authority: trustme.CA, tmp_path: Path, made: dict[str, Any], code: str, said: str
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = served(context_of(authority, **made))
    probes = checked(server.url, tmp_path, tls={"ca": "ca.pem"})
    assert (probes["tls"].status, probes["tls"].code) == ("failed", code)
    assert said in probes["tls"].detail
    assert probes["authentication"].detail == "not tried, because tls failed"
    assert probes["read people"].status == "skipped"
    assert server.asked == []


def test_an_authority_that_nobody_knows_is_named(served: Serve, authority: trustme.CA) -> None:
    probes = checked(served(context_of(authority)).url)
    assert probes["tls"].code == "tls.authority"
    assert "this host does not know" in probes["tls"].detail
    assert "tls.ca" in probes["tls"].remedy


def test_a_certificate_that_expires_soon_is_a_warning(
    served: Serve, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    probes = checked(served(context_of(authority, days=10)).url, tmp_path, tls={"ca": "ca.pem"})
    assert (probes["tls"].status, probes["tls"].code) == ("warning", "tls.soon")
    assert probes["authentication"].status == "ok"


def test_plain_words_on_an_encrypted_port_and_the_reverse(authority: trustme.CA) -> None:
    with fake(lambda asked: as_json([])) as server:
        probes = checked(server.url.replace("http:", "https:"))
        assert probes["tls"].code == "tls.handshake"
        plain = checked(server.url)
    assert plain["tls"].status == "skipped"
    assert "can be read on the way" in plain["tls"].detail


def test_a_port_where_nothing_listens() -> None:
    probes = checked(f"http://127.0.0.1:{free_port()}")
    assert (probes["tcp"].code, probes["authentication"].status) == ("reach.refused", "skipped")
    assert probes["tls"].detail == "not tried, because tcp failed"


def test_a_name_that_nobody_knows() -> None:
    probes = checked("http://no-such-host.invalid/")
    assert (probes["dns"].status, probes["dns"].code) == ("failed", "reach.dns")
    assert probes["clock"].detail == "not tried, because dns failed"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(401), {"authentication": "failed", "read people": "skipped"}),
        (Answer(403), {"authentication": "ok", "read people": "failed"}),
        (Answer(404), {"authentication": "ok", "read people": "failed"}),
        (Answer(500), {"authentication": "failed", "read people": "skipped"}),
    ],
)
def test_credentials_and_rights_are_told_apart(answer: Answer, expected: dict[str, str]) -> None:
    with fake(lambda asked: answer) as server:
        found = statuses(checked(server.url))
    assert {name: found[name] for name in expected} == expected


def test_a_clock_that_runs_ahead_is_a_warning() -> None:
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(hours=3)

    class Skewed(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            self.send_header("Date", ahead.strftime("%a, %d %b %Y %H:%M:%S GMT"))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *args: Any) -> None:
            pass

    with listening(Skewed) as port:
        probes = checked(f"http://127.0.0.1:{port}")
    assert (probes["clock"].status, probes["clock"].code) == ("warning", "clock.skewed")
    assert "ahead of this host" in probes["clock"].detail


@pytest.mark.parametrize(("status", "code"), [(407, "auth.proxy"), (403, "reach.proxy")])
def test_a_proxy_that_refuses(status: int, code: str) -> None:
    with proxy(status) as (port, asked):
        probes = checked(
            "https://127.0.0.1:1",
            proxy={"url": f"http://127.0.0.1:{port}", "username": "hub", "password": SECRET},
        )
    assert (probes["tcp"].status, probes["proxy"].code, probes["tls"].status) == ("ok", code, "skipped")
    assert asked == ["127.0.0.1:1"]


def test_a_certificate_is_seen_through_a_proxy(served: Serve, authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    class Passing(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            host, _, port = self.path.partition(":")
            with socket.create_connection((host, int(port))) as other:
                self.send_response_only(200)
                self.end_headers()
                ends = {self.connection: other, other: self.connection}
                while True:
                    for one in select.select([*ends], [], [], 5)[0]:
                        if not (piece := one.recv(65536)):
                            self.close_connection = True
                            return
                        ends[one].sendall(piece)

        def log_message(self, *args: Any) -> None:
            pass

    server = served(context_of(authority))
    with listening(Passing) as port:
        through = f"http://127.0.0.1:{port}"
        probes = checked(server.url, tmp_path, proxy={"url": through}, tls={"ca": "ca.pem"})
        doubted = checked(server.url, tmp_path, proxy={"url": through})
    assert "lets 127.0.0.1" in probes["proxy"].detail
    assert (probes["tls"].status, probes["read people"].status) == ("ok", "ok")
    assert (doubted["proxy"].status, doubted["tls"].code) == ("ok", "tls.authority")


@contextmanager
def proxy(status: int) -> Iterator[tuple[int, list[str]]]:
    asked: list[str] = []

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with listening(Refusing) as port:
        yield port, asked


@contextmanager
def listening(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def test_options_tell_that_a_method_is_not_taken() -> None:
    def reply(asked: Asked) -> Answer:
        return Answer(204, b"", {"Allow": "GET, HEAD"}) if asked.method == "OPTIONS" else as_json(ROWS)

    write = {"create": {"method": "POST", "path": "/people"}}
    with fake(reply) as server:
        probes = checked(server.url, resources={"people": PEOPLE["people"] | {"write": write}})
        assert {asked.method for asked in server.asked} == {"GET", "OPTIONS"}
    assert (probes["write people"].status, probes["write people"].code) == ("warning", "rights.write")


def test_the_command_says_it_in_text_and_json(tmp_path: Path) -> None:
    work = desk(tmp_path / "work")
    with fake(lambda asked: Answer(401)) as server:
        (work.folder / "config" / "systems" / "shop.yaml").write_text(
            f"system: shop\nconnector: rest\nurl: {server.url}\nresources: {json.dumps(PEOPLE)}\n"
        )
        said, told = work.cophub("systems", "check", "shop"), work.cophub("systems", "check", "shop", "--json")
    assert (said.code, told.code) == (1, 1)
    assert "the credentials were refused" in " ".join(said.out.split())
    assert "hint: check auth:" in said.out
    steps = {one["name"]: one for one in told.json["systems"][0]["probes"]}
    assert steps["authentication"]["code"] == "auth.refused"
    assert steps["read people"]["detail"] == "not tried, because authentication failed"


def test_what_is_refuted_is_remembered_shown_and_forgotten_when_mended(tmp_path: Path) -> None:
    """A service that cuts pages shorter than its file says, read until the first short page."""
    work = desk(tmp_path / "work")

    def reply(asked: Asked) -> Answer:
        skip, size = int(asked.params.get("skip", 0)), min(int(asked.params.get("top", 3)), 3)
        return as_json(ROWS[skip : skip + size])

    def declare(server: Fake, until: str) -> None:
        paging = {"offset": {"param": "skip", "size_param": "top", "size": 5, "until": until}}
        shop = {"people": PEOPLE["people"] | {"paging": paging}}
        (work.folder / "config" / "systems" / "shop.yaml").write_text(
            f"system: shop\nconnector: rest\nurl: {server.url}\nresources: {json.dumps(shop)}\n"
        )

    with fake(reply) as server:
        declare(server, "short")
        said = work.cophub("systems", "check", "shop", "--json")
        assert said.code == 1
        assert said.json["systems"][0]["changed"] == {"people": ["paging"]}
        (doubt,) = work.cophub("systems", "--json").json["refuted"]
        assert (doubt["resource"], doubt["claim"]) == ("people", "paging")
        assert "the end of a page is taken for the end of all" in doubt["reason"]
        assert "shop.people: paging does not hold" in work.cophub("systems").out
        assert "changed" not in work.cophub("systems", "check", "shop").out
        declare(server, "empty")
        mended = work.cophub("systems", "check", "shop")
        assert (mended.code, "remembered for the exchanges of shop.people: paging" in mended.out) == (0, True)
        assert work.cophub("systems", "--json").json["refuted"] == []
    (entry, last) = (one["action"] for one in work.cophub("audit", "list", "--json").json["entries"][:2])
    assert (entry, last) == ("claims.checked", "claims.checked")


def test_a_right_that_an_exchange_needs_is_a_failure(tmp_path: Path) -> None:
    work = desk(tmp_path / "work")

    def reply(asked: Asked) -> Answer:
        if asked.method == "OPTIONS":
            return Answer(204, b"", {"Allow": "GET, HEAD"})
        return as_json([row for row in ROWS if asked.params.get("id") in (None, str(row["id"]))])

    write = {"create": {"method": "POST", "path": "/people"}, "find": {"params": {"id": "{id}"}}}
    with fake(reply) as server:
        (work.folder / "config" / "systems" / "shop.yaml").write_text(
            f"system: shop\nconnector: rest\nurl: {server.url}\n"
            f"resources: {json.dumps({'people': PEOPLE['people'] | {'write': write}})}\n"
        )
        assert work.cophub("systems", "check", "shop").code == 0
        (work.folder / "mappings" / "to-shop.yaml").write_text(
            "mapping: to-shop\nfrom: supplier\ninto: shop.people\nkey: id\nfields: {id: code, name: name}\n"
        )
        said = work.cophub("systems", "check", "shop", "--json")
        assert {asked.method for asked in server.asked} == {"GET", "OPTIONS"}
    steps = {one["name"]: one for one in said.json["systems"][0]["probes"]}
    assert (said.code, steps["write people"]["status"], steps["find people"]["status"]) == (1, "failed", "ok")
    assert steps["write people"]["detail"].endswith("an exchange writes there")


def test_a_secret_that_is_missing_is_named_before_there_is_a_database(tmp_path: Path) -> None:
    work = desk(tmp_path / "work", migrated=False)
    (work.folder / "config" / "systems" / "shop.yaml").write_text(
        "system: shop\nconnector: rest\nurl: http://127.0.0.1:1\nauth: {bearer: {token: secret://shop/token}}\n"
    )
    said = work.cophub("systems", "check", "shop", "--json")
    (probe,) = said.json["systems"][0]["probes"]
    assert (said.code, probe["name"], probe["status"], probe["code"]) == (1, "settings", "failed", "secret.missing")
    assert "cophub secrets set shop/token" in probe["remedy"]
