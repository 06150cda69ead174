"""Chinese people and companies from a seed: golden records, and new ones of which a part is among them.

New records are written as another system would have them: in pinyin, with a homophone, in traditional
characters, with typos and gaps. The others are strangers that are hard to tell: of the same name, of the same
family with the same telephone, or the branch of a group in another town.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pypinyin import lazy_pinyin


def listed(text: str) -> list[str]:
    """Words between blanks."""
    return text.split()


SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪"
    "范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国文志海波宁燕玲辉鹏飞宇浩凯健俊峰梅雪婷欣怡佳琪慧颖雅萍"
    "莉琳璐晨晓小春秋冬东南西北山川江河湖林森木云雨雷风月星辰光亮晶莹洁清源思远博学睿智诚信义礼德仁和平安康福禄寿喜庆荣富贵"
)
BRAND = (
    "华兴泰隆恒盛鼎信宏达金瑞丰源通顺天地中正大新创业联合众诚远航博雅锦绣腾飞龙凤祥云星辰海洋江河长城永安康宁百川"
    "万家千禧东方西域南山北辰春晖秋实明珠宝石玉泉银河红旗青松白鹭蓝天绿野紫荆黄金橙果墨香"
)
TRADES = listed(
    "科技 贸易 实业 电子 医疗器械 食品 物流 建筑工程 信息技术 文化传媒 化工 机械制造 新能源 生物医药 投资管理 "
    "环保设备 汽车配件 服装 餐饮管理 教育咨询"
)
FORMS = ("有限公司", "有限责任公司", "股份有限公司")
CITIES = listed(
    "北京 上海 广州 深圳 天津 重庆 成都 杭州 武汉 西安 苏州 南京 郑州 长沙 东莞 沈阳 青岛 合肥 "
    "佛山 宁波 昆明 福州 无锡 厦门 哈尔滨 长春 南昌 济南 大连 贵阳 温州 石家庄 泉州 南宁 金华 常州 "
    "珠海 惠州 嘉兴 南通 中山 保定 兰州 台州 徐州 太原 绍兴 烟台 廊坊 海口 "
)
STREETS = listed(
    "中山路 人民路 解放路 建设路 和平路 新华路 文化路 长江路 黄河路 北京路 南京路 胜利路 友谊路 光明路 花园路 学院路 "
)
TRADITIONAL = dict(
    zip(
        "张刘陈杨黄赵吴孙马罗郑谢许韩冯邓肖董潘蒋叶苏吕卢姜钟谭陆汪贾韦邹龙贺顾龚邵万钱严伟丽强军艳杰涛华兰红国宁辉飞宇凯"
        "晓东云风亮莹洁远学诚义礼庆荣贵兴泰隆恒鼎宏达丰通顺创业联众锦绣凤祥长城宝银黄气电疗医贸实务",
        "張劉陳楊黃趙吳孫馬羅鄭謝許韓馮鄧蕭董潘蔣葉蘇呂盧薑鍾譚陸汪賈韋鄒龍賀顧龔邵萬錢嚴偉麗強軍艷傑濤華蘭紅國寧輝飛宇凱"
        "曉東雲風亮瑩潔遠學誠義禮慶榮貴興泰隆恆鼎宏達豐通順創業聯眾錦繡鳳祥長城寶銀黃氣電療醫貿實務",
        strict=True,
    )
)

SURNAME_SOUNDS = {"曾": "zeng", "任": "ren", "华": "hua"}

Row = dict[str, str | dt.date | None]


@cache
def _same_sound() -> dict[str, str]:
    by_sound: dict[str, str] = {}
    for one in dict.fromkeys(SURNAMES + GIVEN + BRAND):
        sound = lazy_pinyin(one)[0]
        by_sound[sound] = by_sound.get(sound, "") + one
    return {one: group for group in by_sound.values() for one in group}


def write_people(folder: Path, seed: int, golden: int, new: int) -> None:
    """``golden.parquet`` (id and fields), and ``new.parquet`` with the id of the golden record in ``truth``."""
    _write(folder, random.Random(seed), golden, new, (_person, _person_elsewhere, _relative))


def write_companies(folder: Path, seed: int, golden: int, new: int) -> None:
    """The same of companies."""
    _write(folder, random.Random(seed), golden, new, (_company, _company_elsewhere, _branch))


Makers = tuple[
    Callable[[random.Random], Row], Callable[[random.Random, Row], Row], Callable[[random.Random, Row], Row]
]


def _write(folder: Path, dice: random.Random, golden: int, new: int, makers: Makers) -> None:
    """Of the new records six in ten are golden ones seen elsewhere, two are near one, two are strangers."""
    fresh, elsewhere, near = makers
    chosen = dice.sample(range(golden), new * 8 // 10)
    same, close = set(chosen[: new * 6 // 10]), set(chosen[new * 6 // 10 :])
    found: list[Row] = []

    def rows() -> Iterator[Row]:
        last: Row | None = None
        for number in range(golden):
            last = near(dice, last) if last and dice.random() < 0.05 else fresh(dice)
            if number in same:
                found.append(elsewhere(dice, last) | {"truth": str(number)})
            elif number in close:
                found.append(elsewhere(dice, near(dice, last)) | {"truth": None})
            yield {"id": str(number), **last}

    folder.mkdir(parents=True, exist_ok=True)
    _parquet(folder / "golden.parquet", rows())
    found += [fresh(dice) | {"truth": None} for _ in range(new - len(found))]
    dice.shuffle(found)
    _parquet(folder / "new.parquet", ({"id": f"N{number}", **row} for number, row in enumerate(found)))


def _parquet(file: Path, rows: Iterator[Row]) -> None:
    writer: pq.ParquetWriter | None = None
    while batch := list(itertools.islice(rows, 50_000)):
        columns = {name: [row[name] for row in batch] for name in batch[0]}
        types = {name: pa.date32() if name == "born" else pa.string() for name in columns}
        table = pa.table({name: pa.array(values, types[name]) for name, values in columns.items()})
        writer = writer or pq.ParquetWriter(file, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


# ---------------------------------------------------------------- people


def _person(dice: random.Random) -> Row:
    return {
        "name": _name(dice, _surname(dice)),
        "born": dt.date(1945, 1, 1) + dt.timedelta(days=dice.randrange(22_000)),
        "phone": _phone(dice),
        "city": dice.choice(CITIES),
        "street": _street(dice),
    }


def _surname(dice: random.Random) -> str:
    """The first ones are the most common, as they are in China."""
    return SURNAMES[min(int(dice.expovariate(1 / 18)), len(SURNAMES) - 1)]


def _name(dice: random.Random, surname: str) -> str:
    return surname + "".join(dice.choice(GIVEN) for _ in range(1 if dice.random() < 0.25 else 2))


def _phone(dice: random.Random) -> str:
    return f"1{dice.choice('3578')}{dice.randrange(10**9):09d}"


def _street(dice: random.Random) -> str:
    return f"{dice.choice(STREETS)}{dice.randrange(1, 400)}号"


def _relative(dice: random.Random, row: Row) -> Row:
    """Three kinds of who is easily taken for another: twin, child, and stranger of the same name."""
    kind = dice.randrange(3)
    surname = str(row["name"])[0]
    if kind == 0:
        return row | {"name": _other_name(dice, surname, row)}
    if kind == 1:
        born = dt.date(1945, 1, 1) + dt.timedelta(days=dice.randrange(22_000))
        return row | {"name": _other_name(dice, surname, row), "born": born}
    return _person(dice) | {"name": row["name"], "city": row["city"]}


def _other_name(dice: random.Random, surname: str, row: Row) -> str:
    """Brothers and sisters are not called the same, nor so that it sounds the same."""
    while True:
        name = _name(dice, surname)
        if lazy_pinyin(name) != lazy_pinyin(str(row["name"])):
            return name


def _person_elsewhere(dice: random.Random, row: Row) -> Row:
    seen = dict(row)
    seen["name"] = _name_elsewhere(dice, str(row["name"]))
    chance = dice.random()
    if chance < 0.08:
        seen["born"] = None
    elif chance < 0.12:
        seen["born"] = _mistyped_date(dice, row["born"])
    chance = dice.random()
    if chance < 0.08:
        seen["phone"] = None
    elif chance < 0.13:
        seen["phone"] = _mistyped(dice, str(row["phone"]))
    elif chance < 0.15:
        seen["phone"] = _phone(dice)
    elif chance < 0.35:
        seen["phone"] = f"+86 {str(row['phone'])[:3]} {str(row['phone'])[3:7]} {str(row['phone'])[7:]}"
    if dice.random() < 0.15:
        seen["street"] = None
    elif dice.random() < 0.05:
        seen["street"] = _street(dice)
    if dice.random() < 0.1:
        seen["city"] = None
    return seen


def _name_elsewhere(dice: random.Random, name: str) -> str:
    chance = dice.random()
    if chance < 0.15:
        first, rest = _spoken(name[0]), _spoken(name[1:])
        return dice.choice(
            [
                f"{first.title()} {rest.title()}",
                f"{rest.title()} {first.title()}",
                f"{first}{rest}",
                f"{first.upper()}, {rest}",
            ]
        )
    if chance < 0.25:
        return "".join(TRADITIONAL.get(one, one) for one in name)
    if chance < 0.33:
        at = dice.randrange(1, len(name))
        return name[:at] + dice.choice(_same_sound()[name[at]]) + name[at + 1 :]
    return name


def _spoken(text: str) -> str:
    """In Latin letters; a surname as one reads it."""
    return SURNAME_SOUNDS.get(text) or "".join(lazy_pinyin(text))


def _mistyped(dice: random.Random, text: str) -> str:
    at = dice.randrange(3, len(text))
    return text[:at] + str((int(text[at]) + dice.randrange(1, 10)) % 10) + text[at + 1 :]


def _mistyped_date(dice: random.Random, born: object) -> dt.date:
    assert isinstance(born, dt.date)
    day = born.day % 28 + 1 if dice.random() < 0.5 else born.day
    return born.replace(year=born.year - 1) if day == born.day and born.day < 29 else born.replace(day=day)


# ---------------------------------------------------------------- companies


def _company(dice: random.Random) -> Row:
    city, brand = dice.choice(CITIES), "".join(dice.choice(BRAND) for _ in range(dice.choice((2, 3, 3, 4))))
    return {
        "name": f"{city}{brand}{dice.choice(TRADES)}{dice.choice(FORMS)}",
        "tax": f"91{dice.randrange(10**15):015d}X",
        "phone": f"0{dice.randrange(10, 99)}-{dice.randrange(10**7, 10**8)}",
        "city": city,
    }


def _branch(dice: random.Random, row: Row) -> Row:
    """A sister in another town with the group's telephone, or a neighbour of another trade."""
    other, city = _company(dice), str(row["city"])
    name = str(row["name"]).removeprefix(city)
    if dice.random() < 0.5:
        town = dice.choice([one for one in CITIES if one != city])
        return other | {"name": town + name, "city": town, "phone": row["phone"]}
    for trade in TRADES:
        if trade in name:
            another = dice.choice([one for one in TRADES if one != trade])
            return other | {"name": city + name.replace(trade, another), "city": city}
    return other


def _company_elsewhere(dice: random.Random, row: Row) -> Row:
    seen, name = dict(row), str(row["name"])
    form = next(one for one in FORMS[::-1] if name.endswith(one))
    bare = name.removesuffix(form)
    chance = dice.random()
    if chance < 0.12:
        town = str(row["city"])
        spoken = f"{_spoken(town).title()} {_spoken(bare.removeprefix(town)).title()}"
        seen["name"] = f"{spoken} Co., Ltd."
    elif chance < 0.24:
        seen["name"] = "".join(TRADITIONAL.get(one, one) for one in name)
    elif chance < 0.45:
        seen["name"] = bare + dice.choice(FORMS)
    elif chance < 0.52:
        at = dice.choice([at for at, one in enumerate(bare) if one in _same_sound()])
        seen["name"] = bare[:at] + dice.choice(_same_sound()[bare[at]]) + bare[at + 1 :] + form
    if dice.random() < 0.4:
        seen["tax"] = None
    if dice.random() < 0.15:
        seen["phone"] = None
    elif dice.random() < 0.05:
        seen["phone"] = _mistyped(dice, str(row["phone"]).replace("-", ""))
    if dice.random() < 0.1:
        seen["city"] = None
    return seen
