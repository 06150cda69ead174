"""The reference page of events.

python -m hub.bus.reference docs/reference
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from hub.bus.catalogue import ATTRIBUTES, CHANGED, NEEDED, TYPES

PREFACE: Final = """# Events

Written by `python -m hub.bus.reference docs/reference`; a test compares. What one hub takes and tells, resource by
resource, `cophub schema asyncapi` says as an [AsyncAPI](https://www.asyncapi.com) 3.0 document.
How events come in: [events](../how-to/events.md), [broker](../how-to/broker.md); how they go out:
[worker](../how-to/worker.md#tell-others).

## Attributes

All events are [CloudEvents](https://cloudevents.io) 1.0.

| attribute | needed | meaning |
|---|---|---|
"""
CHANGES: Final = """
## cophub.entity.changed

The only event that the hub tells others: one for each commit of a model. It says that something changed, not what.
Its data:

| member | type | meaning |
|---|---|---|
"""
RECORDS: Final = """
## Records

The data of an event that comes in are the whole record, in the fields of its resource.

| type of the field | as JSON Schema |
|---|---|
"""


def page() -> str:
    """``events.md``."""
    attributes = [
        f"| `{name}` | {'yes' if name in NEEDED else ''} | {words} |\n" for name, (_, words) in ATTRIBUTES.items()
    ]
    members = [f"| `{name}` | {kind} | {words} |\n" for name, (kind, words) in CHANGED.items()]
    types = [f"| {name} | `{json.dumps(dict(schema))}` |\n" for name, schema in TYPES.items()]
    return "".join([PREFACE, *attributes, CHANGES, *members, RECORDS, *types])


if __name__ == "__main__":
    (Path(sys.argv[1]) / "events.md").write_text(page(), encoding="utf-8")
