"""A SOAP connector on a stand-in service, and what it reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from connectors.soap import SPEC
from hub.contract import Context, Page, Query
from tests.contract.soapweb import SPACE, wsdl

PERSON = "<person><code>{0}</code><name>n{0}</name><amount>{0}.50</amount><at>2026-01-01T00:00:00Z</at></person>"


def opened(url: str, resource: dict[str, Any], folder: Path | None = None, **settings: Any) -> Any:
    """On a WSDL file in ``folder``, or on ``?wsdl``."""
    if folder is not None and "wsdl" not in settings:
        (folder / "kit.wsdl").write_bytes(wsdl())
        settings["wsdl"] = "kit.wsdl"
    made = SPEC.settings.model_validate({"url": url, "limits": {"retries": 0}, **settings})
    resources = {"people": SPEC.resource.model_validate({"operation": "GetPeople", "key": "code", **resource})}
    return SPEC.open(Context(f"test-{url}", str(folder or ".")), made, resources)


def read(source: Any, since: str | None = None, size: int | None = None) -> list[Page]:
    pages = list(source.read(Query(source.resource("people"), since=since, page_size=size)))
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    return pages


def records(pages: list[Page]) -> list[Any]:
    found = [json.loads(line) for page in pages for line in page.records.splitlines()]  # type: ignore[union-attr]
    assert len(found) == sum(page.count for page in pages)
    return found


def people(*numbers: int, more: str = "", total: int | None = None) -> str:
    """The answer of GetPeople with some people in it."""
    inner = "".join(PERSON.format(number) for number in numbers)
    count = len(numbers) if total is None else total
    return f'<GetPeopleResponse xmlns="{SPACE}"><total>{count}</total>{inner}{more}</GetPeopleResponse>'
