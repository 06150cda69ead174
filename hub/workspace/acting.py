"""How the to-dos of a system are acted on: what is asked first, what is sent, as whom, and what confirms it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from hub.workspace.strict import Duration, Shape

ACCOUNT = "{account}"
"""Stands in ``as`` for the account of who acts."""


class Response(Shape):
    """What one response or action of a to-do does in the system."""

    into: str = Field(description="Resource that it is written to", examples=["approvals"])
    operation: Literal["update", "create"] = Field("update", description="How it is written")
    fields: dict[str, str] = Field(
        {},
        description="Field → expression over todo, act and the record found",
        examples=[{"code": "act.response", "comment": "act.comment"}],
    )
    done: str = Field(
        description="Condition over the record by which it is known that it was done; it is read before and after",
        examples=["state = 'approved'"],
    )
    ends: Literal["person", "everyone", "nobody"] = Field(
        "person", description="Whose to-do is done with it; nobody: of an action such as claiming it"
    )


class Acts(Shape):
    """``acts`` of a system. Expressions see the fields of the record found, ``todo`` (id, tenant, definition,
    process, node, version, attributes) and ``act`` (response, comment, reason, account)."""

    as_: Literal["system"] | dict[str, Any] = Field(
        alias="as",
        description="Settings of the system that are others for a person; {account} is his account there. system: all "
        "acts are made by the system's own credentials, in the name of the hub",
        examples=[{"auth": {"basic": {"username": ACCOUNT, "password": "secret://erp/users/{account}"}}}],
    )
    find: str = Field(
        description="Resource in which the record is looked up before and after", examples=["requisitions"]
    )
    key: dict[str, str] = Field(
        min_length=1, description="Key field → expression over todo", examples=[{"id": "todo.id"}]
    )
    open: str | None = Field(
        None,
        description="Condition over the record: it can still be acted on",
        examples=["state = 'waiting'"],
    )
    theirs: str | None = Field(
        None,
        description="Condition over the record: it is still the person's",
        examples=["list_contains(recipientUsers, act.account)"],
    )
    unchanged: str | None = Field(
        None,
        description="Condition over the record: it still is what the person was shown",
        examples=["modifiedAt <= todo.version"],
    )
    in_doubt: Duration = Field(
        "2m",
        description="A call whose answer was lost may still be running in the system: it is sent again only after the "
        "system has answered for so long, and has not shown it as done",
        examples=["10m"],
    )
    responses: dict[str, Response] = Field(
        min_length=1,
        description="Code of a response or action → what it does",
        examples=[{"approve": {"into": "approvals", "done": "state = 'approved'"}}],
    )

    @field_validator("as_")
    @classmethod
    def _personal(cls, value: Any) -> Any:
        if value != "system" and ACCOUNT not in repr(value):
            raise ValueError(f"nothing in it is the person's own: write {ACCOUNT} where his account belongs, or system")
        return value


def filled(value: Any, account: str) -> Any:
    """Settings with the account where ``{account}`` stands."""
    if isinstance(value, dict):
        return {name: filled(one, account) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, account) for one in value]
    return value.replace(ACCOUNT, account) if isinstance(value, str) else value
