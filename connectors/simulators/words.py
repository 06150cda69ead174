"""The words that the invented company group is made of."""

from __future__ import annotations

# city (pinyin and characters), region, postal code, country, street
PLACES_CN = [
    ("Suzhou 苏州", "320", "215021", "CN", "Xinghu Street 星湖街"),
    ("Shanghai 上海", "020", "201203", "CN", "Zhangheng Road 张衡路"),
    ("Shenzhen 深圳", "190", "518057", "CN", "Keyuan Road 科苑路"),
    ("Hangzhou 杭州", "130", "310052", "CN", "Binkang Road 滨康路"),
    ("Wuxi 无锡", "320", "214135", "CN", "Linghu Avenue 菱湖大道"),
    ("Changzhou 常州", "320", "213164", "CN", "Keji Road 科技路"),
    ("Dongguan 东莞", "190", "523808", "CN", "Songshan Road 松山路"),
    ("Chengdu 成都", "230", "611731", "CN", "Tianyu Road 天宇路"),
    ("Wuhan 武汉", "170", "430074", "CN", "Gaoxin Avenue 高新大道"),
    ("Qingdao 青岛", "250", "266101", "CN", "Songling Road 松岭路"),
]
PLACES_ABROAD = [
    ("Tuttlingen", "08", "78532", "DE", "Donaustraße"),
    ("München", "09", "80331", "DE", "Sendlinger Straße"),
    ("Boston", "MA", "02110", "US", "Federal Street"),
    ("Minneapolis", "MN", "55401", "US", "Washington Avenue"),
    ("Osaka", "27", "530-0001", "JP", "Umeda"),
    ("Zürich", "ZH", "8005", "CH", "Hardstrasse"),
]
SYLLABLES = [
    ("sheng", "晟"),
    ("he", "禾"),
    ("rui", "芮"),
    ("ze", "泽"),
    ("ling", "凌"),
    ("qiao", "峤"),
    ("yun", "昀"),
    ("song", "嵩"),
    ("lan", "岚"),
    ("ke", "珂"),
    ("chen", "琛"),
    ("hao", "灏"),
    ("xin", "昕"),
    ("tuo", "拓"),
    ("miao", "淼"),
    ("jing", "璟"),
    ("zhi", "祉"),
    ("yu", "钰"),
    ("bo", "铂"),
    ("you", "酉"),
]
TRADES = [
    ("Precision Machinery", "精密机械"),
    ("Medical Plastics", "医用塑料"),
    ("Packaging", "包装材料"),
    ("Electronics", "电子科技"),
    ("Sterilization Services", "灭菌服务"),
    ("Metal Products", "金属制品"),
    ("Biomaterials", "生物材料"),
    ("Optics", "光学仪器"),
    ("Tubing", "导管"),
    ("Logistics", "物流"),
    ("Textiles", "纺织品"),
    ("Chemicals", "化工"),
    ("Sensors", "传感器"),
    ("Printing", "印刷"),
]
STEMS = {
    "DE": ["Brandtn", "Kesselb", "Tannh", "Wiedenf", "Lohr", "Staufn"],
    "US": ["Alder", "Copper", "Granite", "Harbor", "Juniper", "Maple"],
    "JP": ["Aosora", "Hinode", "Kawabe", "Minato", "Sakae", "Tsubame"],
    "CH": ["Albis", "Limmat", "Rigi", "Sihl", "Säntis", "Uetli"],
}
STEM_ENDS = {
    "DE": ["er", "erg", "auer", "elder"],
    "US": ["forge", "ridge", "field", "brook"],
    "JP": ["", "ya", "wa", "no"],
    "CH": ["ner", "tal", "berg", "au"],
}
FORMS = {
    "DE": ["GmbH", "GmbH & Co. KG", "AG"],
    "US": ["Inc.", "LLC", "Corp."],
    "JP": ["K.K.", "Co., Ltd."],
    "CH": ["AG", "GmbH"],
}
# name, number, SWIFT; invented, in the form of each country
BANKS = {
    "CN": [
        ("Lanhai Commercial Bank 岚海商业银行", "999305000018", "LHCBCNB1"),
        ("Taihu Bank 太湖银行", "999302000027", "THBKCNS1"),
    ],
    "DE": [("Donaubank", "99990001", "DNBKDEF1"), ("Albbank", "99990002", "ALBKDES1")],
    "US": [("Harbor Trust", "999000019", "HBTRUS31")],
    "JP": [("Hinode Bank", "9990017", "HNDBJPJ1")],
    "CH": [("Limmat Bank", "99917", "LMBKCHZ1")],
}
INDUSTRIES = ["0001", "0007", "0012", "0020", "0033"]

# code, name, local name, parent, company, cost centre
DEPARTMENTS = [
    ("D100", "Lanhai Medical Group", "岚海医疗集团", None, "1000", "1100"),
    ("D110", "Finance", "财务部", "D100", "1000", "1110"),
    ("D111", "Accounting", "会计处", "D110", "1000", "1111"),
    ("D120", "Human Resources", "人力资源部", "D100", "1000", "1120"),
    ("D130", "Information Technology", "信息技术部", "D100", "1000", "1130"),
    ("D140", "Quality and Regulatory Affairs", "质量与法规部", "D100", "1000", "1140"),
    ("D150", "Research and Development", "研发中心", "D100", "1000", "1150"),
    ("D151", "Interventional Devices", "介入器械研究室", "D150", "1000", "1151"),
    ("D152", "Imaging", "影像研究室", "D150", "1000", "1152"),
    ("D160", "Suzhou Works", "苏州工厂", "D100", "1000", "1160"),
    ("D161", "Moulding", "注塑车间", "D160", "1000", "1161"),
    ("D162", "Assembly", "装配车间", "D160", "1000", "1162"),
    ("D163", "Warehouse", "仓储物流部", "D160", "1000", "1163"),
    ("D170", "Purchasing", "采购部", "D100", "1000", "1170"),
    ("D180", "Sales China", "国内销售部", "D100", "1000", "1180"),
    ("D190", "Service", "售后服务部", "D100", "1000", "1190"),
    ("D200", "Lanhai Medizintechnik GmbH", "岚海医疗德国公司", "D100", "2000", "2100"),
    ("D210", "Tuttlingen Works", "图特林根工厂", "D200", "2000", "2110"),
    ("D300", "Lanhai Medical Inc.", "岚海医疗美国公司", "D100", "3000", "3100"),
    ("D310", "Sales Americas", "美洲销售部", "D300", "3000", "3110"),
]
COST_PURPOSES = [("", "", "W"), ("Projects", "项目", "E"), ("Training", "培训", "H")]

