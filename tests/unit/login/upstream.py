"""An OpenID provider that tells the truth, or lies as a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "cophub", "upstream-client-secret"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
KEYS = {name: RSAKey.generate_key(2048, {"kid": name, "use": "sig"}) for name in ("one", "two", "other")}
CURVE = ECKey.generate_key("P-256", {"kid": "curve", "use": "sig"})
Lie = Callable[[dict[str, Any]], None]


def unsigned(claims: dict[str, Any], **header: Any) -> str:
    """A token with alg none."""
    parts = [{"alg": "none", **header}, claims]
    return ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in parts) + "."


class Upstream:
    """``lie`` changes claims of the ID token before it is signed; ``sign`` stands in for the signing; ``document``,
    ``userinfo`` and ``answer`` change what is said of itself, of the user, and in the token's answer. ``hang`` has it
    not answer at a path, ``slow`` answer everything after so many seconds."""

    def __init__(self) -> None:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                upstream.asked.append(self.path)
                self._send(*upstream.get(self.path, self.headers.get("authorization", "")))

            def do_POST(self) -> None:
                upstream.asked.append(self.path)
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self._send(*upstream.token(dict(parse_qsl(body)), self.headers.get("authorization", "")))

            def _send(self, status: int, content: dict[str, Any]) -> None:
                data = json.dumps(content).encode()
                hangs, slow = upstream.hangs.get(self.path, ""), upstream.slow
                upstream.woken.wait(slow)
                if hangs == "silent":
                    upstream.woken.wait(60)
                if hangs == "endless":
                    self.send_response(status)
                    self.send_header("content-length", "1000000")
                    self.end_headers()
                    while not upstream.woken.wait(0.1):
                        self.wfile.write(b" ")
                    return
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

            def handle(self) -> None:
                with suppress(OSError):  # who asked did not wait
                    super().handle()

        self.woken = Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        self.truth()

    def truth(self) -> None:
        """Nothing is a lie."""
        self.asked: list[str] = []
        self.woken.set()  # what hangs, hangs no more
        self.hangs: dict[str, str] = {}
        self.slow = 0.0
        self.keys: list[Any] = [KEYS["one"]]
        self.lie: Lie = lambda claims: None
        self.document: Lie = lambda document: None
        self.userinfo: Lie = lambda claims: None
        self.answer: Lie = lambda answer: None
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: self.signed(claims)
        self.subject, self.more = "sub-1", {"oid": "lina", "preferred_username": "Li.Na"}
        self.codes: dict[str, dict[str, str]] = {}
        self.sid = "s-1"
        self.ago: int | None = 0

    def hang(self, path: str, how: str) -> None:
        """``silent``, or ``endless``: a body of which there is always one more byte."""
        self.woken.clear()
        self.hangs[path] = how

    def close(self) -> None:
        self.woken.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def signed(self, claims: dict[str, Any], key: Any = None, **header: Any) -> str:
        one = key or self.keys[0]
        named = {"alg": "ES256" if isinstance(one, ECKey) else "RS256", "kid": one.kid} | header
        return str(jwt.encode({k: v for k, v in named.items() if v is not None}, claims, one))

    def by_secret(self, claims: dict[str, Any]) -> str:
        """HS256, with the public key as the secret: what a confused algorithm takes."""
        text = unsigned(claims, alg="HS256", kid="one").removesuffix(".")
        made = hmac.digest(KEYS["one"].as_pem(private=False), text.encode(), "sha256")
        return f"{text}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"

    def get(self, path: str, authorization: str) -> tuple[int, dict[str, Any]]:
        if path == "/.well-known/openid-configuration":
            found = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/me",
                "jwks_uri": f"{self.issuer}/jwks",
                "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
                "authorization_response_iss_parameter_supported": True,
            }
            self.document(found)
            return 200, found
        if path == "/jwks":
            return 200, {"keys": [one.as_dict(private=False) for one in self.keys]}
        if path == "/me" and authorization == "Bearer access":
            claims = {"sub": self.subject, **self.more}
            self.userinfo(claims)
            return 200, claims
        return 404, {}

    def code(self, place: str) -> dict[str, str]:
        """Somebody logs in: what is asked at the authorization endpoint becomes what is sent back."""
        asked = {name: several[0] for name, several in parse_qs(urlsplit(place).query).items()}
        assert place.startswith(f"{self.issuer}/auth?")
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def token(self, given: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        wanted = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self.codes.pop(given.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(given.get("code_verifier", "").encode()).digest())
        fits = asked and challenge.rstrip(b"=").decode() == asked["code_challenge"]
        if authorization != wanted:
            return 401, {"error": "invalid_client"}
        if not fits or asked is None or given["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], "sid": self.sid, "amr": ["pwd", "otp"], **self.more,
        }  # fmt: skip
        claims |= {} if self.ago is None else {"auth_time": now - self.ago}
        self.lie(claims)
        answer = {"access_token": "access", "token_type": "Bearer", "id_token": self.sign(claims)}
        self.answer(answer)
        return 200, answer

    def logout_claims(self, **more: Any) -> dict[str, Any]:
        """What a logout token says."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 100, "jti": secrets.token_hex(8),
            "events": {EVENT: {}}, "sub": self.subject, "sid": self.sid,
        }  # fmt: skip
        return {name: value for name, value in (claims | more).items() if value is not None}
