"""Robots of DingTalk, WeCom and Feishu that check what they are sent as the products do, and can be busy."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY, SIGN = "0f7c9d5a-robot-key", "SEC-sign-0123456789"


class Robots:
    """``said`` are (product, text) as taken; ``codes`` are numbers to answer first; ``away`` answers 502."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.codes: list[int] = []
        self.away = False
        self.late = 0
        robots = self

        class _Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                answer = json.dumps(robots.took(self.path, body)).encode()
                self.send_response(502 if robots.away else 200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *words: Any) -> None:
                """Nothing is said."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)

    def url(self, product: str) -> str:
        """The robot's address, with its key where the product has it."""
        place = {
            "dingtalk": f"robot/send?access_token={KEY}",
            "wecom": f"cgi-bin/webhook/send?key={KEY}",
            "feishu": f"open-apis/bot/v2/hook/{KEY}",
        }[product]
        return f"http://127.0.0.1:{self._server.server_port}/{place}"

    def took(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.codes:
            number = self.codes.pop(0)
            return {"errcode": number, "code": number, "errmsg": "busy", "msg": "busy"}
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/robot/send":
            good = query.get("access_token") == KEY and self._dingtalk(query)
            return self._answer("dingtalk", body["text"]["content"], 0 if good else 310000, "errcode")
        if parts.path == "/cgi-bin/webhook/send":
            return self._answer("wecom", body["text"]["content"], 0 if query.get("key") == KEY else 93000, "errcode")
        good = parts.path.endswith(f"/hook/{KEY}") and self._feishu(body)
        return self._answer("feishu", body["content"]["text"], 0 if good else 19021, "code")

    def _answer(self, product: str, text: str, number: int, name: str) -> dict[str, Any]:
        if number == 0 and not self.away:
            self.said.append((product, text))
        return {name: number, "errmsg" if name == "errcode" else "msg": "ok" if number == 0 else f"no {KEY}"}

    def _dingtalk(self, query: dict[str, str]) -> bool:
        """base64(HMAC-SHA256(key=secret, text=MILLISECONDS + newline + secret)), an hour at most."""
        stamp = query.get("timestamp", "")
        mark = hmac.new(SIGN.encode(), f"{stamp}\n{SIGN}".encode(), hashlib.sha256).digest()
        lately = stamp.isdigit() and abs(time.time() * 1000 - int(stamp)) < 3_600_000
        return lately and query.get("sign") == base64.b64encode(mark).decode()

    def _feishu(self, body: dict[str, Any]) -> bool:
        """base64(HMAC-SHA256(key=SECONDS + newline + secret, text=nothing)), an hour at most."""
        stamp = str(body.get("timestamp", ""))
        mark = hmac.new(f"{stamp}\n{SIGN}".encode(), digestmod=hashlib.sha256).digest()
        lately = stamp.isdigit() and abs(time.time() - int(stamp)) < 3600
        return lately and body.get("sign") == base64.b64encode(mark).decode()

    def __enter__(self) -> Robots:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
