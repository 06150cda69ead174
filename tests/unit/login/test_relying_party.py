"""The modules of the OpenID suite for relying parties (Basic, Config), by name, against a provider that lies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from hub.errors import HubError
from hub.security import accounts
from hub.workspace.load import load
from tests.unit.login.conftest import back, come_back
from tests.unit.login.upstream import CURVE, KEYS, Upstream, unsigned
from tests.unit.portal.conftest import PASSWORD, Browser
from tests.unit.todos.conftest import Desk

Lying = Callable[[Upstream], None]


def claims(**changed: Any) -> Lying:
    def lie(claims: dict[str, Any]) -> None:
        for name, value in changed.items():
            claims.pop(name, None)
            claims.update({} if value is None else {name: value})

    return lambda provider: setattr(provider, "lie", lie)


def signing(how: Callable[[Upstream, dict[str, Any]], str], *keys: Any) -> Lying:
    def change(provider: Upstream) -> None:
        provider.sign = lambda claims: how(provider, claims)
        provider.keys = list(keys) or provider.keys

    return change


def saying(part: str, **changed: Any) -> Lying:
    def change(provider: Upstream) -> None:
        setattr(provider, part, lambda found: found.update(changed))

    return change


def missing(part: str, name: str) -> Lying:
    return lambda provider: setattr(provider, part, lambda found: found.pop(name, None))


def by_userinfo(change: Lying) -> Lying:
    """What names the record stands in userinfo only."""

    def both(provider: Upstream) -> None:
        claims(oid=None, preferred_username=None)(provider)
        change(provider)

    return both


TAKEN = {
    "oidcc-client-test": lambda provider: None,
    "oidcc-client-test-kid-absent-single-jwks": signing(lambda up, said: up.signed(said, kid=None)),
    "oidcc-client-test-kid-absent-multiple-jwks": signing(
        lambda up, said: up.signed(said, KEYS["one"], kid=None), KEYS["two"], CURVE, KEYS["one"]
    ),
    "oidcc-client-test-idtoken-sig-rs256": signing(lambda up, said: up.signed(said, KEYS["one"])),
    "oidcc-client-test-scope-userinfo-claims": by_userinfo(lambda provider: None),
    "oidcc-client-test-client-secret-basic": lambda provider: None,
    "oidcc-client-test-discovery-openid-config": lambda provider: None,
    "oidcc-client-test-discovery-jwks-uri-keys": lambda provider: setattr(provider, "keys", [KEYS["two"]]),
    "an elliptic curve": signing(lambda up, said: up.signed(said, CURVE), CURVE),
    "several audiences, issued to us": claims(aud=["other", "cophub"], azp="cophub"),
    "no iss where it is not announced": saying("document", authorization_response_iss_parameter_supported=False),
}
REFUSED = {
    "oidcc-client-test-invalid-iss": (claims(iss="https://evil.example"), "iss"),
    "oidcc-client-test-missing-sub": (claims(sub=None), "sub"),
    "oidcc-client-test-invalid-aud": (claims(aud="somebody"), "aud"),
    "oidcc-client-test-missing-iat": (claims(iat=None), "iat"),
    "oidcc-client-test-idtoken-sig-none": (signing(lambda up, said: unsigned(said)), "algorithm"),
    "oidcc-client-test-invalid-sig-rs256": (signing(lambda up, said: up.signed(said, KEYS["other"], kid="one")), "sig"),
    "oidcc-client-test-userinfo-invalid-sub": (by_userinfo(saying("userinfo", sub="sub-2")), "userinfo"),
    "oidcc-client-test-nonce-invalid": (claims(nonce="another"), "nonce"),
    "oidcc-client-test-discovery-issuer-mismatch": (saying("document", issuer="https://evil.example"), "issuer"),
    "no nonce": (claims(nonce=None), "nonce"),
    "for somebody else, though issued to us": (claims(aud="somebody", azp="cophub"), "aud"),
    "for us, issued to somebody else": (claims(azp="somebody"), "azp"),
    "two audiences and nobody it was issued to": (claims(aud=["cophub", "x"]), "azp"),
    "over": (claims(exp=1_700_000_000), "exp"),
    "without an end": (claims(exp=None), "exp"),
    "a public key as a secret": (signing(lambda up, said: up.by_secret(said)), "algorithm"),
    "a key in the token itself": (
        signing(lambda up, said: up.signed(said, KEYS["other"], kid=None, jwk=KEYS["other"].as_dict(private=False))),
        "sig",
    ),
    "a key that is not published": (signing(lambda up, said: up.signed(said, KEYS["other"])), "publish"),
    "something critical": (signing(lambda up, said: up.signed(said).replace("ey", "e-", 1)), "JWT"),
    "no ID token": (missing("answer", "id_token"), "ID token"),
    "an at_hash of another": (claims(at_hash="AAAA"), "at_hash"),
    "a token endpoint elsewhere": (saying("document", token_endpoint="http://127.0.0.1:9/token"), "hosts"),
    "a key set over another scheme": (saying("document", jwks_uri="file:///etc/passwd"), "jwks_uri"),
}


BASIC = "oidcc-client-basic-certification-test-plan"
CONFIG = "oidcc-client-config-certification-test-plan"
LOGOUT = "oidcc-client-back-channel-logout-rp-basic"
ROTATION = "oidcc-client-test-signing-key-rotation"


def modules(names: Iterable[str], plan: str = BASIC) -> list[Any]:
    """The cases, those of the suite with the plans that they belong to."""

    def plans(name: str) -> list[str]:
        if not name.startswith("oidcc-"):
            return []
        if "-discovery-" in name:
            return [CONFIG]
        return [plan, CONFIG] if name.endswith("-idtoken-sig-none") else [plan]

    return [pytest.param(name, marks=[pytest.mark.suite(one, name) for one in plans(name)]) for name in names]


@pytest.mark.parametrize("module", modules(TAKEN))
def test_what_a_relying_party_takes(office: Desk, provider: Upstream, module: str):
    TAKEN[module](provider)
    browser = Browser(office)
    more = {"iss": ""} if module.startswith("no iss") else {}
    answer = come_back(browser, provider, **more)
    assert (answer.status_code, answer.headers.get("location")) == (303, "/portal/todos"), answer.text
    assert "idp:sub-1" in browser.text("/portal/todos")
    assert [tuple(row) for row in office.rows("SELECT sid, methods FROM session")] == [("s-1", "pwd otp")]


@pytest.mark.parametrize("module", modules(REFUSED))
def test_what_a_relying_party_refuses(office: Desk, provider: Upstream, module: str):
    lying, why = REFUSED[module]
    lying(provider)
    browser = Browser(office)
    first = browser.client.get("/portal/login/with/idp")
    answer = first if first.status_code != 303 else back(browser, provider.code(first.headers["location"]))
    assert answer.status_code == 403, answer.text
    assert "login.provider" in answer.text
    assert office.rows("SELECT digest FROM session") == []
    assert office.rows("SELECT id FROM login_link") == []
    told = office.rows("SELECT details FROM audit WHERE action = 'session.refused' ORDER BY seq DESC LIMIT 1")
    assert why in str(told)


@pytest.mark.suite(CONFIG, ROTATION)
@pytest.mark.suite(CONFIG, f"{ROTATION}-just-before-signing")
def test_signing_key_rotation(office: Desk, provider: Upstream):
    """The new key is asked for when it is named."""
    assert come_back(Browser(office), provider).status_code == 303
    assert come_back(Browser(office), provider).status_code == 303
    assert provider.asked.count("/jwks") == 1
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    office.ahead = dt.timedelta(seconds=40)
    provider.keys = [KEYS["two"], KEYS["one"]]
    assert come_back(Browser(office), provider).status_code == 303
    assert provider.asked.count("/jwks") == 2
    # unknown keys do not make the hub ask again and again
    provider.sign = lambda said: provider.signed(said, KEYS["other"])
    assert [come_back(Browser(office), provider).status_code for _ in range(3)] == [403] * 3
    assert provider.asked.count("/jwks") == 2


def test_a_key_that_was_withdrawn_is_not_taken_for_long_nor_an_old_discovery_document(office: Desk, provider: Upstream):
    assert come_back(Browser(office), provider).status_code == 303
    provider.keys, provider.sign = [KEYS["two"]], lambda said: provider.signed(said, KEYS["one"])
    office.ahead = dt.timedelta(minutes=4)
    assert come_back(Browser(office), provider).status_code == 303
    office.ahead = dt.timedelta(minutes=6)
    provider.lie = lambda said: said.update(exp=said["exp"] + 600)
    assert come_back(Browser(office), provider).status_code == 403
    office.ahead = dt.timedelta(minutes=61)
    browser = Browser(office)
    browser.get("/portal/login/with/idp", 303)
    assert provider.asked.count("/.well-known/openid-configuration") == 2


def test_an_answer_of_another_issuer_is_a_mix_up(office: Desk, provider: Upstream):
    for iss in ("https://evil.example", ""):
        answer = come_back(Browser(office), provider, iss=iss)
        assert (answer.status_code, "login.provider" in answer.text) == (403, True)
    assert "/token" not in provider.asked  # the code was shown to nobody


def test_a_state_is_of_one_browser_one_provider_one_use_and_a_while(office: Desk, provider: Upstream):
    browser, other = Browser(office), Browser(office)
    place = browser.get("/portal/login/with/idp", 303).headers["location"]
    other.get("/portal/login")
    stolen = provider.code(place)
    assert "login.state" in back(other, stolen).text  # and it is used up
    assert "login.state" in back(browser, stolen).text
    given = provider.code(browser.get("/portal/login/with/idp", 303).headers["location"])
    assert "login.state" in back(browser, given, "second").text
    given = provider.code(browser.get("/portal/login/with/idp", 303).headers["location"])
    office.ahead = dt.timedelta(minutes=11)
    assert "login.state" in back(browser, given).text
    assert "login.state" in back(browser, {"code": "x"}).text
    assert office.rows("SELECT digest FROM session") == []


def test_two_log_ins_at_once_do_not_disturb_each_other(office: Desk, provider: Upstream):
    browser = Browser(office)
    places = [browser.get(f"/portal/login/with/idp?next=/portal/todos%3Fbox={box}", 303).headers["location"]
              for box in ("done", "to_read")]  # fmt: skip
    first, second = (provider.code(place) for place in places)
    assert back(browser, second).headers["location"] == "/portal/todos?box=to_read"
    browser.client.cookies.clear()
    assert "login.state" in back(browser, first).text


def test_what_the_provider_says_no_to_is_told_without_its_words(office: Desk, provider: Upstream):
    browser = Browser(office)
    place = browser.get("/portal/login/with/idp", 303).headers["location"]
    state = provider.code(place)["state"]
    error = {"error": "access_denied<script>", "state": state, "iss": provider.issuer, "error_description": "x"}
    answer = back(browser, error)
    assert (answer.status_code, "<script>" in answer.text.replace("<script src=", "")) == (403, False)


def test_where_one_goes_after_a_log_in_is_a_page_of_the_portal(office: Desk, provider: Upstream):
    browser = Browser(office)
    place = browser.get("/portal/login/with/idp?next=https://evil.example/portal/", 303).headers["location"]
    assert back(browser, provider.code(place)).headers["location"] == "/portal/todos"


# ------------------------------------------------------------ whose account it is


def test_the_first_link_follows_the_rule_and_later_ones_the_subject(office: Desk, provider: Upstream):
    assert come_back(Browser(office), provider).status_code == 303
    provider.more = {"oid": "somebody", "preferred_username": "renamed", "email": "wang@example.com"}
    assert come_back(Browser(office), provider).status_code == 303
    ((issuer, subject),) = [tuple(row) for row in office.rows("SELECT issuer, subject FROM login_link")]
    assert (issuer, subject) == (provider.issuer, "sub-1")
    assert [row[0] for row in office.rows("SELECT name FROM account WHERE password = ''")] == ["idp:sub-1"]


def test_nobody_is_found_by_his_mail(office: Desk, provider: Upstream):
    provider.subject, provider.more = "sub-9", {"email": "wang@example.com", "email_verified": "true", "oid": "x"}
    answer = come_back(Browser(office), provider)
    assert (answer.status_code, "login.unlinked" in answer.text) == (403, True)
    assert office.rows("SELECT id FROM login_link") == []


@pytest.mark.parametrize("subject", ["sub-2", "Sub-2", "sub/2", "s" * 255, "\u4e8c"], ids=range(5))
def test_an_account_is_called_by_its_subject_and_nothing_that_one_chooses(
    office: Desk, provider: Upstream, subject: str
):
    """Roles are given to accounts by name: whoever calls himself there as an administrator does is none."""
    provider.more |= {"preferred_username": "boss", "name": "boss", "nickname": "boss"}
    assert come_back(Browser(office), provider).status_code == 303
    provider.subject = subject
    assert come_back(Browser(office), provider).status_code == 303
    names = {row[0] for row in office.rows("SELECT name FROM account WHERE password = ''")}
    assert (len(names), "idp:sub-1" in names, any("boss" in name for name in names)) == (2, True, False)
    assert all(len(name) < 70 and accounts.normal(name) == name for name in names)


def test_who_is_logged_in_links_himself_and_unlinks_again(office: Desk, provider: Upstream):
    provider.subject, provider.more = "sub-7", {}
    browser = Browser(office)
    assert browser.login("wang.wei").status_code == 303
    assert browser.post("/portal/log-ins/link/idp", "0" * 64).status_code == 403
    page = browser.post("/portal/log-ins/link/idp", browser.token("/portal/log-ins"))
    place = page.text.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    given = provider.code(place)
    stranger = Browser(office)
    stranger.get("/portal/login")
    assert "login.state" in back(stranger, given).text
    page = browser.post("/portal/log-ins/link/idp", browser.token("/portal/log-ins"))
    place = page.text.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    assert back(browser, provider.code(place)).headers["location"] == "/portal/log-ins"
    assert "Unlink" in browser.text("/portal/log-ins")
    again = Browser(office)
    assert come_back(again, provider).status_code == 303
    assert "wang.wei" in again.text("/portal/todos")
    ((identity,),) = office.rows("SELECT id FROM login_link")
    text = str(identity)
    found = text if "-" in text else f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    assert browser.post("/portal/log-ins/unlink", browser.token("/portal/log-ins"), id=found).status_code == 303
    assert office.rows("SELECT id FROM login_link") == []
    again.get("/portal/todos", 303)  # what began by it has ended


def test_the_domain_of_a_name_leads_to_the_provider(office: Desk, provider: Upstream):
    browser = Browser(office)
    page = browser.login("li@corp.example", "a password that goes nowhere")
    assert page.status_code == 200
    assert "content=\"0; url=/portal/login/with/idp?next=%2Fportal%2Ftodos&amp;hint=li%40corp.example" in page.text
    assert "goes nowhere" not in page.text
    assert "Log in with Upstream" in browser.text("/portal/login")
    assert "使用上游登录" in Browser(office, "zh").text("/portal/login")
    assert browser.login("wang.wei", PASSWORD, where="hub").status_code == 303


# ------------------------------------------------------------ logged out there


def recall(office: Desk, token: str, name: str = "idp") -> Any:
    """The provider calls, without cookies."""
    return Browser(office).client.post(f"/portal/login/out/{name}", data={"logout_token": token})


def recalling(**changed: Any) -> Callable[[Upstream], str]:
    return lambda provider: provider.signed(provider.logout_claims(**changed), typ="logout+jwt")


LOGOUTS: dict[str, tuple[Callable[[Upstream], str], bool]] = {
    "oidcc-client-test-rp-backchannel-rpinitlogout": (recalling(), True),
    "oidcc-client-test-rp-backchannel-rpinitlogout-alg-none": (lambda up: unsigned(up.logout_claims()), False),
    "oidcc-client-test-rp-backchannel-rpinitlogout-no-event": (recalling(events=None), False),
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event": (recalling(events={"https://x.example": {}}), False),
    "oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce": (recalling(nonce="n"), False),
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg": (lambda up: up.by_secret(up.logout_claims()), False),
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud": (recalling(aud="somebody"), False),
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss": (recalling(iss="https://evil.example"), False),
    "of the subject": (recalling(sid=None), True),
    "of the session": (recalling(sub=None), True),
    "of nobody": (recalling(sub=None, sid=None), False),
    "over": (recalling(exp=1_700_000_000), False),
    "from long ago": (recalling(iat=1_700_000_000), False),
    "without an id": (recalling(jti=None), False),
    "of another kind": (lambda up: up.signed(up.logout_claims(), typ="at+jwt"), False),
    "no token at all": (lambda up: "", False),
}


@pytest.mark.parametrize("module", modules(LOGOUTS, LOGOUT))
def test_a_log_out_at_the_provider(office: Desk, provider: Upstream, module: str):
    made, ends = LOGOUTS[module]
    browser = Browser(office)
    assert come_back(browser, provider).status_code == 303
    answer = recall(office, made(provider))
    assert answer.status_code == (200 if ends else 400), answer.text
    assert answer.headers["cache-control"] == "no-store"
    browser.get("/portal/todos", 303 if ends else 200)


def test_a_logout_token_ends_what_it_is_about_once(office: Desk, provider: Upstream):
    here, there = Browser(office), Browser(office)
    assert come_back(here, provider).status_code == 303
    provider.sid = "s-2"
    assert come_back(there, provider).status_code == 303
    token = recalling()(provider)
    assert recall(office, token).status_code == 200
    here.get("/portal/todos")
    there.get("/portal/todos", 303)
    assert come_back(there, provider).status_code == 303
    assert recall(office, token).status_code == 400
    there.get("/portal/todos")
    assert recall(office, token, "nobody").status_code == 400


# ------------------------------------------------------------ what is written


@pytest.mark.parametrize(
    ("said", "wrong", "code"),
    [
        ("claim: oid}", "claim: email}", "login.mail"),
        ("address: https://hub.example", "# no address", "address.missing"),
        ("address: https://hub.example", "address: http://hub.example", "address.plain"),
        ("system: oa", "system: nowhere", "reference.system"),
        ("domains: [corp.example]", "domains: [corp.example, corp.example]", "login.domain"),
        ("domains: [corp.example]", "scopes: [profile]", "login.scopes"),
    ],
)  # fmt: skip
def test_check_finds_what_cannot_work(office: Desk, said: str, wrong: str, code: str):
    file = office.folder / "config" / "hub.yaml"
    kept = file.read_text(encoding="utf-8")
    file.write_text(kept.replace(said, wrong), encoding="utf-8")
    try:
        with pytest.raises(HubError) as found:
            load(office.folder, None)
        assert code in [one.code for one in getattr(found.value, "findings", ())]
    finally:
        file.write_text(kept, encoding="utf-8")
