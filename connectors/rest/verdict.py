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

    def code(self, answer: Response) -> str | None:
        """The verdict of an answer that is not success, None for success and where there is none."""
        rule = self._rule
        if rule is None or not answer.body.strip() or answer.status in (204, 304):
            return None
        try:
            found = text_at(answer.utf8(), rule.path)
        except HubError:  # no JSON: its status, or whoever reads it, says what it is
            return None
        good = found in rule.equals if rule.equals else found is None
        return None if good else found or ""

    def missing(self, answer: Response) -> bool:
        """Whether it says that there is no such record."""
        return self._rule is not None and self.code(answer) in self._rule.missing

    def exists(self, answer: Response) -> bool:
        """Whether it says that the record is there already."""
        return self._rule is not None and self.code(answer) in self._rule.exists

    def error(self, answer: Response) -> HubError | None:
        """What is wrong by what the body says; missing records are the caller's to judge."""
        rule, verdict = self._rule, self.code(answer)
        if rule is None or verdict is None or (verdict and verdict in (*rule.missing, *rule.exists)):
            return None
        body = answer.utf8()
        said = (text_at(body, rule.message) if rule.message else None) or ""
        code = (text_at(body, rule.code) if rule.code else verdict) or "(none)"
        message = f"answered failure {code}: {said}"
        if self.transport is not None:
            message = self.transport.redact(message)
        if verdict in rule.expired:
            return AuthError("auth.refused", f"the credentials were refused: {message}", where=answer.where,
                             hint="check auth:")  # fmt: skip
        if verdict in rule.retry:
            return Retriable("answer.failed", message, where=answer.where, wait=rule.wait)
        return Fatal("answer.failed", message, where=answer.where)
