"""Whom the hub's own cases are for, as to-dos."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hub.workspace.strict import Shape

Named = Annotated[
    dict[Literal["person", "login", "code", "phone", "mail", "group"], str], Field(min_length=1, max_length=1)
]
Receivers = Annotated[list[Named], Field(max_length=100)]


class Cases(Shape):
    """``people.cases`` of ``config/hub.yaml``: who gets the hub's own cases into his list of to-dos."""

    approvals: Receivers = Field(
        [], description="Plans that a guard holds until somebody approves", examples=[[{"code": "1001"}]]
    )
    reviews: Receivers = Field(
        [], description="Records that somebody decides about", examples=[[{"group": "data-stewards"}]]
    )
    quarantine: Receivers = Field(
        [], description="Causes for which records were set aside", examples=[[{"group": "data-stewards"}]]
    )
    receivers: Receivers = Field(
        [], description="Systems whose to-dos have receivers that no person is known for", examples=[[{"code": "1001"}]]
    )
