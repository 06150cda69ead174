"""What the pages of one's own account say, in English and Chinese; see ``words``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "login.again": ("Log in once more: what you want to do asks for it.", "该操作需要重新验证身份，请再次登录。"),
    "passkey.login": ("Log in with a passkey", "使用通行密钥登录"),
    "passkey.use": ("Use your security key or passkey", "使用安全密钥或通行密钥"),
    "passkey.use.lead": ("Your browser asks you for it.", "浏览器将提示您使用密钥。"),
    "passkey.failed": (
        "The browser got no answer from a key. Try again, or take another way.",
        "浏览器未获得密钥的应答，请重试或使用其他方式。",
    ),
    "passkey.refused": (
        "The answer of the key is not taken. Try again, or take another way to log in.",
        "密钥的应答未被接受，请重试或使用其他方式登录。",
    ),
    "second.lead.paper": ("Type one of your recovery codes.", "请输入一个恢复码。"),
    "second.scan": ("Scan this code with an authenticator app, or type the key into it.",
                    "请用验证器应用扫描二维码，或手动输入密钥。"),
    "second.picture": ("QR code of the key", "密钥的二维码"),
    "second.then": ("Then type the code that the app shows.", "然后输入应用显示的验证码。"),
    "account.second": ("Second step", "二次验证"),
    "account.second.lead": (
        "With a second step, your password alone opens nothing.",
        "启用二次验证后，仅凭密码无法登录。",
    ),
    "account.second.none": ("You have none yet.", "尚未启用。"),
    "account.outer": (
        "You are known here by another system: its second step counts, and is set up there.",
        "您通过其他系统登录，二次验证请在该系统中设置。",
    ),
    "account.timed": ("Codes of an authenticator app", "验证器应用"),
    "account.timed.add": ("Set up an authenticator app", "设置验证器应用"),
    "account.keys": ("Security keys and passkeys", "安全密钥和通行密钥"),
    "account.key.name": ("What do you call the new key?", "新密钥的名称"),
    "account.key.like": ("My phone", "我的手机"),
    "account.key.add": ("Add a key", "添加密钥"),
    "account.key.made": ("added {made}", "添加于 {made}"),
    "account.used": ("last used {used}", "最近使用 {used}"),
    "account.unused": ("not used yet", "尚未使用"),
    "account.remove": ("Remove", "移除"),
    "account.remove.what": ("Remove {name}", "移除{name}"),
    "account.codes.new": ("New recovery codes", "重新生成恢复码"),
    "account.must": (
        "Your account must have a second step: the last one stays.",
        "您的账号必须启用二次验证，最后一项不可移除。",
    ),
    "account.sessions": ("See and end sessions", "查看和结束会话"),
    "account.links": ("Linked accounts", "关联账号"),
    "account.links.last": ("It is the only way in, so it stays.", "这是唯一的登录方式，不能取消关联。"),
    "account.fresh": (
        "To change something here you may have to log in once more.",
        "更改以下设置时可能需要重新登录。",
    ),
}  # fmt: skip
ERRORS: Final[Mapping[str, tuple[str, str]]] = {
    "passkey.refused": WORDS["passkey.refused"],
    "passkey.many": (
        "This key is known here already, or you have too many. Take another one, or remove one first.",
        "该密钥已添加过，或密钥数量已达上限，请换一个密钥或先移除一个。",
    ),
    "passkey.off": (
        "Keys cannot be used here. Who keeps the hub can set it up.",
        "此处不能使用密钥，请联系管理员配置。",
    ),
    "second.last": (
        "Your account must have a second step, and this is the last. Set up another one first.",
        "您的账号必须启用二次验证，请先设置另一项再移除此项。",
    ),
    "login.last": (
        "You could not log in any more without it. Link another one first.",
        "取消后您将无法登录，请先关联其他账号。",
    ),
}  # fmt: skip
