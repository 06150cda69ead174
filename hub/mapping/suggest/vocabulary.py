"""What fields of business systems are called: one line per meaning, in English, German, SAP's abbreviations, Chinese.

Words stand lower-cased, blanks between the parts of a name; a word that stands on its own line under no meaning is
its own meaning. Pinyin and its initials are made of the Chinese words. ``LIGHT`` are parts that narrow a meaning
little, ``ENTITIES`` what records are about: in a supplier's record, ``supplier name`` is a ``name``.
"""

from __future__ import annotations

from typing import Final

MEANINGS: Final = {
    "id": "id, code, number, no, num, nr, key, identifier, ident, nummer, schlüssel, kennung, 编号, 编码, 代码, "
    "号, 号码, 工号, 学号, 标识, uuid, guid, uid, userid, login, user id, account number, customer number, "
    "vendor number, lifnr, kunnr, matnr, partner number, external id, 编号代码, personnel number, "
    "person number, employee number, badge number, identification, personalnummer, staff number, job number, "
    "jobnumber, emp no, emp id, pernr, business key, natural key",
    "name": "name, vollname, full name, fullname, display name, displayname, formatted name, name1, title name, "
    "bezeichnung, benennung, 姓名, 名称, 全称, 全名, 名字, 名, ktext, ktxt, common name, cn, "
    "organization bp name1, legal name, company name, firmenname, firma, names, 中文名, chinese name, 显示名, "
    "real name, 实名",
    "description": "description, desc, descr, maktx, arktx, 描述, long text, ltext, langtext, beschreibung",
    "short_name": "short name, shortname, abbreviation, abbr, alias, nickname, kurzname, kurzbezeichnung, 简称, "
    "昵称, search term, search term1, sortl, mcod1, suchbegriff, short text, kurztext, nick name, abbname",
    "first_name": "first name, firstname, given name, givenname, forename, vorname, vorna, 名",
    "last_name": "last name, lastname, surname, family name, familyname, nachname, familienname, nachn, sn, 姓",
    "latin_name": "name in latin letters, name latin, latin name, english name, englishname, en name, name en, "
    "ename, pinyin, pinyin name, international name, 英文名, 英文名称, 姓名拼音, 拼音, foreign name, 外文名, "
    "name intl",
    "local_name": "local name, name local, chinese description, 中文名称, 中文描述, name zh, native name, "
    "local description, description local, localized name, name cn, cn name",
    "group": "group, account group, category group, grouping, gruppe, kontengruppe, ktokk, ktokd, 组, 分组, "
    "供应商组, 客户组, class, klasse, warengruppe, material group, matkl, matl group, product group, "
    "item group, 物料组, 分类, 物料分类, inventory class, 存货分类, group code, vendor class, customer class",
    "kind": "kind, type, art, typ, 类型, 种类, 性质, account type, partner type, customer type, material type, "
    "mtart, materialart, product type, item type, 物料类型, matl type, 物料属性, category, kategorie, 类别, "
    "kosar, category code",
    "tax": "tax number, tax id, taxid, tax number1, tax no, tax code, vat, vat number, vat id, "
    "vat registration, vat registration number, ust id, ustid, umsatzsteuer id, steuernummer, stcd1, stceg, "
    "stcd2, 税号, 纳税号, 纳税人识别号, 税务登记号, 统一社会信用代码, tin, ein, tax registration, "
    "tax register code, bp tax number, taxpayer identification number, tax registration number, 纳税人登记号, "
    "taxreg code, fiscal code",
    "country": "country, country code, country key, countrycode, land, land1, ländercode, länderschlüssel, "
    "staat, 国家, 国家地区, 国别, 国家代码, country region, country iso, nation",
    "region": "region, state, province, state province, regio, bundesland, provinz, 省, 省份, 州, region code",
    "district": "district, county, 区, 区县, ort02, borough",
    "city": "city, town, city name, ort, ort01, stadt, 城市, 市, locality, municipality, l, work city, "
    "office city, base city",
    "street": "street, street name, street address, streetaddress, address, address line, address line1, "
    "address1, addr, strasse, straße, stras, anschrift, adresse, 街道, 地址, 详细地址, 通讯地址, road, "
    "street and number, 联系地址, unit address, 单位地址",
    "house_number": "house number, hausnummer, hausn, house num1, building number, 门牌号",
    "postal": "postal code, postalcode, post code, postcode, zip, zip code, zipcode, plz, pstlz, postleitzahl, "
    "post code1, 邮编, 邮政编码, zip postal code",
    "email": "email, e mail, mail, email address, emailaddress, smtp addr, smtp address, mail address, "
    "mailadresse, e mail adresse, 邮箱, 电子邮件, 电子邮箱, 邮件, 企业邮箱, work email, company email, "
    "org email, biz mail, enterprise email, primary email, email id, default email",
    "phone": "phone, phone number, telephone, telephone number, telephonenumber, tel, telf1, tel number, "
    "telefon, telefonnummer, rufnummer, 电话, 电话号码, 联系电话, 座机, 办公电话, 固定电话, business phone, "
    "work phone, office phone, phone number1, phone1, international phone number, landline, telefon1, tel no, "
    "hand phone",
    "mobile": "mobile, mobile phone, mobile number, mobile phone number, cell, cell phone, cellphone, cellular, "
    "handy, mobiltelefon, handynummer, telf2, mob number, 手机, 手机号, 手机号码, 移动电话, mobile tel",
    "fax": "fax, fax number, telefax, telfx, 传真, 传真号, facsimile, facsimile telephone number",
    "website": "website, web site, homepage, url, web address, www, 网址, 主页, home page, internet address",
    "blocked": "blocked, is blocked, block, sperr, gesperrt, gesperrt kz, frozen, is frozen, locked, is locked, "
    "已冻结, 冻结, 停用, 禁用, disabled, is disabled, forbidden, forbid status, inactive, is inactive, "
    "central block, posting is blocked, sperrkennzeichen, business partner is blocked, stopped, on hold, hold",
    "active": "active, is active, enabled, enable, is enabled, aktiv, in use, valid, is valid, 有效, 启用, "
    "在职, 是否有效, is activated, activated, active flag, is open",
    "status": "status, state code, zustand, 状态, lifecycle status",
    "deleted": "deleted, is deleted, deletion indicator, deletion flag, loevm, lvorm, löschkennzeichen, "
    "is archived, 已删除, is marked for archiving, marked for deletion",
    "payment_terms": "payment terms, terms of payment, payment term, zterm, zahlungsbedingung, "
    "zahlungsbedingungen, 付款条件, 收付款条件, pay terms, payment condition, pay condition, 付款方式, "
    "payment terms code, terms code",
    "currency": "currency, currency code, waers, währung, 币种, 币别, 货币, 结算币种",
    "credit_limit": "credit limit, credit line, kreditlimit, klimk, 信用额度, credit amount, 信用限额, "
    "max credit",
    "rating": "rating, account rating, credit rating, bewertung, 评级, 信用等级, credit grade, 等级, grade, "
    "bonität, credit level",
    "bank": "bank, bank name, bankname, banka, 银行, 开户行, 开户银行, bank key, bankl, bank institution, "
    "depositary bank",
    "bank_code": "bank number, bank code, routing number, blz, bankleitzahl, bnkcode, 联行号, sort code",
    "swift": "swift, swift code, bic, swift bic, bic code",
    "iban": "iban, iban code",
    "account": "account, bank account, bank account number, account no, bankn, konto, kontonummer, 账号, "
    "银行账号, 账户, bank account no, bank acc number, koinh number, 银行帐号, 帐号",
    "account_holder": "account holder, account holder name, bank account holder name, koinh, kontoinhaber, "
    "户名, 账户名",
    "buyer": "buyer, purchaser, einkäufer, 采购员, purchasing agent, ekgrp, purchasing group, 采购负责人, "
    "purchase person",
    "owner": "owner, account owner, owner id, account manager, responsible, verantwortlich, verantwortlicher, "
    "负责人, 客户经理, 所有者, responsible user, owner user id, account owner in the crm",
    "sales_rep": "sales representative, sales rep, salesman, salesperson, sales person, sales employee, "
    "vertreter, vertriebsmitarbeiter, 销售代表, 业务员, 销售员, 专管业务员, sales man, seller, 分管业务员",
    "company": "company, company code, bukrs, buchungskreis, firmenschlüssel, legal entity, 公司, 公司代码, "
    "法人公司, 所属公司, subcompany, business unit, 单位, 所属组织, 使用组织",
    "cost_center": "cost center, cost centre, costcenter, kostl, kostenstelle, 成本中心, cost centers, cost ctr",
    "profit_center": "profit center, profit centre, prctr, profitcenter, 利润中心",
    "department": "department, dept, abteilung, abtei, abt, org unit, organization unit, organisational unit, "
    "orgeh, organizational unit, org, ou, 部门, 所属部门, 主部门, 组织, 部门编号, department id, dept id, "
    "main department, division unit, departments, department ids, dept name, 所在部门, department number, "
    "organisationseinheit",
    "parent": "parent, parent id, parentid, superior, superior unit, part of, higher level, übergeordnet, "
    "oberabteilung, parent account, parent department, parent organization, parent dept, parent code, 上级, "
    "上级部门, 父级, 父部门, 上级编号, parent department id, parent open department id, po id parent, "
    "poidparent, parent org, 上级组织, 父编码, belongs to, up code",
    "manager": "manager, supervisor, leader, boss, line manager, reports to, direct leader, vorgesetzter, 上级, "
    "直属上级, 直接上级, 主管, 上级主管, direct manager, manager id, reporting manager, leader user id, "
    "leader id, direct leader id, 直线经理",
    "head": "head, head of department, department head, leiter, abteilungsleiter, 部门负责人, dept manager, "
    "department manager, leader of department, person in charge, department leader, 主管人",
    "position": "position, job title, jobtitle, job, job name, title, post, planstelle, plans, stelle, "
    "stelltext, funktion, 职位, 职务, 岗位, 岗位名称, role title, occupation, 职位名称, post name, "
    "position title, job position, job code, job post, duty",
    "hired": "hired, hire date, hiredate, hired on, date hired, start date, startdate, entry date, entrydate, "
    "eintritt, eintrittsdatum, join date, joining date, joined, join time, onboarding date, employment start, "
    "入职日期, 入职时间, 入职, date of joining, original start date, begin date, employed since, date of hire, "
    "working since",
    "left": "left, leave date, leaving date, termination date, terminated, end date, enddate, exit date, "
    "austritt, austrittsdatum, employment end, resign date, resignation date, separation date, 离职日期, "
    "离职时间, 离职, last work date, contract end date, date left, departure date, leave time, dimission date, "
    "last date",
    "birth": "birth, birth date, birthdate, birthday, date of birth, dob, geburtsdatum, gbdat, 生日, 出生日期, "
    "出生年月",
    "birth_place": "birth place, birthplace, place of birth, geburtsort, birthplace name, country of birth, "
    "city of birth, 籍贯",
    "gender": "gender, sex, gesch, geschlecht, 性别, gender code, is male, is female",
    "nationality": "nationality, citizenship, staatsangehörigkeit, natio, 国籍, 民族",
    "language": "language, locale, sprache, spras, language code, 语言, correspondence language, "
    "default language, preferred language",
    "hours": "hours per week, hours, weekly hours, weekly working hours, working hours, standard hours, "
    "wochenstunden, wostd, 每周工时, 工时, 周工时, std hours, standard weekly hours, contract hours",
    "national_id": "national id, national identifier, id card, id card number, identity card, identity number, "
    "ssn, social security number, personalausweis, 身份证, 身份证号, 身份证号码, 证件号, 证件号码, id no, "
    "iid card, identity no, i d number, resident id, passport number, cert no, certificate no",
    "unit": "unit, unit of measure, base unit, base unit of measure, uom, meins, basismengeneinheit, "
    "mengeneinheit, einheit, 单位, 计量单位, 基本单位, 主计量单位, measure unit, unit code, base uom, "
    "stock unit, main unit, 基本计量单位",
    "net_weight": "net weight, net weight kg, netweight, ntgew, nettogewicht, 净重, weight net",
    "gross_weight": "gross weight, grossweight, brgew, bruttogewicht, 毛重, weight gross, weight",
    "weight_unit": "weight unit, unit of weight, gewe, gewei, gewichtseinheit, 重量单位",
    "gtin": "gtin, ean, ean11, ean upc, upc, barcode, bar code, international article number, 条码, 商品条码, "
    "条形码, ean number, global trade item number, ean code, item barcode",
    "size": "size, dimension, dimensions, groes, größe, 规格, 规格型号, specification, model spec, inv std, "
    "spec, size dimension",
    "valid_from": "valid from, valid from date, validity start date, validity start, datab, gültig ab, "
    "effective from, effective date, begda, 生效日期, 启用日期, valid since, begin of validity, "
    "start of validity, activation date, from date",
    "valid_to": "valid to, valid until, validity end date, validity end, datbi, gültig bis, effective to, "
    "expiry date, endda, 失效日期, 停用日期, expiration date, deactivation date, to date, end of validity",
    "created_at": "created at, created, creation date, created date, create time, createtime, creation time, "
    "ersda, erdat, angelegt am, 创建时间, 创建日期, date created, created on, created utc, created time, "
    "date created utc, when created, entry created",
    "created_by": "created by, created by user, creator, create user, ernam, angelegt von, 创建人, author, "
    "created by id",
    "changed_at": "changed at, changed on, last changed, last change date, last changed date, last change time, "
    "modified, modified at, modified date, last modified, last modified date, updated, updated at, update time, "
    "updatetime, laeda, aedat, geändert am, 修改时间, 更新时间, 修改日期, last modified at, date updated utc, "
    "modify time, system modstamp, mtime, write date, last modified date time, when changed",
    "changed_by": "changed by, last changed by, last changed by user, modified by, updated by, "
    "last modified by id, aenam, 修改人",
    "industry": "industry, industry code, branche, brsch, mbrsh, 行业, 所属行业, sector, industry sector, trade",
    "contact": "contact, contact person, contact name, ansprechpartner, kontakt, 联系人, primary contact, "
    "linkman",
    "photo": "photo, avatar, picture, image, jpeg photo, profile picture, 头像, 照片, bild, photo url, "
    "thumb avatar",
    "remark": "remark, remarks, note, notes, memo, comment, comments, bemerkung, 备注, 说明, annotation, "
    "background info",
    "order": "order, sort order, sort, sequence, reihenfolge, 排序, position order, show order, ordinal",
    "salary": "salary, wage, pay, gehalt, 工资, 薪资, fix salary, base salary",
    "division": "division, sparte, spart, 事业部",
    "plant": "plant, werk, werks, factory, 工厂",
    "office": "office, office location, location, work location, standort, building, 办公地点, 工作地点, "
    "work place, workplace, physical delivery office name, room, 办公室",
    "level": "job level, level, stufe, 职级, job grade, pay grade, rank",
    "employment_type": "employment type, employee type, employee class, 员工类型, 用工形式, mitarbeitergruppe, "
    "persg, worker type",
    "age": "age, 年龄, seniority, service years, 工龄, 司龄",
    "crm_id": "crm id, account in the crm, crm account, crm number, crm 客户号",
    "external": "external, extern, external system, third party",
    "revenue": "revenue, annual revenue, umsatz, turnover, 营业额",
    "headcount": "number of employees, employees, headcount, mitarbeiterzahl, 员工人数",
    "latitude": "latitude, lat, breitengrad, 纬度",
    "longitude": "longitude, lng, lon, längengrad, 经度",
    "price": "price, list price, unit price, preis, 价格, 单价, 售价",
}  # fmt: skip
"""Meaning → what it is called, separated by commas."""

