"""What the page of reports says, in English and Chinese; see ``words``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "operators.reports": ("Reports", "报表"),
    "operators.report.throughput": ("Throughput, by day", "每日处理量"),
    "operators.report.freshness": ("Freshness: hours since the last good run", "数据新鲜度：距上次成功运行的小时数"),
    "operators.report.quality": ("Data quality: records set aside, by reason", "数据质量：按原因统计的隔离记录"),
    "operators.report.ageing": ("Open to-dos, by age", "未办待办账龄"),
    "operators.report.drift": ("Drift: what the last comparisons found", "差异：最近核对结果"),
    "operators.report.chart": ("Chart of the table below: {name}", "下表的图示：{name}"),
    "operators.report.none": ("There is nothing to report.", "暂无数据。"),
    "operators.report.never": ("never", "从未"),
    "operators.report.counted": ("Counted {time}", "统计于{time}"),
    "operators.report.more": (
        "The first {shown} of {total} rows are shown; a file has all.",
        "仅显示 {total} 行中的前 {shown} 行，导出文件包含全部。",
    ),
    "operators.report.file": ("{name} as {kind}", "导出{name}（{kind}）"),
    "operators.report.day": ("Day", "日期"),
    "operators.report.runs": ("Runs", "运行次数"),
    "operators.report.failed": ("Failed", "失败"),
    "operators.report.read": ("Read", "读取"),
    "operators.report.applied": ("Applied", "已应用"),
    "operators.report.quarantined": ("In quarantine", "已隔离"),
    "operators.report.exchange": ("Exchange", "数据交换"),
    "operators.report.hours": ("Hours", "小时"),
    "operators.report.ended": ("Ended well", "成功结束时间"),
    "operators.report.code": ("Reason", "原因"),
    "operators.report.state": ("State", "状态"),
    "operators.report.records": ("Records", "记录数"),
    "operators.report.system": ("System", "系统"),
    "operators.report.age.1d": ("up to 1 day", "1 天内"),
    "operators.report.age.3d": ("up to 3 days", "3 天内"),
    "operators.report.age.7d": ("up to 7 days", "7 天内"),
    "operators.report.age.30d": ("up to 30 days", "30 天内"),
    "operators.report.age.older": ("older", "更早"),
    "operators.report.what": ("Where", "对象"),
    "operators.report.kind": ("Difference", "差异"),
    "operators.report.compared": ("Compared", "核对时间"),
}  # fmt: skip
