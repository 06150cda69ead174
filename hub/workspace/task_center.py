"""SAP Task Center in ``config/hub.yaml``: what people are called there."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from hub.workspace.strict import FieldName, Name, Shape


class TaskCenter(Shape):
    """``people.task_center`` of ``config/hub.yaml``: the hub as a task provider. A person's user id there is a field of
    the model of people, or the person's account in a system."""

    user: FieldName | None = Field(
        None, description="Field of a person that holds the user id (IAS Global User ID)", examples=["global_id"]
    )
    account: Name | None = Field(
        None, description="System in which a person's account is the user id", examples=["ias"]
    )
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = Field(
        "default", description="Tenant in the URNs of tasks; it never changes", examples=["prod"]
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.user is None) == (self.account is None):
            raise ValueError("write user or account, one of them")
        return self