LIGHT: Final = {
    "id": 0.35, "full": 0.25, "main": 0.2, "primary": 0.2, "default": 0.2, "1": 0.1, "text": 0.2, "value": 0.2,
    "is": 0.0, "standard": 0.3, "current": 0.2, "display": 0.2, "own": 0.2, "work": 0.3, "business": 0.3,
    "company": 0.5, "the": 0.0, "of": 0.0, "to": 0.0, "in": 0.0, "for": 0.0, "by": 0.1, "f": 0.0, "c": 0.0,
    "a": 0.0, "z": 0.0, "z1": 0.0, "zz": 0.0, "custom": 0.2, "attr": 0.0, "attributes": 0.0, "info": 0.1,
    "fields": 0.0, "general": 0.1, "basic": 0.1, "and": 0.0, "flag": 0.1, "indicator": 0.1, "nav": 0.0,
    "data": 0.1, "date": 0.3, "time": 0.3, "name": 0.5, "kind": 0.5, "sap": 0.1, "billing": 0.3, "mailing": 0.35,
    "shipping": 0.4, "home": 0.4, "private": 0.5, "2": 0.4, "3": 0.5, "4": 0.6, "5": 0.6, "所在": 0.0,
    "是否": 0.0, "所属": 0.0, "当前": 0.1, "的": 0.0, "主": 0.2, "本": 0.1,
}  # fmt: skip
"""How much of a field's meaning such a part is, beside others; what is not named here counts 1."""

