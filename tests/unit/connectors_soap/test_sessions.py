"""Who the hub says it is: WS-Security, SOAP headers, sessions and their end."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from connectors.soap import SPEC
from hub.contract import Change, Context
from hub.errors import AuthError, ConfigError, Fatal
from tests.contract.soapweb import ENVELOPE, SPACE, envelope, fault, message, wsdl
from tests.contract.test_soap import PEOPLE
from tests.unit.connectors_soap.opening import opened, people, read
from tests.unit.http.fake import Answer, Asked, fake

WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
WSA = "{http://www.w3.org/2005/08/addressing}"
NOON = 1767268800.5  # 2026-01-01T12:00:00.5Z
LOGIN_TYPES = """<xs:element name="Login"><xs:complexType><xs:sequence><xs:element name="user" type="xs:string"/>
<xs:element name="password" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="LoginResponse"><xs:complexType><xs:sequence><xs:element name="token" type="xs:string"/>
</xs:sequence></xs:complexType></xs:element><xs:element name="Logout"><xs:complexType/></xs:element>
<xs:element name="Session"><xs:complexType><xs:sequence><xs:element name="id" type="xs:string"/>
<xs:element name="lang" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>"""


def with_login() -> bytes:
    """The kit's WSDL with Login, Logout and the header Session."""
    text = wsdl().decode()
    messages = "".join(f'<message name="{n}"><part name="p" element="t:{n}"/></message>'
                       for n in ("Login", "LoginResponse", "Logout"))  # fmt: skip
    called = '<operation name="Login"><input message="t:Login"/><output message="t:LoginResponse"/></operation>'
    called += '<operation name="Logout"><input message="t:Logout"/></operation>'
    literal = '<soap:body use="literal"/>'
    bound = f'<operation name="Login"><soap:operation soapAction="Login"/><input>{literal}</input><output>{literal}'
    bound += f'</output></operation><operation name="Logout"><soap:operation soapAction=""/><input>{literal}</input>'
    bound += "</operation>"
    text = text.replace("</xs:schema>", f"{LOGIN_TYPES}</xs:schema>").replace("<portType", f"{messages}<portType")
    return text.replace("</portType>", f"{called}</portType>").replace("</binding>", f"{bound}</binding>").encode()


def header(asked: Asked) -> etree._Element:
    found = etree.fromstring(asked.body).find(f"{{{ENVELOPE}}}Header")
    assert found is not None
    return found


def name(asked: Asked) -> str:
    body = etree.fromstring(asked.body).find(f"{{{ENVELOPE}}}Body")
    return etree.QName(body[0]).localname  # type: ignore[index]


def secured(folder: Path, **token: Any) -> etree._Element:
    """The security header of a read at noon."""
    (folder / "kit.wsdl").write_bytes(wsdl())
    with fake(lambda asked: envelope(people())) as server:
        said = {"url": server.url, "wsdl": "kit.wsdl",
                "security": {"username_token": {"username": "hub", "password": "pässword", **token}}}  # fmt: skip
        resources = {"people": SPEC.resource.model_validate({"operation": "GetPeople", "key": "code"})}
        context = Context(server.url, str(folder), now=lambda: NOON)
        read(SPEC.open(context, SPEC.settings.model_validate(said), resources))
    found = header(server.asked[0]).find(f"{WSSE}Security")
    assert found is not None
    return found


def test_a_username_token_may_hold_the_password(tmp_path: Path) -> None:
    token = secured(tmp_path).find(f"{WSSE}UsernameToken")
    assert token is not None
    password = token.find(f"{WSSE}Password")
    assert password is not None
    assert (token.findtext(f"{WSSE}Username"), password.text) == ("hub", "pässword")
    assert str(password.get("Type")).endswith("#PasswordText")


def test_a_username_token_may_hold_a_digest(tmp_path: Path) -> None:
    """UsernameToken Profile 1.1 §3.1: Base64(SHA-1(nonce + created + password))."""
    token = secured(tmp_path, digest=True).find(f"{WSSE}UsernameToken")
    assert token is not None
    nonce, created = token.findtext(f"{WSSE}Nonce"), token.findtext(f"{WSU}Created")
    assert nonce is not None
    assert created == "2026-01-01T12:00:00Z"
    digest = hashlib.sha1(base64.b64decode(nonce) + created.encode() + "pässword".encode()).digest()
    assert token.findtext(f"{WSSE}Password") == base64.b64encode(digest).decode()


def test_a_timestamp_says_how_long_a_message_is_valid(tmp_path: Path) -> None:
    stamp = secured(tmp_path, timestamp="5m").find(f"{WSU}Timestamp")
    assert stamp is not None
    assert [one.text for one in stamp] == ["2026-01-01T12:00:00Z", "2026-01-01T12:05:00Z"]


