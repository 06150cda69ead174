from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.redact import MASK, Redactor, is_secret_name, redact

SECRET = "s3cr&t/Pa ss=Wört\"h'"


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        re.sub("%..", lambda found: found.group().lower(), quote(SECRET, safe="")),
        json.dumps({"x": SECRET}),
        json.dumps({"x": SECRET}, ensure_ascii=False),
        json.dumps(json.dumps({"x": SECRET})),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        repr({"x": SECRET}),
        SECRET.encode().hex(),
    ],
)
def test_a_known_secret_is_masked_in_every_form(text: str) -> None:
    assert "3cr" not in redact(f"before {text} after", [SECRET])
    assert MASK in redact(f"before {text} after", [SECRET])


@pytest.mark.parametrize("user", ["a", "ab", "abc", "HUB"])
def test_a_secret_inside_of_http_basic_is_masked(user: str) -> None:
    token = base64.b64encode(f"{user}:correct-horse".encode()).decode()
    shown = redact(f"sent {token}", ["correct-horse"])
    assert token not in shown
    assert MASK in shown


def test_a_short_secret_is_masked_as_a_word_only() -> None:
    assert redact("pin 123, order 91234", ["123"]) == f"pin {MASK}, order 91234"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("https://hub:pa:ss@s4.example.com/x", "pa:ss"),
        ("mssql+pyodbc://sa:Passw0rd!@db/x", "Passw0rd!"),
        ("Authorization: Basic SFVCOnNlY3JldA==", "SFVC"),
        ("{'Authorization': 'Bearer abc.def.ghi'}", "abc.def"),
        ('{"authorization":"Bearer abcdef123"}', "abcdef123"),
        ("Cookie: SESSION=abcdef; other=1", "abcdef"),
        ("X-Api-Key: 8877", "8877"),
        ("X-CSRF-Token: 8877", "8877"),
        ("got Bearer 0123456789abcdef from it", "0123456789"),
        ("GET /x?access_token=abc123&top=5", "abc123"),
        ("GET /cb?code=abc123&state=1", "abc123"),
        ("/x?sig=abc123", "abc123"),
        ("client_secret=abc123&grant_type=client_credentials", "abc123"),
        ('{"password": "ab\\"c123", "user": "x"}', "c123"),
        ('"{\\"password\\": \\"abc123\\"}"', "abc123"),
        ("password='abc123'", "abc123"),
        ("DRIVER=x;UID=sa;PWD={abc;123};", "123"),
        ("<wsse:Password Type='text'>abc123</wsse:Password>", "abc123"),
        ("密码: abc123", "abc123"),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "eyJzdWIi"),
        ("-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----", "MIIabc"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc", "MIIabc"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, hidden: str) -> None:
    shown = redact(text)
    assert hidden not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "text",
    [
        "secret://s4/password is missing",
        "BusinessPartner 1001: country 'XX' is not in the list",
        "https://s4.example.com:8443/sap/opu/odata",
        "mailto: 张伟 <zhang.wei@example.cn>",
        "the secretary: Bob",
        "basic settings",
        "12:30 token ring",
        "2026-11-23T15:48:00Z 5 % of 40",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nINFO fake", "a\\r\\nINFO fake"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x9b31mx", "x"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("nul\0", "nul\\x00"),
        ("\u2028x", "\\u2028x"),
        ("\ud800", "\\ud800"),
    ],
)
def test_one_line_of_printable_text_remains(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_a_colour_sequence_does_not_hide_a_secret() -> None:
    assert "horse" not in redact("correct-\x1b[1mhorse", ["correct-horse"])


def test_long_text_is_cut_and_says_so() -> None:
    assert redact("x" * 50, limit=10) == "x" * 9 + "…"


@pytest.mark.parametrize("before", [0, 3985, 3990, 3999, 12180, 12185, 12190])
def test_the_cut_never_shows_half_of_a_secret(before: int) -> None:
    shown = redact("." * before + "correct-horse" + "." * 20_000, ["correct-horse"])
    assert "corr" not in shown
    assert len(shown) <= 4000


@given(st.text(min_size=4, max_size=40), st.text(max_size=60), st.text(max_size=60))
def test_no_known_secret_survives_anywhere(secret: str, before: str, after: str) -> None:
    shown = redact(before + secret + after, [secret])
    assert secret not in shown or secret in MASK * 4
    assert not any(ord(char) < 32 for char in shown)


def test_masking_hostile_text_takes_linear_time() -> None:
    for part in (
        "password" * 10,
        '"',
        "\\",
        "a:b@",
        "eyJ.",
        "<Password ",
        "Bearer ",
        "\x1b[",
        "://",
        "%20basic",
    ):
        assert len(redact(part * 200_000)) <= 4000


def test_a_redactor_learns_secrets_and_masks_nested_values() -> None:
    redactor = Redactor()
    redactor.add("correct-horse")
    event = {"event": "sent correct-horse\n", "password": ["x"], "n": 1, "in": {"a": ("correct-horse", None)}}
    shown = redactor.value(event)
    assert shown == {"event": f"sent {MASK}\\n", "password": MASK, "n": 1, "in": {"a": [MASK, None]}}
    assert "horse" not in repr(redactor)


def test_an_object_in_a_log_event_is_masked_by_its_repr() -> None:
    assert Redactor(["correct-horse"]).value({"e": ValueError("correct-horse")}) == {
        "e": f"ValueError('{MASK}')"
    }


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True),
        ("clientSecret", True),
        ("X-Auth-Token", True),
        ("Set-Cookie", True),
        ("name", False),
        ("key", False),
        ("secretary", False),
    ],
)
def test_names_of_secrets_are_known(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret
