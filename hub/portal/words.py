"""What the portal says, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.portal import (
    words_account,
    words_apps,
    words_deliveries,
    words_exchanges,
    words_mappings,
    words_operators,
    words_reports,
    words_reviews,
    words_sso,
)

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "zh": "中文"}
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "skip": ("Skip to the content", "跳到正文"),
    "language": ("Language", "语言"),
    "login": ("Log in", "登录"),
    "login.name": ("Name", "账号"),
    "login.password": ("Password", "密码"),
    "login.lead": ("Your to-dos of all systems in one place.", "所有系统的待办，集中一处。"),
    "login.ended": ("You are not logged in, or your session has ended.", "您尚未登录，或登录已过期。"),
    "login.refused": (
        "The name or the password is wrong. Type both again; who keeps the hub can set a new password.",
        "账号或密码不正确。请重新输入；管理员可以重设密码。",
    ),
    "login.many": (
        "Too many attempts. Wait {seconds} seconds, then try again.",
        "尝试次数过多，请等待 {seconds} 秒后再试。",
    ),
    "login.where": ("Account of", "账号来源"),
    "login.here": ("COP Hub itself", "本系统账号"),
    "second": ("Second step", "二次验证"),
    "second.lead": (
        "Type the code that your app shows, or one of your recovery codes.",
        "请输入验证器应用显示的代码，或一个恢复码。",
    ),
    "second.code": ("Code", "验证码"),
    "second.go": ("Go on", "继续"),
    "second.wrong": ("The code is wrong or was used. Wait for the next one.", "验证码不正确或已使用，请等待下一个。"),
    "second.add": ("Set up a second step", "设置二次验证"),
    "second.must": ("Your account needs a second step.", "您的账号需要二次验证。"),
    "second.open": ("Open in the app", "在应用中打开"),
    "second.key": ("Key", "密钥"),
    "second.done": ("The second step is set up.", "二次验证已启用。"),
    "second.codes": (
        "Keep these recovery codes on paper. Each works once, when your phone is not there. They are not shown again.",
        "请将以下恢复码抄在纸上保存。手机不在身边时每个可使用一次，之后不再显示。",
    ),
    "login.or": ("or", "或"),
    "login.with": ("Log in with {title}", "使用{title}登录"),
    "login.leading": ("You log in at {title} and come back here.", "您将前往{title}登录，完成后自动返回。"),
    "login.onward": ("On to {title}", "前往{title}"),
    "sessions": ("Where you are logged in", "登录中的会话"),
    "sessions.unknown": ("A browser", "浏览器"),
    "sessions.here": ("this one", "当前会话"),
    "sessions.times": ("Begun {begun}, used {used}", "登录于{begun}，最近使用于{used}"),
    "sessions.end": ("Log out there", "退出该会话"),
    "sessions.others": ("Log out everywhere else", "退出其他所有会话"),
    "logins": ("My account", "我的账号"),
    "logins.link": ("Link {title}", "关联{title}"),
    "logins.unlink": ("Unlink", "取消关联"),
    "login.down": (
        "That way to log in does not work now. Try again in a while, or tell who keeps the hub.",
        "该登录方式暂时不可用，请稍后再试或联系管理员。",
    ),
    "logout": ("Log out", "退出"),
    "logout.done": ("You are logged out.", "您已退出登录。"),
    "todos": ("My to-dos", "我的待办"),
    "boxes": ("Boxes", "分类"),
    "box.to_do": ("To do", "待办"),
    "box.to_read": ("To read", "待阅"),
    "box.initiated": ("Initiated", "我发起的"),
    "box.done": ("Done", "已办"),
    "systems": ("Systems", "系统"),
    "systems.all": ("All systems", "全部系统"),
    "search": ("Search titles", "搜索标题"),
    "search.go": ("Search", "搜索"),
    "order": ("Order", "排序"),
    "order.newest": ("Newest first", "最新在前"),
    "order.oldest": ("Oldest first", "最早在前"),
    "order.due": ("Due first", "先到期在前"),
    "order.priority": ("Most urgent first", "紧急在前"),
    "priority": ("Priority", "优先级"),
    "priority.any": ("Any priority", "全部优先级"),
    "priority.low": ("Low", "低"),
    "priority.medium": ("Medium", "中"),
    "priority.high": ("High", "高"),
    "priority.very_high": ("Very high", "特急"),
    "unread": ("Unread only", "仅未读"),
    "unread.mark": ("Unread", "未读"),
    "filters": ("Filters", "筛选"),
    "filters.clear": ("Clear filters", "清除筛选"),
    "count": ("{count} to-dos", "{count} 条"),
    "count.one": ("1 to-do", "1 条"),
    "count.unread": ("{count} unread", "{count} 条未读"),
    "empty.to_do": ("Nothing to do. Well done.", "没有待办事项，辛苦了。"),
    "empty.to_read": ("Nothing to read.", "没有待阅事项。"),
    "empty.initiated": ("You have initiated nothing that is still known here.", "没有您发起的事项。"),
    "empty.done": ("Nothing done yet.", "还没有已办事项。"),
    "empty.filtered": ("Nothing matches these filters.", "没有符合筛选条件的事项。"),
    "first": ("First page", "第一页"),
    "more": ("Next page", "下一页"),
    "back": ("Back to the list", "返回列表"),
    "for": ("For {name}", "代 {name}"),
    "for.somebody": ("For somebody else", "代他人"),
    "urged": ("Urged {count}×", "催办 {count} 次"),
    "due": ("Due", "截止"),
    "due.over": ("Overdue", "已逾期"),
    "due.none": ("no date", "无期限"),
    "since": ("Since", "到达时间"),
    "changed": ("Last changed", "最近更新"),
    "system": ("System", "系统"),
    "process": ("Process", "流程"),
    "node": ("Step", "环节"),
    "kind": ("Kind", "类型"),
    "number": ("Number in the system", "系统内编号"),
    "status": ("Status", "状态"),
    "outcome": ("Outcome", "结果"),
    "initiator": ("Initiator", "发起人"),
    "status.incomplete": ("Incomplete", "信息不全"),
    "status.ready": ("Ready", "待处理"),
    "status.reserved": ("Reserved", "已认领"),
    "status.suspended": ("Suspended", "已挂起"),
    "status.completed": ("Completed", "已完成"),
    "status.cancelled": ("Cancelled", "已取消"),
    "status.withdrawn": ("Withdrawn", "已撤回"),
    "about": ("Details", "详情"),
    "answer": ("Your answer", "您的处理"),
    "answer.later": (
        "It cannot be answered from here: open it in its system.",
        "不能在此处理，请在原系统中打开。",
    ),
    "comment": ("Comment", "意见"),
    "comment.needed": ("needed for {titles}", "{titles} 时必填"),
    "reason": ("Reason", "原因"),
    "act.submitting": (
        "“{title}” is being submitted to {system}. You may leave the page: the hub goes on by itself.",
        "“{title}”正在提交到{system}。您可以离开此页，系统会继续提交直到有结果。",
    ),
    "act.submitting.short": ("Submitting", "提交中"),
    "act.failed": ("“{title}” was not done.", "“{title}”未成功。"),
    "act.failed.short": ("Failed", "失败"),
    "act.done": ("“{title}” is done.", "“{title}”已完成。"),
    "open": ("Open in {system}", "在{system}中打开"),
    "open.app": ("Open in the app", "在应用中打开"),
    "why": ("Why do I see this?", "为什么我会看到它？"),
    "why.back": ("Back to the to-do", "返回事项"),
    "history": ("What was reported", "上报记录"),
    "history.by": ("by {name}", "来自 {name}"),
    "history.answer": ("an answer given here", "在此处理的结果"),
    "history.content": ("content", "内容"),
    "history.status": ("status: {status}", "状态：{status}"),
    "history.assignees": ("{count} receivers", "{count} 位接收人"),
    "history.assignees.one": ("1 receiver", "1 位接收人"),
    "history.ignored": ("came too late and changed nothing: {codes}", "迟到，未作更改：{codes}"),
    "history.nothing": ("Nothing yet.", "暂无。"),
    "boolean.true": ("yes", "是"),
    "boolean.false": ("no", "否"),
    "offline": ("No answer from the hub. It is tried again.", "暂时连接不上，正在重试。"),
    "error": ("Something went wrong", "出错了"),
    "error.code": ("Code", "代码"),
    "error.request": ("Request", "请求编号"),
    "error.hint": ("What to do", "处理办法"),
    "error.home": ("To my to-dos", "回到我的待办"),
    "now": ("just now", "刚刚"),
    "ago.minutes": ("{count} min ago", "{count} 分钟前"),
    "ago.hours": ("{count} h ago", "{count} 小时前"),
    "ago.days": ("{count} d ago", "{count} 天前"),
    "in.minutes": ("in {count} min", "{count} 分钟后"),
    "in.hours": ("in {count} h", "{count} 小时后"),
    "in.days": ("in {count} d", "{count} 天后"),
    "over.minutes": ("Overdue by {count} min", "逾期 {count} 分钟"),
    "over.hours": ("Overdue by {count} h", "逾期 {count} 小时"),
    "over.days": ("Overdue by {count} d", "逾期 {count} 天"),
    **words_sso.WORDS,
    **words_account.WORDS,
    **words_apps.WORDS,
    **words_operators.WORDS,
    **words_exchanges.WORDS,
    **words_reviews.WORDS,
    **words_deliveries.WORDS,
    **words_reports.WORDS,
    **words_mappings.WORDS,
}
ERRORS: Final[Mapping[str, tuple[str, str]]] = {
    "login.unlinked": (
        "You are known there, but no person of this hub has that account. Who keeps the hub can link it.",
        "您的身份已通过验证，但本系统中没有与该账号对应的人员，请联系管理员关联。",
    ),
    "login.state": (
        "No log-in is under way here, or it took too long. Begin again.",
        "登录已超时或不在此浏览器中进行，请重新登录。",
    ),
    "login.provider": (
        "What the log-in provider answered is not taken. Try again; where it stays, tell who keeps the hub.",
        "登录提供方的应答未被接受，请重试；如仍失败请联系管理员。",
    ),
    "login.taken": (
        "Somebody logs in by that already. Who keeps the hub can change it.",
        "该登录方式已关联到其他账号，请联系管理员。",
    ),
    "todo.unknown": (
        "There is no such to-do in your list. It may have been withdrawn, or given to somebody else.",
        "您的列表中没有这条事项，可能已撤回或转给他人。",
    ),
    "act.comment": ("Write a comment for this answer.", "该操作需要填写意见。"),
    "act.reason": ("This reason does not belong to the answer.", "该原因不适用于此操作。"),
    "act.pending": ("Another answer of yours is being submitted.", "您的另一个操作正在提交。"),
    "act.key": (
        "It was answered from another page meanwhile. This page shows it as it is now.",
        "已在其他页面处理过，此页显示最新状态。",
    ),
    "act.in_doubt": (
        "The system has not answered, and may still be at it. It is looked for before anything is sent again.",
        "对方系统尚未应答，可能仍在处理；确认之前不会重复提交。",
    ),
    "act.held": (
        "Another answer was sent before yours, and nobody knows yet whether it counts. Yours waits for that.",
        "之前已有他人提交处理，结果尚未确认；您的操作将在确认后继续。",
    ),
    "act.closed": ("It is finished already.", "该事项已结束。"),
    "act.over": ("You have done your part already.", "您已处理过。"),
    "act.receiver": ("You do not have this to-do any more.", "您已没有这条事项。"),
    "act.response": ("This answer is not offered any more.", "该操作已不可用。"),
    "act.account": (
        "The hub does not know your account in that system; who keeps the hub can link it.",
        "系统不知道您在该系统中的账号，请联系管理员关联。",
    ),
    "todo.shown": ("It was reported to the hub as yours, and is in your list.", "它被上报给您，因此在您的列表中。"),
    "page.unknown": ("There is no such page.", "页面不存在。"),
    "form.forged": (
        "The form was not made for this session. Load the page again and send it once more.",
        "表单与当前会话不符，请刷新页面后重新提交。",
    ),
    "request.many": ("Too many requests in a short time. Wait a little.", "请求过于频繁，请稍候再试。"),
    "request.malformed": ("The address or the form cannot be read.", "无法识别该地址或表单。"),
    "internal": (
        "Something went wrong inside the hub; its log has the request's number.",
        "系统内部出错，请把请求编号告诉管理员。",
    ),
    **words_sso.ERRORS,
    **words_account.ERRORS,
    **words_apps.ERRORS,
    **words_operators.ERRORS,
    **words_exchanges.ERRORS,
    **words_reviews.ERRORS,
    **words_deliveries.ERRORS,
}
"""Sentences of errors that people meet; what is not here is told in English, as the command line does."""


def say(language: str, key: str, **filled: object) -> str:
    """A text in a language of ``LANGUAGES``."""
    text = WORDS[key][0 if language != "zh" else 1]
    return text.format(**filled) if filled else text


def sentence(language: str, code: str) -> str:
    """What an error's code means to people; nothing where there is no sentence of it."""
    found = ERRORS.get(code)
    return "" if found is None else found[0 if language != "zh" else 1]


def chosen(header: str) -> str:
    """The language of Accept-Language (RFC 9110, 12.5.4) that the portal speaks, with its region (zh-CN); English
    where it speaks none."""
    best, weight = "en", 0.0
    for part in header[:500].split(","):
        tag, _, more = part.strip().partition(";")
        name, value = tag.strip(), _weight(more)
        if name.partition("-")[0].lower() in LANGUAGES and value > weight:
            best, weight = name, value
    return best


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if not text.strip():
        return 1.0
    try:
        return float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
