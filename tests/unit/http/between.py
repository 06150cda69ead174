"""Stands before a real server: forwards what it is asked, and may refuse for a while, lose one answer, or be late."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.unit.http.fake import Answer, Asked, Fake

SENT = ("content-type", "authorization", "accept", "depth", "if-match", "if-none-match")
KEPT = ("content-type", "etag", "www-authenticate")


class Between:
    """A server at ``fake.url`` that is ``origin`` (an address without path). The answer to the next request for which
    ``lost`` holds is lost once ``lose`` is set; with ``keep`` the connection breaks before the server has the request,
    which gets it from ``release``. ``pause`` refuses the next request for so many seconds."""

    def __init__(self, origin: str, lost: Callable[[Asked], bool]) -> None:
        self.origin, self.lost, self.pause, self.lose = origin, lost, 0.0, False
        self.keep, self._kept = False, list[Asked]()
        self.fake = Fake(self.reply)

    def reply(self, asked: Asked) -> Answer:
        if self.pause:
            seconds, self.pause = self.pause, 0.0
            return Answer(429, b"", {"Retry-After": f"{seconds:g}"})
        if self.keep and self.lost(asked):
            self.keep = False
            self._kept.append(asked)
            return Answer(raw=b"")
        made = self._forwarded(asked)
        if self.lose and self.lost(asked):
            self.lose = False
            return Answer(raw=b"")
        return made

    def release(self) -> Answer:
        """Let the server have what was kept."""
        return self._forwarded(self._kept.pop())

    def _forwarded(self, asked: Asked) -> Answer:
        headers = {name: asked.headers[name] for name in SENT if name in asked.headers}
        request = urllib.request.Request(
            self.origin + asked.target, data=asked.body or None, headers=headers, method=asked.method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return _answer(answer)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error)


def _answer(answer: Any) -> Answer:
    """What came, with the headers that matter here; compression is not asked for."""
    headers = {name.lower(): text for name, text in answer.headers.items()}
    return Answer(answer.status, answer.read(), {name: headers[name] for name in KEPT if name in headers})
