"""Log-ins by OAuth 2.0: a Dovecot that asks where the tokens come from, and an SMTP server written from RFC 4954."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from connectors.mail import SPEC
from hub.contract import Change, Context, Query
from hub.errors import AuthError, ConfigError
from tests.conftest import Login
from tests.systems import imap as system
from tests.systems.place import free_port, listening, wait_until
from tests.unit.http.fake import Answer, Asked, Fake, running

USER, SECRET = "alice", "cl1ent-s3cret"
OAUTH = """introspection_url = {url}/introspect
introspection_mode = post
username_attribute = username
active_attribute = active
active_value = true
"""


class Issuer:
    """Gives tokens t1, t2, … and says which are good; ``refuses`` refuses the client."""

    def __init__(self) -> None:
        self.count, self.good, self.refuses = 0, set[str](), False
        self.forms: list[dict[str, str]] = []
        self.fake = Fake(self.reply)

    def reply(self, asked: Asked) -> Answer:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if asked.path == "/introspect":
            told = {"active": form.get("token") in self.good, "username": USER}
            return Answer(200, orjson.dumps(told), {"Content-Type": "application/json"})
        self.forms.append(form)
        if self.refuses or form.get("client_secret") != SECRET:
            return Answer(401, b'{"error": "invalid_client"}', {"Content-Type": "application/json"})
        self.count += 1
        token = f"t0ken-{self.count}"
        self.good.add(token)
        told = {"access_token": token, "expires_in": 3600} | (
            {"refresh_token": f"next-{self.count}"} if "refresh_token" in form else {}
        )
        return Answer(200, orjson.dumps(told), {"Content-Type": "application/json"})


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    with running(made.fake):
        yield made


@pytest.fixture(scope="module")
def forwarded() -> list[Issuer]:
    """What the mail servers ask: the issuer of the test that runs."""
    return []


@pytest.fixture(scope="module")
def dovecot(imap: Login, forwarded: list[Issuer]) -> Iterator[int]:
    """A Dovecot that takes tokens only, and asks about each."""
    if os.geteuid() != 0:
        pytest.skip("Dovecot needs root")
    asked = Fake(lambda one: forwarded[-1].reply(one))
    port, home = free_port(), Path(f"/var/tmp/cophub-oauth-{free_port()}")
    with running(asked):
        try:
            for name in ("", "run", "mail"):
                (home / name).mkdir()
            home.chmod(0o755)
            shutil.chown(home / "mail", "mail", "mail")
            (home / "oauth2").write_text(OAUTH.format(url=asked.url))
            text = system.CONFIG.format(home=home, port=port, tls=0, password="")
            text = text.replace("ssl = yes\nssl_cert", "ssl = no\n#").replace("ssl_key", "#")
            text = text.replace("auth_mechanisms = plain login", "auth_mechanisms = MECHANISMS")
            text = text.replace("driver = static\n  args = password=", f"driver = oauth2\n  args = {home}/oauth2")
            config = home / "dovecot.conf"
            config.write_text(text.replace("MECHANISMS", "oauthbearer xoauth2"))
            with (home / "out").open("wb") as out:
                process = subprocess.Popen(
                    [str(shutil.which("dovecot", path=system.PATH)), "-F", "-c", str(config)],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                )  # fmt: skip
            try:
                wait_until(lambda: listening(port), 30, process, home / "out")
                yield port
            finally:
                process.terminate()
                process.wait(20)
        finally:
            shutil.rmtree(home, ignore_errors=True)


class Postman(socketserver.StreamRequestHandler):
    """As far as logging in goes: AUTH with an initial response, a challenge that says why not, then 535."""

    mechanism = "OAUTHBEARER"
    good = "t0ken-1"
    heard: list[str]

    def handle(self) -> None:
        self.say("220 here")
        for line in self.rfile:
            word, _, rest = line.decode().strip().partition(" ")
            match word.upper():
                case "EHLO":
                    self.say(f"250-here\r\n250 AUTH LOGIN {self.mechanism}")
                case "AUTH":
                    self.auth(rest)
                case "QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 fine" if word.upper() == "RSET" else "530 log in first")

    def auth(self, rest: str) -> None:
        mechanism, _, told = rest.partition(" ")
        text = base64.b64decode(told).decode()
        self.heard.append(f"{mechanism} {text}")
        if f"auth=Bearer {self.good}\x01\x01" in text:
            self.say("235 welcome")
            return
        self.say("334 " + base64.b64encode(b'{"status":"invalid_token"}').decode())
        self.heard.append(base64.b64decode(self.rfile.readline()).decode())
        self.say("535 5.7.8 no such token")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextlib.contextmanager
def postman(**more: Any) -> Iterator[tuple[str, list[str]]]:
    heard: list[str] = []
    kind = type("One", (Postman,), {"heard": heard, **more})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}", heard
        server.shutdown()
        thread.join(5)


@contextlib.contextmanager
def opened(issuer: Issuer, resource: dict[str, Any] | None = None, secret: str = SECRET, **more: Any) -> Iterator[Any]:
    oauth = {
        "token_url": f"{issuer.fake.url}/token", "client_id": "hub", "client_secret": secret, "client_auth": "post",
    }  # fmt: skip
    settings = {"username": USER, "starttls": False, "limits": {"retries": 0, "timeout": "20s", "concurrency": 1}}
    settings |= {"oauth2": oauth | more.pop("oauth2", {})}
    given = {"mail": SPEC.resource.model_validate(resource or {})}
    context = Context(f"mail {issuer.fake.url}")
    connector = SPEC.open(context, SPEC.settings.model_validate(settings | more), given)
    yield connector
    connector.close()


def count(connector: Any) -> int:
    return sum(page.count for page in connector.read(Query(connector.resource("mail"))))


@pytest.mark.against("mail", "Dovecot", "real")
def test_a_mailbox_is_read_by_a_token_and_by_another_when_that_is_taken_back(
    dovecot: int, issuer: Issuer, forwarded: list[Issuer]
) -> None:
    forwarded.append(issuer)
    address = f"imap://127.0.0.1:{dovecot}"
    with opened(issuer, imap=address, oauth2={"scope": "mail"}) as connector:
        assert count(connector) == 0
        (form,) = issuer.forms
        assert (form["grant_type"], form["scope"]) == ("client_credentials", "mail")
        assert {step.status for step in connector.check()} <= {"ok", "warning", "skipped"}
        issuer.good.clear()  # taken back before its end
    with opened(issuer, imap=address, oauth2={"scope": "mail"}) as connector:
        assert (count(connector), issuer.count) == (0, 2)
    issuer.good.clear()
    with opened(issuer, imap=address, username="bob") as connector:  # the token is of another mailbox
        with pytest.raises(AuthError) as refused:
            count(connector)
        assert (refused.value.code, issuer.count) == ("auth.refused", 4)
        assert "t0ken" not in str(refused.value)


@pytest.mark.against("mail", "Dovecot", "real")
def test_a_client_that_is_refused_is_told_so(dovecot: int, issuer: Issuer, forwarded: list[Issuer]) -> None:
    forwarded.append(issuer)
    with opened(issuer, imap=f"imap://127.0.0.1:{dovecot}", secret="wr0ng-one") as connector:
        with pytest.raises(AuthError) as refused:
            count(connector)
        assert (refused.value.code, "invalid_client" in str(refused.value)) == ("auth.token", True)
        assert "wr0ng-one" not in str(refused.value)


@pytest.mark.against("mail", "a small SMTP server", "simulator")
@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_messages_are_sent_by_a_token(issuer: Issuer, mechanism: str) -> None:
    send = {"send": {"sender": "hub@example.com"}, "key": "to"}
    with (
        postman(mechanism=mechanism, good="t0ken-2") as (address, heard),
        opened(issuer, send, smtp=address) as connector,
    ):
        assert [step.status for step in connector.check() if step.name == "authentication smtp"] == ["ok"]
        host, port = address.removeprefix("smtp://").split(":")
        form = {
            "OAUTHBEARER": f"OAUTHBEARER n,a=alice,\x01host={host}\x01port={port}\x01auth=Bearer ",
            "XOAUTH2": "XOAUTH2 user=alice\x01auth=Bearer ",
        }[mechanism]
        after = "\x01" if mechanism == "OAUTHBEARER" else ""
        # the first token was taken back: the server says why, hears the end, and is given the second
        assert heard == [f"{form}t0ken-1\x01\x01", after, f"{form}t0ken-2\x01\x01"]


def test_a_server_that_knows_no_tokens_is_named(issuer: Issuer) -> None:
    send = {"send": {"sender": "hub@example.com"}, "key": "to"}
    with (
        postman(mechanism="PLAIN") as (address, heard),
        opened(issuer, send, smtp=address) as connector,
        pytest.raises(ConfigError) as refused,
    ):
        connector.deliver(connector.resource("mail"), [Change("create", {"to": "a@x.org"}, {"subject": "s"})])
    assert (refused.value.code, heard) == ("mail.oauth2", [])


def test_a_refresh_token_is_used_and_replaced_by_the_one_that_comes(issuer: Issuer) -> None:
    send = {"send": {"sender": "hub@example.com"}, "key": "to"}
    with (
        postman(good="t0ken-2") as (address, _),
        opened(issuer, send, smtp=address, oauth2={"refresh_token": "f1rst-one"}) as connector,
    ):
        assert [step.status for step in connector.check() if step.name == "authentication smtp"] == ["ok"]
    told = [(form["grant_type"], form["refresh_token"]) for form in issuer.forms]
    assert told == [("refresh_token", "f1rst-one"), ("refresh_token", "next-1")]


@pytest.mark.parametrize("wrong", [{"password": "x"}, {"username": None}])
def test_log_ins_that_are_not_clear_are_refused(issuer: Issuer, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"password|username"), opened(issuer, imap="imap://x", **wrong):
        pass
