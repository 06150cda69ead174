"""Calls of one server: session, context, what its answers mean, and the fields of its models."""

from __future__ import annotations

from typing import Any

from connectors.jsonrpc.calls import Call, Dialect, Fault, Kind, Kinds
from connectors.jsonrpc.declared import RpcSettings
from connectors.jsonrpc.odoo import Odoo, OdooJson2
from connectors.jsonrpc.tryton import Tryton
from hub.contract import Context, Outcome, OutcomeStatus
from hub.errors import AuthError, ConfigError, Fatal, HubError, Retriable
from hub.http import ANY, Clock, Response, Transport
from hub.http.outcomes import of_status
from hub.http.waits import wait_of

FAULTY = (400, 403, 404, 409, 422, 423, 500)
"""Statuses under which a dialect may say more than the status does."""


class Service:
    """One server, spoken to in its dialect."""

    def __init__(self, context: Context, settings: RpcSettings) -> None:
        self.settings = settings
        self.dialect: Dialect = self._dialect()
        self.transport = Transport(
            settings, context.system, folder=context.folder, pauses=context.pauses, login=self.dialect.login(),
            clock=Clock(now=context.now) if context.now else None,
        )  # fmt: skip
        self._kinds: dict[str, Kinds] = {}
        self._prepared = False

    def _dialect(self) -> Any:
        if self.settings.dialect == "tryton":
            return Tryton(self.settings)
        made = Odoo if self.settings.dialect == "odoo" else OdooJson2
        return made(self.settings, lambda: self.transport.token())

    def close(self) -> None:
        self.transport.close()

    def prepare(self) -> None:
        """Log in, and learn the context of the user, once. Raises as ``read`` does."""
        if self._prepared:
            return
        call = self.dialect.prepare()
        found = self.read(call) if call else None
        given = found if isinstance(found, dict) else {}
        archived = {"active_test": False} if self.settings.archived else {}
        self.dialect.context = {**given, **archived, **self.settings.context}
        self._prepared = True

    def kinds(self, model: str) -> Kinds:
        """The fields of a model by name; ConfigError ``resource.unknown`` where there is no such model."""
        if model not in self._kinds:
            self.prepare()
            try:
                found = self.read(self.dialect.fields(model))
            except Fatal as error:
                if error.code != "jsonrpc.failed":
                    raise
                raise ConfigError(
                    "resource.unknown",
                    f"the server knows no model {model}: {error.message}",
                    hint="mend model:",
                ) from None
            if not isinstance(found, dict) or not found:
                raise Fatal("jsonrpc.answer", f"fields_get of {model} tells no fields", hint="check url:")
            self._kinds[model] = {
                name: Kind(
                    name, str(one.get("type")), str(one.get("relation") or ""), str(one.get("string") or ""),
                    bool(one.get("readonly")),
                )
                for name, one in found.items()
            }  # fmt: skip
        return self._kinds[model]

    # ------------------------------------------------------------------ calls

    def read(self, call: Call) -> Any:
        """The result of a call that only reads, tried a bounded number of times; a fault raises."""
        kept: list[Any] = []

        def check(answer: Response) -> None:
            said = self._said(answer)
            if said is None and not answer.ok:
                self.transport.refuse(answer)
            if isinstance(said, Fault):
                raise self._raised(said, call, answer.where)
            kept[:] = [said]

        self.transport.request(
            "POST", call.path, json=call.body, headers=self.dialect.headers(), idempotent=True, expect=FAULTY,
            check=check,
        )  # fmt: skip
        return kept[0]

    def write(self, call: Call, operation: str, identity: str | None) -> tuple[Outcome, Any]:
        """Make a call once: the outcome, and the result where it is done."""
        answer = self.transport.request(
            "POST", call.path, json=call.body, headers=self.dialect.headers(), expect=ANY
        )
        if answer.status == 401:
            self.transport.refuse(answer)
        said = self._said(answer)
        if isinstance(said, Fault):
            if said.means == "auth":
                raise self._raised(said, call, answer.where)
            return self._outcome(said, operation, identity), None
        if answer.ok:
            return Outcome("done", identity), said
        wait = wait_of(answer.status, answer.headers, self.transport.now())
        message = f"answered {answer.status}"
        return of_status(answer.status, operation, message, wait=wait, foreign_id=identity), None

    def _said(self, answer: Response) -> Any:
        if answer.ok:
            return self.dialect.result(answer)
        return self.dialect.refusal(answer) if answer.status in FAULTY else None

    def _raised(self, fault: Fault, call: Call, where: str) -> HubError:
        said = self.transport.redact(fault.text)[:300]
        message = f"{call.name} was refused: {said}"
        if fault.means == "auth":
            self.transport.refused()
            return AuthError("auth.refused", message, where=where, hint="check auth:")
        if fault.means == "forbidden":
            hint = "give the account the right, or use another one"
            return AuthError("auth.forbidden", message, where=where, hint=hint)
        if fault.means in ("retry", "conflict"):
            return Retriable("jsonrpc.busy", message, where=where)
        if fault.means == "failed":
            return Fatal("jsonrpc.failed", message, where=where)
        return Fatal("jsonrpc.refused", message, where=where)

    def _outcome(self, fault: Fault, operation: str, identity: str | None) -> Outcome:
        said = self.transport.redact(fault.text)[:300]
        if fault.means == "gone":
            return of_status(404, operation, said, foreign_id=identity)
        status: OutcomeStatus = "rejected"
        code = "jsonrpc.failed" if fault.means == "failed" else "jsonrpc.refused"
        if fault.means == "conflict":
            status, code = "conflict", "jsonrpc.changed"
        elif fault.means == "retry":
            status, code = "retry", "jsonrpc.busy"
        return Outcome(status, identity, None, code, said)