RELATED: Final = (
    {"name", "description"}, {"hired", "valid_from"}, {"left", "valid_to"}, {"owner", "sales_rep"}, {"manager", "head"},
)  # fmt: skip
"""Meanings that one field has for one system, and another for the next."""

ENTITIES: Final = {
    "supplier": "supplier, vendor, lieferant, kreditor, creditor, business partner, partner, bp, 供应商, ven, "
    "geschäftspartner, account, suppliers, vend, supp",
    "customer": "customer, client, kunde, debitor, debtor, business partner, partner, bp, 客户, cus, cust, "
    "account, organisation, organization, geschäftspartner, customers, 往来单位",
    "employee": "employee, person, user, worker, staff, member, personnel, people, mitarbeiter, 员工, 人员, "
    "用户, emp, psn, hr, contact, inet org person, individual, psndoc, 职员",
    "department": "department, dept, dep, organization, org, org unit, unit, division, abteilung, 部门, 组织, "
    "deptdoc",
    "material": "material, product, item, article, goods, artikel, 物料, 存货, 产品, 商品, inventory, inv, "
    "matl, mat, stock, part, general material, mara, invmanage",
    "cost_center": "cost center, cost centre, costcenter, kostenstelle, 成本中心, cost ctr",
    "bank_account": "bank account, bank, bankverbindung, 银行账户, bp bank, business partner bank, partner bank",
    "person": "person, people, human, 人, contact, employee, user",
}  # fmt: skip
"""What records are about, by the words that tables and models are named with."""