# noun, local noun, material type, group, unit
GOODS = [
    ("Guide Wire", "导丝", "FERT", "MD-INT", "EA"),
    ("Balloon Catheter", "球囊导管", "FERT", "MD-INT", "EA"),
    ("Introducer Sheath", "导引鞘", "FERT", "MD-INT", "EA"),
    ("Infusion Set", "输液器", "FERT", "MD-INF", "EA"),
    ("Syringe", "注射器", "FERT", "MD-INF", "EA"),
    ("Bone Screw", "接骨螺钉", "FERT", "MD-ORT", "EA"),
    ("Forceps", "手术钳", "FERT", "MD-SUR", "EA"),
    ("Retractor", "牵开器", "FERT", "MD-SUR", "EA"),
    ("PTFE Tube", "聚四氟乙烯管", "ROH", "RM-PLA", "M"),
    ("Polycarbonate Granulate", "聚碳酸酯粒料", "ROH", "RM-PLA", "KG"),
    ("Luer Connector", "鲁尔接头", "HALB", "SF-CON", "EA"),
    ("Sterile Pouch", "灭菌袋", "VERP", "PK-STE", "EA"),
    ("Folding Carton", "折叠纸盒", "VERP", "PK-CAR", "EA"),
    ("Pressure Sensor", "压力传感器", "ROH", "RM-ELE", "EA"),
]
SIZES = ["0.014in", "0.035in", "2.5 mm", "4 mm", "5 ml", "10 ml", "6F", "8F", "120 mm", "200 mm"]
QUALITIES = [
    ("Standard", "标准型"),
    ("Coated", "涂层"),
    ("Sterile", "无菌"),
    ("Reusable", "可重复使用"),
    ("Single-use", "一次性"),
]

FAMILIES = [
    ("wang", "王"),
    ("li", "李"),
    ("zhang", "张"),
    ("liu", "刘"),
    ("chen", "陈"),
    ("yang", "杨"),
    ("zhao", "赵"),
    ("huang", "黄"),
    ("zhou", "周"),
    ("wu", "吴"),
    ("xu", "徐"),
    ("sun", "孙"),
    ("ma", "马"),
    ("zhu", "朱"),
    ("hu", "胡"),
    ("lin", "林"),
    ("guo", "郭"),
    ("he", "何"),
    ("gao", "高"),
    ("luo", "罗"),
    ("lü", "吕"),
    ("ouyang", "欧阳"),
    ("zeng", "曾"),
    ("shan", "单"),
]
GIVEN = [
    ("wei", "伟"),
    ("fang", "芳"),
    ("na", "娜"),
    ("min", "敏"),
    ("jing", "静"),
    ("lei", "磊"),
    ("jun", "军"),
    ("yang", "洋"),
    ("yan", "燕"),
    ("jie", "杰"),
    ("tao", "涛"),
    ("chao", "超"),
    ("ping", "平"),
    ("gang", "刚"),
    ("xin", "欣"),
    ("yu", "宇"),
    ("hao", "浩"),
    ("kai", "凯"),
    ("ting", "婷"),
    ("xue", "雪"),
    ("bo", "博"),
    ("nan", "楠"),
    ("rui", "睿"),
    ("zi", "子"),
    ("xuan", "轩"),
    ("han", "涵"),
]
FIRST = {
    "DE": ["Anna", "Jürgen", "Sabine", "Matthias", "Katrin", "Jörg", "Lena", "Uwe", "Franziska", "Björn"],
    "US": ["Emily", "James", "Olivia", "Marcus", "Grace", "Daniel", "Sofía", "Tyler", "Hannah", "Andre"],
}
LAST = {
    "DE": [
        "Müller",
        "Groß",
        "Weiß",
        "Schäfer",
        "Vogel",
        "Krüger",
        "von der Heide",
        "Böhm",
        "Maier",
        "Seidel",
    ],
    "US": [
        "O'Connor",
        "Smith-Jones",
        "Nguyen",
        "Ramírez",
        "Baker",
        "Lee",
        "Washington",
        "D'Angelo",
        "Kim",
        "Cole",
    ],
}
LEADER = ("Head of Department", "部门负责人")
POSITIONS = [
    ("Engineer", "工程师"),
    ("Senior Engineer", "高级工程师"),
    ("Specialist", "专员"),
    ("Technician", "技术员"),
    ("Operator", "操作工"),
    ("Buyer", "采购员"),
    ("Accountant", "会计"),
    ("Sales Manager", "销售经理"),
    ("Clinical Specialist", "临床专员"),
    ("Quality Inspector", "质检员"),
]
PLAIN = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "ß": "ss",
        "í": "i",
        "'": "",
        " ": "-",
    }
)
