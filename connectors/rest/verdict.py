"""What the body of an answer says of success, as YAML declares where that stands."""

from __future__ import annotations

from connectors.rest.declared import Answers
from hub.errors import AuthError, Fatal, HubError, Retriable
from hub.http import Response, Transport
from hub.http.records import text_at


class Verdicts:
    """Reads verdicts; without a declaration all is well as far as the body goes."""

    def __init__(self, rule: Answers | None) -> None:
        self._rule = rule
        self.transport: Transport | None = None
        """Masks secrets in what an answer says of its failure."""

    def said(self, answer: Response) -> frozenset[str] | None:
        """What an answer that is not success says at path and code, None for success and where there is no rule."""
        rule = self._rule
        if rule is None or not answer.body.strip() or answer.status in (204, 304):
            return None
        try:
            found = _first(answer, rule.path)
            good = (found or "") in (rule.equals or [""])
            return None if good else frozenset({found or "", _first(answer, rule.code) or ""})
        except HubError:  # no JSON: its status, or whoever reads it, says what it is
            return None

    def missing(self, answer: Response) -> bool:
        """Whether it says that there is no such record."""
        return self._means(answer, "missing")

    def exists(self, answer: Response) -> bool:
        """Whether it says that the record is there already."""
        return self._means(answer, "exists")

    def _means(self, answer: Response, what: str) -> bool:
        said = self.said(answer)
        return said is not None and not said.isdisjoint({*getattr(self._rule, what)} - {""})

    def error(self, answer: Response) -> HubError | None:
        """What is wrong by what the body says; missing records are the caller's to judge."""
        rule, said = self._rule, self.said(answer)
        if rule is None or said is None or self.missing(answer) or self.exists(answer):
            return None
        code = _first(answer, rule.code) or _first(answer, rule.path) or "(none)"
        message = f"answered failure {code}: {_first(answer, rule.message) or ''}"
        if self.transport is not None:
            message = self.transport.redact(message)
        if not said.isdisjoint({*rule.expired} - {""}):
            return AuthError("auth.refused", f"the credentials were refused: {message}", where=answer.where,
                             hint="check auth:")  # fmt: skip
        if not said.isdisjoint({*rule.retry} - {""}):
            return Retriable("answer.failed", message, where=answer.where, wait=rule.wait)
        return Fatal("answer.failed", message, where=answer.where)


def _first(answer: Response, paths: list[str]) -> str | None:
    """The first text that stands at one of the paths."""
    body = answer.utf8()
    return next((found for path in paths if (found := text_at(body, path)) is not None), None)