def test_a_message_that_is_sent_again_is_made_anew(tmp_path: Path) -> None:
    answers = iter([fault("Server", "busy"), envelope(people())])
    token = {"username": "hub", "password": "p", "digest": True}
    with fake(lambda asked: next(answers)) as server:
        settings: dict[str, Any] = {"security": {"username_token": token}, "limits": {"retries": 1}}
        read(opened(server.url, {}, tmp_path, addressing=True, **settings))
    nonces = {header(asked).find(f".//{WSSE}Nonce").text for asked in server.asked}  # type: ignore[union-attr]
    ids = {header(asked).findtext(f"{WSA}MessageID") for asked in server.asked}
    assert (len(nonces), len(ids)) == (2, 2)


def test_soap_headers_are_declared_or_free(tmp_path: Path) -> None:
    (tmp_path / "login.wsdl").write_bytes(with_login())
    headers = {"Session": {"id": "fixed"}, "Session.lang": "en", "{urn:own}Tenant": {"Id": 7}}
    with fake(lambda asked: envelope(people())) as server:
        read(opened(server.url, {}, tmp_path, wsdl="login.wsdl", soap_headers=headers))
    session, tenant = header(server.asked[0])
    assert [(one.tag, one.text) for one in session] == [(f"{{{SPACE}}}id", "fixed"), (f"{{{SPACE}}}lang", "en")]
    assert (tenant.tag, tenant[0].tag, tenant[0].text) == ("{urn:own}Tenant", "{urn:own}Id", "7")


@pytest.mark.parametrize("headers", [{"Nobody": {"id": "1"}}, {"Session": {"idd": "1"}}, {"Session": "text"}])
def test_a_soap_header_that_does_not_fit_is_a_fault_of_the_file(headers: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "login.wsdl").write_bytes(with_login())
    with pytest.raises(ConfigError) as caught:
        read(opened("http://127.0.0.1:1", {}, tmp_path, wsdl="login.wsdl", soap_headers=headers))
    assert caught.value.code == "soap.header"


class Desk:
    """A service whose sessions end after some calls."""

    def __init__(self, lasts: int = 100, where: str = "header") -> None:
        self.lasts, self.where = lasts, where
        self.left: dict[str, int] = {}
        self.logins = 0

    def reply(self, asked: Asked) -> Answer:
        if name(asked) == "Login":
            root = etree.fromstring(asked.body)
            if "right" not in "".join(map(str, root.itertext())):
                return fault("Client.Login", "wrong password")
            self.logins += 1
            self.left[f"t{self.logins}"] = self.lasts
            cookie = {"Set-Cookie": f"session=t{self.logins}"} if self.where == "cookie" else {}
            made = message("LoginResponse", f"<token>t{self.logins}</token>")
            return Answer(200, made.body, {**made.headers, **cookie})
        token = self.token(asked)
        if name(asked) == "Logout":
            self.left.pop(token, None)
            return Answer(202)
        if self.left.get(token, 0) < 1:
            return fault("Client.SessionExpired", "log in again")
        self.left[token] -= 1
        if name(asked) == "CreatePerson":
            return message("CreatePersonResponse", "<code>1</code>")
        page = etree.fromstring(asked.body).findtext(f".//{{{SPACE}}}skip")
        return envelope(people(int(page or 1)) if int(page or 1) < 5 else people())

    def token(self, asked: Asked) -> str:
        if self.where == "http":
            return asked.headers.get("x-session", "")
        if self.where == "cookie":
            return asked.headers.get("cookie", "").partition("=")[2]
        if self.where == "param":
            return etree.fromstring(asked.body).findtext(f".//{{{SPACE}}}code") or ""
        found = etree.fromstring(asked.body).find(f".//{{{SPACE}}}Session/{{{SPACE}}}id")
        return str(found.text) if found is not None else ""


INTO = {"header": {"soap_header": "Session.id"}, "http": {"http_header": "X-Session"}, "param": {"param": "code"}}
PAGED = {"paging": {"page": {"param": "skip", "size": 1}}}


def logging_in(where: str = "header", password: str = "right", **more: Any) -> dict[str, Any]:
    into = INTO.get(where, "cookie")
    token = {} if where == "cookie" else {"token": "token"}
    return {"operation": "Login", "params": {"user": "hub", "password": password}, "into": into, **token, **more}


@pytest.mark.parametrize("where", ["header", "http", "param", "cookie"])
def test_a_session_is_begun_once_and_renewed_when_it_is_over(where: str, tmp_path: Path) -> None:
    (tmp_path / "login.wsdl").write_bytes(with_login())
    desk = Desk(lasts=2, where=where)
    with fake(desk.reply) as server:
        source = opened(server.url, PAGED, tmp_path, wsdl="login.wsdl", login=logging_in(where))
        assert sum(page.count for page in read(source)) == 4
    assert desk.logins == 3
    assert [name(asked) for asked in server.asked].count("Login") == 3


