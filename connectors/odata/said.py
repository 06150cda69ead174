"""What an error body of an OData service says."""

from __future__ import annotations

from typing import Any

from hub.errors import HubError
from hub.untrusted import parse_json, parse_xml

MOST = 5
"""Details shown; gateways repeat themselves."""


def said(body: bytes) -> str:
    """``[code] message; detail; detail`` out of V2, V4 or XML errors; empty where there is none."""
    try:
        error = _error_of(body)
    except HubError:
        return ""
    message = _words(error.get("message"))
    inner = error.get("innererror") or error.get("innerError") or {}
    details = error.get("details") or (inner.get("errordetails") if isinstance(inner, dict) else None) or []
    if isinstance(details, dict):
        details = details.get("errordetail") or []
    texts = [f"{error['target']}: {message}" if error.get("target") and message else message]
    for one in details if isinstance(details, list) else []:
        words = _words(one.get("message")) if isinstance(one, dict) else ""
        target = str(one.get("target") or one.get("propertyref") or "") if words else ""
        if words and words != message:
            texts.append(f"{target}: {words}" if target and "#" not in target else words)
    code = f"[{error['code']}] " if error.get("code") else ""
    return code + "; ".join(list(dict.fromkeys(texts))[: MOST + 1]) if message or code else ""


def _words(message: Any) -> str:
    """V2 gives a message with its language."""
    if isinstance(message, dict):
        message = message.get("value")
    return str(message) if message else ""


def _error_of(body: bytes) -> dict[str, Any]:
    if body.lstrip().startswith(b"<"):
        root = parse_xml(body)
        texts = {str(one.tag).rpartition("}")[2]: (one.text or "").strip() for one in root.iter()}
        return {"code": texts.get("code"), "message": texts.get("message")}
    found = parse_json(body)
    error = found.get("error", found.get("odata.error")) if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {}
