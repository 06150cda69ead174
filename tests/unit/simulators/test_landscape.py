from __future__ import annotations

import re
from collections import Counter

from connectors.simulators import landscape


def test_the_same_seed_gives_the_same_data() -> None:
    assert landscape.suppliers() == landscape.suppliers()
    assert landscape.employees() == landscape.employees()
    assert landscape.suppliers(1) != landscape.suppliers(2)


def test_the_landscape_has_its_size() -> None:
    assert len(landscape.suppliers()) == 120
    assert len(landscape.cost_centers()) == 60
    assert len(landscape.materials()) == 300
    assert len(landscape.employees()) == 250
    assert len(landscape.departments()) == 20


def test_codes_are_unique_but_for_the_one_entered_twice() -> None:
    twice = [
        number for number, count in Counter(it.number for it in landscape.employees()).items() if count > 1
    ]
    assert twice == ["E00087"]
    assert len({it.code for it in landscape.cost_centers()}) == 60
    taxes = Counter(it.tax_number for it in landscape.suppliers())
    assert [count for count in taxes.values() if count > 1] == [2]


def test_references_hold() -> None:
    departments = {it.code for it in landscape.departments()}
    assert {it.parent for it in landscape.departments()} - {None} <= departments
    assert {it.department for it in landscape.employees()} == departments
    assert {it.department for it in landscape.cost_centers()} == departments
    ids = {it.id for it in landscape.employees()} | {None}
    assert [it.id for it in landscape.employees() if it.manager not in ids] == [190]


def test_every_bad_record_of_the_list_is_bad() -> None:
    suppliers = {it.code: it for it in landscape.suppliers()}
    employees = {it.id: it for it in landscape.employees()}
    materials = {it.code: it for it in landscape.materials()}
    email = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
    date = re.compile(r"\d{4}-\d\d-(?!30)\d\d|\d{4}-(?!02)\d\d-30")
    assert [code for code, it in suppliers.items() if not it.name] == ["1000017"]
    assert [code for code, it in suppliers.items() if it.place.country not in landscape.COUNTRIES] == [
        "1000031"
    ]
    assert [code for code, it in suppliers.items() if not email.fullmatch(it.email)] == ["1000044"]
    assert suppliers["1000058"].tax_number == suppliers["1000057"].tax_number
    assert "\n" in suppliers["1000101"].name
    assert [code for code, it in materials.items() if not it.descriptions] == ["MD-00123"]
    assert materials["MD-00207"].gtin == materials["MD-00206"].gtin
    assert [key for key, it in employees.items() if not email.fullmatch(it.email)] == [13]
    assert [key for key, it in employees.items() if it.last_name is None] == [37]
    assert [key for key, it in employees.items() if not date.fullmatch(it.hired)] == [64, 141]
    assert employees[119].place.country == "XX"


def test_numbers_with_a_check_digit_are_right() -> None:
    codes = [it.tax_number for it in landscape.suppliers() if it.tax_type == "CN5"]
    assert codes
    assert all(re.fullmatch(r"[0-9A-HJ-NPQRTUWXY]{18}", code) for code in codes)
    for it in landscape.materials():
        digits = [int(digit) for digit in it.gtin]
        assert (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0
    ibans = [it.iban for it in landscape.suppliers() if it.iban]
    assert all(int(iban[4:] + "1314" + iban[2:4]) % 97 == 1 for iban in ibans)


def test_the_names_are_of_several_scripts_and_nobody_real_is_called() -> None:
    employees = landscape.employees()
    assert sum(bool(it.name_local) for it in employees) > 150
    assert any("ü" in (it.last_name or "") or "ß" in (it.last_name or "") for it in employees)
    assert all(it.email.endswith((".example", "@")) for it in employees)
    assert all(it.email.endswith(".example") for it in landscape.suppliers())
