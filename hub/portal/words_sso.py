"""What the pages of the provider say, in English and Chinese; see ``words``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "sso.accounts": ("Your accounts in {client}: as which do you log in?", "您在{client}中有多个账号，请选择："),
    "sso.consent": ("{client} wants to know of you ({name}):", "{client}请求获取您（{name}）的以下信息："),
    "sso.agree": ("Agree", "同意"),
    "sso.refuse": ("Do not agree", "不同意"),
    "sso.leave": ("You are being taken to {client}.", "正在前往{client}。"),
    "sso.onward": ("Go on", "继续"),
    "sso.device": ("Log in on a device", "在设备上登录"),
    "sso.device.code": ("The code that the device shows", "设备上显示的代码"),
    "sso.device.confirm": (
        "{client} is to be logged in as you on a device. Agree only if it is before you, you began it yourself, and it "
        "shows this code:",
        "{client}将在某台设备上以您的身份登录。仅当该设备在您面前、由您本人发起且显示以下代码时才同意：",
    ),
    "sso.device.done": ("Done: the device logs in by itself now.", "已完成，设备将自动登录。"),
    "sso.device.not": ("The device was not logged in.", "该设备未登录。"),
    "sso.device.unknown": (
        "No device waits with this code. Compare it, or begin again on the device.",
        "没有设备在等待此代码。请核对，或在设备上重新开始。",
    ),
    "sso.logout": (
        "An application asks to log you out, here and wherever you logged in through the hub.",
        "某应用请求为您退出登录，包括经由本平台登录的所有应用。",
    ),
    "sso.stay": ("Stay logged in", "保持登录"),
    "sso.request.client": (
        "No application of this name (client_id) is registered with the hub, so nobody is logged in there, or out. Who "
        "keeps it compares the name with config/clients.",
        "平台未登记该应用（client_id），无法登录或退出。请应用管理员核对 config/clients。",
    ),
    "sso.request.address": (
        "The application wants you to be sent to an address (redirect_uri) that is not registered for it. Who keeps it "
        "compares the address with config/clients, to the port and the last slash.",
        "该应用要求返回的地址（redirect_uri）未登记。请应用管理员逐字核对 config/clients（包括端口和末尾斜杠）。",
    ),
    "sso.request.leave": (
        "After the log-out the application wants you to be sent to an address (post_logout_redirect_uri) that is not "
        "registered for it, or does not say who asks (id_token_hint). You are still logged in.",
        "该应用要求退出后返回的地址（post_logout_redirect_uri）未登记，或未说明由谁请求（id_token_hint）。您仍处于登录状态。",
    ),
    "sso.request.hint": (
        "The application shows, to log you out, a token (id_token_hint) that the hub did not give it. You are still "
        "logged in.",
        "该应用退出请求所附的令牌（id_token_hint）并非由本平台签发给它。您仍处于登录状态。",
    ),
    "sso.request.service": (
        "No service is registered with the hub at the address that asks for a log-in. Who keeps it compares the "
        "address with services under cas in config/clients.",
        "请求登录的服务地址未登记。请服务管理员核对 config/clients 中 cas 的 services。",
    ),
    "sso.claim.sub": ("that it is you", "您的身份标识"),
    "sso.claim.name": ("your name", "姓名"),
    "sso.claim.given_name": ("your given name", "名"),
    "sso.claim.family_name": ("your family name", "姓"),
    "sso.claim.preferred_username": ("your account name", "账号"),
    "sso.claim.email": ("your e-mail address", "电子邮件地址"),
    "sso.claim.email_verified": ("whether that address was verified", "邮件地址是否已验证"),
    "sso.claim.phone_number": ("your phone number", "电话号码"),
    "sso.claim.address": ("your address", "地址"),
    "sso.scope.offline_access": ("to go on after you have logged out", "在您退出后仍可继续访问"),
}  # fmt: skip
ERRORS: Final[Mapping[str, tuple[str, str]]] = {
    "sso.account": (
        "You have no account in the system of this application, so you cannot log in there. Ask who keeps that "
        "system for an account.",
        "您在该应用所属系统中没有账号，无法登录。请联系该系统的管理员开通账号。",
    ),
    "sso.ask": (
        "This log-in was finished already, or waited too long. Begin again in the application.",
        "本次登录已完成或已超时，请回到应用重新开始。",
    ),
    "sso.declined": (
        "You did not agree, so you are not logged in there.",
        "您未同意授权，因此未登录该应用。",
    ),
    "ticket.account": (
        "You have several accounts in that system, and the to-do does not say which is meant. Open it there yourself.",
        "您在该系统中有多个账号，待办未指明所用账号，请直接在该系统中打开。",
    ),
    "ticket.down": ("The system does not answer now. Try again later.", "该系统暂时无响应，请稍后重试。"),
    "ticket.none": ("To-dos of this system cannot be opened from here.", "暂不支持从此处打开该系统的待办。"),
    "ticket.refused": (
        "The system did not let you in. Tell who keeps it.",
        "该系统未接受登录请求，请联系该系统的管理员。",
    ),
    "ticket.target": (
        "The page of this to-do is not known. Tell who keeps the system.",
        "无法确定该待办的页面地址，请联系该系统的管理员。",
    ),
    "sso.request": (
        "The application asked for a log-in or a log-out in a way that the hub does not know of it. Tell who keeps it.",
        "该应用的登录或退出请求与登记的设置不符，请联系应用管理员。",
    ),
}
