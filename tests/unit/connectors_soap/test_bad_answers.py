"""What services answer wrongly: a clear error, asked for again where that may help, and never a part of a list."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.soap import records as reading
from connectors.soap.declared import FaultRule
from connectors.soap.faults import fault_of, judge
from hub.contract import Query
from hub.errors import AuthError, ConfigError, Fatal, HubError, Retriable
from hub.untrusted import parse_xml
from tests.contract.soapweb import SPACE, envelope, fault, message
from tests.faults.matrix import row
from tests.unit.connectors_soap.opening import opened, people, read, records
from tests.unit.http.fake import Answer, Asked, fake

XML = {"Content-Type": "text/xml; charset=utf-8"}
GOOD = envelope(people(1, 2)).body
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def encoded(text: str, encoding: str, declared: str = "") -> bytes:
    said = f' encoding="{declared}"' if declared else ""
    return f'<?xml version="1.0"{said}?>{text}'.encode(encoding)


PLAIN = GOOD.decode().partition("?>")[2].strip().replace("n1", "安一")
DEEP = "<x>" * 300 + "</x>" * 300

WRONG: list[tuple[str, Answer, type[HubError], str]] = [
    ("cut in a record", Answer(200, GOOD[: GOOD.index(b"n2")], XML), Retriable, "page.cut"),
    ("cut between records", Answer(200, GOOD[: GOOD.index(b"<person><code>2")], XML), Retriable, "page.cut"),
    ("cut in the last tag", Answer(200, GOOD[:-4], XML), Retriable, "page.cut"),
    ("cut before its length", Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + GOOD), Retriable,
     "http.cut"),
    ("malformed", Answer(200, GOOD.replace(b"</name>", b"", 1), XML), Fatal, "xml.malformed"),
    ("no XML", Answer(200, b'{"people": []}', {"Content-Type": "application/json"}), Fatal, "xml.malformed"),
    ("no envelope", Answer(200, b"<people/>", XML), Fatal, "soap.answer"),
    ("an empty body", Answer(200, b"", XML), Fatal, "http.empty"),
    ("only blanks", Answer(200, b" \n", XML), Fatal, "http.empty"),
    ("an empty envelope", envelope(""), Fatal, "records.missing"),
    ("a page for people", Answer(200, b"<html><title>Hi</title></html>", {"Content-Type": "text/html"}), Fatal,
     "http.html"),
    ("a login page", Answer(200, b"<html><form><input type=password></form></html>", {}), AuthError,
     "auth.login_page"),
    ("another answer", message("Other", "<x/>"), Fatal, "records.missing"),
    ("an entity bomb", Answer(200, GOOD.replace(b"<s:Envelope", BOMB + b"<s:Envelope").replace(b"n1", b"&b;"), XML),
     Fatal, "xml.doctype"),
    ("an external entity", Answer(200, GOOD.replace(b"<s:Envelope", b'<!DOCTYPE x SYSTEM "file:///etc/passwd">'
     b"<s:Envelope"), XML), Fatal, "xml.doctype"),
    ("a bomb in UTF-16", Answer(200, ('<?xml version="1.0" encoding="utf-16"?>' + BOMB.decode() + PLAIN)
     .encode("utf-16"), {"Content-Type": "text/xml"}), Fatal, "xml.doctype"),
    ("an undeclared entity", Answer(200, GOOD.replace(b"n1", b"&nbsp;"), XML), Fatal, "xml.malformed"),
    ("a huge attribute", Answer(200, GOOD.replace(b"<person>", b'<person a="' + b"x" * 11_000_000 + b'">', 1), XML),
     Fatal, "xml.too_large"),
    ("a huge value", Answer(200, GOOD.replace(b"n1", b"x" * 11_000_000), XML), Fatal, "xml.too_large"),
    ("too deep", Answer(200, GOOD.replace(b"n1", DEEP.encode()), XML), Fatal, "xml.too_large"),
    ("other bytes than declared", Answer(200, encoded(PLAIN, "gb18030", "utf-8"), XML), Fatal, "xml.encoding"),
    ("other bytes than the head says", Answer(200, encoded(PLAIN, "gb18030"), XML), Fatal, "xml.encoding"),
    ("an unknown encoding", Answer(200, encoded(PLAIN, "utf-8", "martian-8"), XML), Fatal, "xml.encoding"),
    ("half a multipart", Answer(200, b"--B\r\n\r\n" + GOOD, {"Content-Type": "multipart/related; boundary=B"}), Fatal,
     "soap.multipart"),
    ("an attachment that is missing", Answer(200, b'--B\r\n\r\n' + GOOD.replace(b"n1", b'<i:Include href="cid:q"/>')
     + b"\r\n--B--", {"Content-Type": "multipart/related; boundary=B"}), Fatal, "soap.multipart"),
    ("an attachment used twice", Answer(200, b'--B\r\n\r\n' + GOOD.replace(b"n1", b'<i:Include href="cid:q"/>' * 2)
     + b"\r\n--B\r\nContent-ID: <q>\r\n\r\nx\r\n--B--", {"Content-Type": "multipart/related; boundary=B"}), Fatal,
     "soap.multipart"),
    ("a body that never begins", Answer(200, b"<Envelope>" + b"<Body" * 1_000_000, XML), Retriable, "page.cut"),
    ("a server error", Answer(500, b"oops", {"Content-Type": "text/plain"}), Retriable, "http.status"),
    ("not found", Answer(404, b"", {}), ConfigError, "http.not_found"),
    ("too many requests", Answer(429, b"", {"Retry-After": "7"}), Retriable, "http.rate"),
    ("unavailable", Answer(503, b"", {"Retry-After": "7"}), Retriable, "http.rate"),
    ("refused", Answer(401, b"", {}), AuthError, "auth.refused"),
    ("forbidden", Answer(403, b"", {}), AuthError, "auth.forbidden"),
    ("a fault of ours", fault("Client", "bad"), Fatal, "soap.fault"),
    ("a fault of theirs", fault("Server", "deadlock"), Retriable, "soap.fault"),
    ("a fault with status 200", fault("Client.Nope", "no", 200), Fatal, "soap.fault"),
    ("a fault of theirs with status 200", fault("Server", "no", 200), Retriable, "soap.fault"),
    ("a refusal as a fault", fault("wsse:FailedAuthentication", "no"), AuthError, "auth.refused"),
    ("a fault without words", envelope("<s:Fault/>", 500), Retriable, "soap.fault"),
]  # fmt: skip


@row(40, "an answer that is none (SOAP)")
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("answer", "kind", "code"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG])
def test_a_wrong_answer_is_an_error_and_no_list(
    answer: Answer, kind: type[HubError], code: str, streamed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "STREAMED", 0 if streamed else 1 << 30)
    with fake(lambda asked: answer) as server:
        source = opened(server.url, {"total": "total"}, tmp_path)
        with pytest.raises(HubError) as caught:
            read(source)
    assert (type(caught.value), caught.value.code) == (kind, code), caught.value
    assert caught.value.where.startswith("POST 127.0.0.1")


@row(40, "a gzip bomb (SOAP)")
def test_an_answer_that_inflates_without_end_is_refused(tmp_path: Path) -> None:
    body = gzip.compress(GOOD.replace(b"n1", b"\n" * 3_000_000))
    answer = Answer(200, body, XML | {"Content-Encoding": "gzip"})
    with fake(lambda asked: answer) as server, pytest.raises(Fatal) as caught:
        read(opened(server.url, {}, tmp_path, limits={"max_body": "1MB", "retries": 0}))
    assert caught.value.code == "http.too_large"


@pytest.mark.parametrize(
    ("encoding", "declared", "kind"),
    [
        ("gb18030", "gb18030", "text/xml"),
        ("gb18030", "", "text/xml; charset=gb18030"),
        ("utf-16", "utf-16", "text/xml; charset=utf-16"),
        ("big5", "", 'text/xml; charset="Big5"'),
        ("utf-8", "utf-8", "text/xml; charset=iso-8859-1"),
        ("utf-8", "", "text/xml"),
        ("utf-8-sig", "utf-8", "text/xml; charset=utf-8"),
    ],
)
def test_other_encodings_are_read(encoding: str, declared: str, kind: str, tmp_path: Path) -> None:
    answer = Answer(200, encoded(PLAIN, encoding, declared), {"Content-Type": kind})
    with fake(lambda asked: answer) as server:
        found = records(read(opened(server.url, {}, tmp_path)))
    assert [one["name"] for one in found] == ["安一", "n2"]


PAGES = {"paging": {"page": {"param": "skip", "size": 2}}, "total": "total"}


def after_one(*later: Answer) -> Any:
    """A good page, then what is given."""
    answers: Iterator[Answer] = iter((envelope(people(1, 2, total=4)), *later))
    return lambda asked: next(answers)


@row(40, "a second page that is none (SOAP)")
@pytest.mark.parametrize(
    ("later", "code"),
    [
        (Answer(200, GOOD[:-30], XML), "page.cut"),
        (envelope(people(1, 2, total=4)), "page.repeated"),
        (envelope(people(total=4)), "total.short"),
        (envelope(people(total=0)), "total.short"),
        (message("Other", ""), "records.missing"),
        (fault("Client.TokenExpired", "which page?"), "page.expired"),
        (fault("Server", "later"), "soap.fault"),
    ],
)
def test_a_second_page_that_is_none_ends_the_read(later: Answer, code: str, tmp_path: Path) -> None:
    with fake(after_one(later)) as server:
        source = opened(server.url, PAGES, tmp_path)
        pages = source.read(Query(source.resource("people")))
        assert not next(pages).last
        with pytest.raises(HubError) as caught:
            next(pages)
    assert caught.value.code == code


def test_a_fault_that_may_pass_is_asked_for_again(tmp_path: Path) -> None:
    answers = iter([fault("Server", "deadlock"), Answer(503, b"", {"Retry-After": "0"}), envelope(people(1))])
    with fake(lambda asked: next(answers)) as server:
        assert len(records(read(opened(server.url, {}, tmp_path, limits={"retries": 2})))) == 1
        assert len(server.asked) == 3


def test_a_verdict_in_the_answer_is_judged(tmp_path: Path) -> None:
    rule = {"path": "RETURN.item.TYPE", "equals": ["S", "W"], "message": "RETURN.item.MESSAGE",
            "code": "RETURN.item.NUMBER", "retry": ["L"], "wait": "9s", "optional": True}  # fmt: skip

    def told(*items: tuple[str, str, str]) -> str:
        inner = "".join(f"<item><TYPE>{t}</TYPE><NUMBER>{n}</NUMBER><MESSAGE>{m}</MESSAGE></item>" for t, n, m in items)
        return people(1, more=f"<RETURN>{inner}</RETURN>")

    def asked(inner: str, **more: Any) -> Any:
        with fake(lambda asked: envelope(inner)) as server:
            return records(read(opened(server.url, {}, tmp_path, answers=rule | more)))

    assert len(asked(told(("S", "1", "fine"), ("W", "2", "hm")))) == 1
    assert len(asked(told())) == 1
    with pytest.raises(Fatal, match="answered failure 007: locked by me"):
        asked(told(("S", "1", "fine"), ("E", "007", "locked by me")))
    with pytest.raises(Retriable) as caught:
        asked(told(("L", "9", "later")))
    assert (caught.value.code, caught.value.wait) == ("answer.failed", 9.0)
    with pytest.raises(Fatal, match="nothing at RETURN"):
        asked(told(), optional=False)
    with pytest.raises(Fatal, match="answered failure 7: no"):
        asked(told(("E", "7", "no")), path=["STATUS.CODE", "RETURN.item.TYPE"])


def test_a_fault_never_shows_what_was_sent(tmp_path: Path) -> None:
    def echo(asked: Asked) -> Answer:
        return fault("Client", f"cannot read {asked.body.decode()}")

    token = {"username": "hub", "password": "s3cret-of-soap"}
    with fake(echo) as server, pytest.raises(Fatal) as caught:
        read(opened(server.url, {}, tmp_path, security={"username_token": token}))
    assert "UsernameToken" in caught.value.message or "GetPeople" in caught.value.message
    assert "s3cret" not in str(caught.value)


def test_faults_of_both_versions_are_read() -> None:
    twelve = "http://www.w3.org/2003/05/soap-envelope"
    text = f"""<e:Envelope xmlns:e="{twelve}"><e:Header/><e:Body><e:Fault><e:Code><e:Value>e:Sender</e:Value>
        <e:Subcode><e:Value>m:Busy</e:Value></e:Subcode></e:Code><e:Reason><e:Text xml:lang="en">wait a
        bit</e:Text></e:Reason><e:Detail><m:Info xmlns:m="{SPACE}"><m:Seconds>5</m:Seconds></m:Info></e:Detail>
        </e:Fault></e:Body></e:Envelope>"""
    found = fault_of(parse_xml(text.encode()))
    assert found is not None
    assert (found.codes, found.message, found.details) == (("Sender", "Busy"), "wait a bit", ("Info", "Seconds"))
    rules = [{"code": "Client.Busy"}, {"code": "m:Busy"}, {"text": "WAIT A"}, {"detail": "Seconds"}, {"code": "*usy"}]
    for said in rules:
        judged = judge(found, [FaultRule.model_validate({"code": "Other", "means": "auth"}),
                               FaultRule.model_validate(said | {"means": "retry", "wait": "5s"})])  # fmt: skip
        assert (judged.means, judged.wait) == ("retry", 5.0), said
    assert judge(found, []).means == "rejected"