def test_a_write_whose_session_is_over_is_sent_once_more(tmp_path: Path) -> None:
    (tmp_path / "login.wsdl").write_bytes(with_login())
    desk = Desk(lasts=1)
    with fake(desk.reply) as server:
        target = opened(server.url, PEOPLE, tmp_path, wsdl="login.wsdl", login=logging_in())
        changes = [Change("create", {"code": str(n)}, {"code": str(n)}) for n in range(2)]
        assert [one.status for one in target.deliver(target.resource("people"), changes)] == ["done", "done"]
    assert [name(asked) for asked in server.asked].count("CreatePerson") == 3


def test_a_session_is_ended_with_the_connector(tmp_path: Path) -> None:
    (tmp_path / "login.wsdl").write_bytes(with_login())
    desk = Desk()
    with fake(desk.reply) as server:
        source = opened(server.url, {}, tmp_path, wsdl="login.wsdl", login=logging_in(logout="Logout"))
        read(source)
        assert desk.left
        source.close()
        source.close()
    assert desk.left == {}
    assert [name(asked) for asked in server.asked].count("Logout") == 1


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (logging_in(password="wr0ng-pass"), "wrong password"),
        (logging_in() | {"token": "no.such"}, "no token at no.such"),
    ],
)
def test_a_log_in_that_fails_is_not_tried_again(login: dict[str, Any], words: str, tmp_path: Path) -> None:
    (tmp_path / "login.wsdl").write_bytes(with_login())
    with fake(Desk().reply) as server:
        source = opened(server.url, {}, tmp_path, wsdl="login.wsdl", login=login, limits={"retries": 3})
        with pytest.raises(AuthError, match=words) as caught:
            read(source)
        assert len(server.asked) == 1
    assert "wr0ng" not in str(caught.value)


def test_a_service_that_always_says_expired_is_asked_twice(tmp_path: Path) -> None:
    (tmp_path / "login.wsdl").write_bytes(with_login())
    desk = Desk(lasts=0)
    with fake(desk.reply) as server, pytest.raises(AuthError):
        read(opened(server.url, {}, tmp_path, wsdl="login.wsdl", login=logging_in()))
    assert desk.logins <= 2


def test_refused_credentials_are_not_tried_by_those_who_were_open(tmp_path: Path) -> None:
    """Many threads with one wrong password would lock the account."""
    token = {"username_token": {"username": "hub", "password": "wrong"}}
    with fake(lambda asked: fault("wsse:FailedAuthentication")) as server:
        several = [opened(server.url, {}, tmp_path, security=token) for _ in range(3)]
        for source in several:
            with pytest.raises(AuthError):
                read(source)
        assert len(server.asked) == 1
        with pytest.raises(AuthError):  # one that is opened later tries, as its secret may have been mended
            read(opened(server.url, {}, tmp_path, security=token))
        assert len(server.asked) == 2


def test_the_yaml_of_a_log_in_is_checked() -> None:
    for login in ({"operation": "Login", "into": "cookie", "token": "x"},
                  {"operation": "Login", "into": {"param": "a"}},
                  {"operation": "Login", "token": "t", "into": {"param": "a", "http_header": "X-B"}}):  # fmt: skip
        with pytest.raises(ValueError, match=r"token|exactly one"):
            SPEC.settings.model_validate({"url": "http://x", "login": login})


def test_a_session_is_begun_and_ended_at_a_service_of_its_own(tmp_path: Path) -> None:
    """The WSDL of the records knows no Login; that of the log-in is at another address."""
    (tmp_path / "login.wsdl").write_bytes(with_login())
    desk = Desk(lasts=3, where="http")
    with fake(desk.reply) as security, fake(desk.reply) as server:
        own = {"wsdl": "login.wsdl", "url": f"{security.url}/security", "logout": "Logout"}
        here = {"hosts": [security.url.removeprefix("http://")], "params": {"client": "100"}}
        source = opened(server.url, PAGED, tmp_path, login=logging_in("http") | own, addressing=True, **here)
        assert sum(page.count for page in read(source)) == 4
        source.close()
    assert [name(asked) for asked in security.asked] == ["Login", "Login", "Logout"]
    assert {name(asked) for asked in server.asked} == {"GetPeople"}
    assert {asked.target for asked in security.asked} == {"/security"}
    assert header(security.asked[0]).findtext(f"{WSA}To") == f"{security.url}/security"
    assert desk.left == {"t1": 0}


def test_a_log_in_of_its_own_goes_to_no_host_that_is_not_named(tmp_path: Path) -> None:
    (tmp_path / "login.wsdl").write_bytes(with_login())
    desk = Desk(where="http")
    with fake(desk.reply) as security, fake(desk.reply) as server:
        own = {"wsdl": "login.wsdl", "url": f"{security.url}/security"}
        with pytest.raises(Fatal, match="hosts") as caught:
            read(opened(server.url, {}, tmp_path, login=logging_in("http") | own))
        assert (caught.value.code, security.asked, server.asked) == ("address.forbidden", [], [])
    with pytest.raises(ValueError, match="wsdl: and url:"):
        opened(server.url, {}, tmp_path, login=logging_in("http") | {"wsdl": "login.wsdl"})
