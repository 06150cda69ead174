"""The channels of alerts: what each wants to be sent, how it is signed, and what its answer means.

DingTalk: https://open.dingtalk.com/document/robots/custom-robot-access; WeCom:
https://developer.work.weixin.qq.com/document/path/91770; Feishu:
https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot. All of them answer 200, and say in the body whether
they took it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Final
from urllib.parse import quote

import msgspec

from hub.bus.cloudevents import CONTENT_TYPE
from hub.bus.signature import signed
from hub.contract import Change, Secret
from hub.errors import AuthError, ConfigError, Fatal, HubError, Retriable
from hub.exchange.ground import Hub
from hub.http import HttpSettings, Limits, Transport
from hub.workspace.alerting import Alert

JSON: Final = "application/json; charset=utf-8"
TEXTS: Final = {
    ("en", "failed", "raised"): "{exchange} failed ({code}) at {since}. Look: cophub runs {exchange}",
    ("en", "late", "raised"): "{exchange} is late since {since}. Look: cophub status",
    ("en", "held", "raised"): "a guard holds {exchange} since {since} ({code}). Decide: cophub runs {exchange}",
    ("en", "failed", "over"): "{exchange} is well again; it had failed ({code}) at {since}.",
    ("en", "late", "over"): "{exchange} is up to date again; it was late since {since}.",
    ("en", "held", "over"): "{exchange} is not held any more; it was since {since}.",
    ("zh", "failed", "raised"): "{exchange} 于 {since} 失败（{code}）。查看：cophub runs {exchange}",
    ("zh", "late", "raised"): "{exchange} 自 {since} 起数据延迟。查看：cophub status",
    ("zh", "held", "raised"): "{exchange} 自 {since} 起被保护规则拦截（{code}），等待人工决定：cophub runs {exchange}",
    ("zh", "failed", "over"): "{exchange} 已恢复正常；此前于 {since} 失败（{code}）。",
    ("zh", "late", "over"): "{exchange} 已恢复及时；此前自 {since} 起延迟。",
    ("zh", "held", "over"): "{exchange} 已不再被拦截；此前自 {since} 起被拦截。",
}
AGAIN: Final = frozenset({"-1", "130101", "660026", "45009", "45033", "9499", "11232", "5000"})
"""Too many messages, or the other end is busy: of all three, whose numbers do not meet."""
REFUSED: Final = frozenset({"310000", "300005", "40014", "40035", "93000", "93017", "19001", "19021", "19022", "19024"})
"""The key, the signature or what the robot asks of a message (a keyword, an address) is wrong: a person mends it."""


def text_of(hub: Hub, rule: Alert, event: Mapping[str, Any]) -> str:
    """What people read."""
    told = event["data"]
    words = TEXTS[rule.language, told["kind"], told["state"]].format(**told)
    if hub.workspace.hub.address:
        words += f" {hub.workspace.hub.address.rstrip('/')}/portal/operators/exchanges/{told['exchange']}"
    return f"[COP Hub {hub.workspace.hub.hub}] {words}"


def tell(hub: Hub, rule: Alert, event: Mapping[str, Any], resolve: Callable[[str], Secret]) -> None:
    """Hand an alert to its channel. The id of the event is the same however often it is tried."""
    if rule.channel == "mail":
        _mail(hub, rule, event)
        return
    url = str(rule.url)
    address = resolve(url).reveal() if url.startswith("secret://") else url
    secret = resolve(rule.secret).reveal() if rule.secret else ""
    if rule.channel == "webhook":
        content = msgspec.json.encode(event)
        headers = signed([secret], str(event["id"]), int(time.time()), content)
        _post(rule, address, content, {"Content-Type": CONTENT_TYPE, **headers}, [secret])
        return
    target, message = robot(rule.channel, address, secret, text_of(hub, rule, event), time.time())
    answer = _post(rule, target, msgspec.json.encode(message), {"Content-Type": JSON}, [secret])
    _judge(rule.channel, answer)


def robot(channel: str, address: str, secret: str, text: str, now: float) -> tuple[str, dict[str, Any]]:
    """Where a robot's message is sent, and the message.

    DingTalk signs ``MILLISECONDS\\nSECRET`` by the secret and has it in the address; Feishu signs nothing by
    ``SECONDS\\nSECRET`` and has it in the message; WeCom's key is its address.
    """
    content: dict[str, Any] = {"msgtype": "text", "text": {"content": text}}
    if channel == "dingtalk" and secret:
        stamp = str(int(now * 1000))
        mark = quote(_mark(secret.encode(), f"{stamp}\n{secret}".encode()), safe="")
        join = "&" if "?" in address else "?"
        return f"{address}{join}timestamp={stamp}&sign={mark}", content
    if channel == "feishu":
        content = {"msg_type": "text", "content": {"text": text}}
        if secret:
            stamp = str(int(now))
            content |= {"timestamp": stamp, "sign": _mark(f"{stamp}\n{secret}".encode(), b"")}
    return address, content


def _mark(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def _post(rule: Alert, address: str, content: bytes, headers: Mapping[str, str], secrets: list[str]) -> bytes:
    """The answer's body; what is in the address behind its host is a secret, too."""
    home, _, query = address.partition("?")
    hidden = [address, query, *(part.partition("=")[2] for part in query.split("&"))]
    hidden += [home.rstrip("/").rpartition("/")[2]]
    settings = HttpSettings(url=home, limits=Limits(timeout=10.0, retries=0))
    known = [one for one in (*secrets, *hidden) if len(one) > 7]
    transport = Transport(settings, f"alert:{rule.channel}", secrets=known)
    try:
        return transport.request("POST", address, data=content, headers=headers).body
    finally:
        transport.close()


def _judge(channel: str, answer: bytes) -> None:
    """Raise what a robot's answer says where it is not yes."""
    try:
        told = msgspec.json.decode(answer)
        number = next(str(told[name]) for name in ("errcode", "code", "StatusCode") if name in told)
    except (msgspec.DecodeError, StopIteration, TypeError):
        raise Retriable("alert.answer", f"{channel} answered, but not as a robot does") from None
    if number == "0":
        return
    if number in AGAIN:
        raise Retriable("alert.busy", f"{channel} takes no more messages for now ({number})", wait=60.0)
    if number in REFUSED:
        raise AuthError(
            "alert.refused",
            f"{channel} refused the message ({number})",
            hint="compare the robot's address, its signature, keywords and allowed addresses",
        )
    raise Retriable("alert.answer", f"{channel} did not take the message ({number})")


def _mail(hub: Hub, rule: Alert, event: Mapping[str, Any]) -> None:
    """By a system that sends messages; the same id gives the same Message-ID."""
    system, _, name = str(rule.via).partition(".")
    text = text_of(hub, rule, event)
    values = {"to": list(rule.to), "subject": text[:200], "text": text}
    with ExitStack() as stack:
        target = hub.opened(stack, system)
        identity = str(event["id"])
        change = Change("create", {"message_id": identity}, values, id=identity)
        (outcome,) = target.deliver(target.resource(name), [change])
    if outcome.status == "done":
        return
    error: HubError
    if outcome.status == "rejected":
        error = ConfigError("alert.mail", outcome.message or outcome.code, where=f"config/systems/{system}.yaml")
    elif outcome.status == "conflict":
        error = Fatal("alert.mail", outcome.message or outcome.code)
    else:
        error = Retriable("alert.mail", outcome.message or outcome.code, wait=outcome.wait)
    raise error
