"""The data of the inbound job: N employees as NDJSON, 14 fields, a nested address, 0.5 % bad e-mails."""

from __future__ import annotations

from pathlib import Path

import duckdb

BAD_MAIL = 200  # every so many rows
CHANGED = 100  # every so many rows differ in the changed file


def write(path: Path, rows: int, *, changed: bool = False) -> None:
    """Write the file; with ``changed`` every hundredth employee has another title. Deterministic."""
    title = f"CASE WHEN i % {CHANGED} = 7 THEN 'X' ELSE 'T' END" if changed else "'T'"
    con = duckdb.connect()
    con.execute(f"""COPY (SELECT 'E' || lpad(((i * 7919) % {rows})::VARCHAR, 9, '0') AS employee_no,
        'Given' || (i % 5000) AS given_name, '张伟' || (i % 7000) AS family_name,
        CASE WHEN i % {BAD_MAIL} = 0 THEN 'bad-mail' ELSE 'user' || i || '@example.com' END AS email,
        '138' || lpad((i % 100000000)::VARCHAR, 8, '0') AS phone, 'D' || (i % 800) AS department,
        {title} || (i % 60) AS title, (DATE '2000-01-01' + (i % 9000)::INTEGER)::VARCHAR AS hired_on,
        i % 2 = 0 AS active, round(3000 + (i % 50000) / 7.0, 2)::DECIMAL(12,2) AS salary,
        'M' || (i % 20000) AS manager_no,
        {{'street': 'Street ' || (i % 999), 'city': 'City' || (i % 300),
          'postal_code': lpad((i % 99999)::VARCHAR, 5, '0')}} AS address,
        '2026-01-01T00:00:' || lpad((i % 60)::VARCHAR, 2, '0') || 'Z' AS updated_at
        FROM range({rows}) AS t(i)) TO '{path}' (FORMAT json)""")
    con.close()


HUB = "bench"
FIELDS = {
    "employee_no": "employee_no",
    "given_name": "trim(given_name)",
    "family_name": "trim(family_name)",
    "email": "lower(email)",
    "phone": "phone",
    "department": "department",
    "title": "title",
    "hired_on": "hired_on",
    "active": "active",
    "salary": "salary",
    "manager_no": "manager_no",
    "street": "address.street",
    "city": "address.city",
    "postal_code": "address.postal_code",
}
TYPES = {
    "hired_on": "date",
    "active": "boolean",
    "salary": "decimal, digits: 12, scale: 2",
    "email": "text, format: email",
}


def workspace(folder: Path, store: str) -> None:
    """An ordinary workspace that reads the file into the model ``employee``."""
    for name in ("config/systems", "config/models", "mappings", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "config/hub.yaml").write_text(f"hub: {HUB}\nstore: {store}\n")
    (folder / "config/systems/hr.yaml").write_text(
        "system: hr\nconnector: files\nfolder: ../data\nresources:\n"
        "  employees: {path: employees.ndjson, key: employee_no, cursor: updated_at}\n"
    )
    fields = "".join(
        f"  {name}: {{type: {TYPES.get(name, 'text')}, level: L1, required: {str(name == 'employee_no').lower()}}}\n"
        for name in FIELDS
    )
    (folder / "config/models/employee.yaml").write_text(
        f"model: employee\nlevel: L1\nkey: [employee_no]\nfields:\n{fields}"
    )
    rules = "".join(f"  {name}: {rule}\n" for name, rule in FIELDS.items())
    (folder / "mappings/hr-employees.yaml").write_text(
        f"mapping: hr-employees\nfrom: hr.employees\ninto: employee\nunmatched: create\nfields:\n{rules}"
    )


def many(folder: Path, count: int) -> None:
    """A workspace of so many mappings ``m0``, ``m1``…, each into a model of its own, every 15 minutes."""
    workspace(folder, "sqlite:///hub.sqlite")
    model, mapping = folder / "config/models/employee.yaml", folder / "mappings/hr-employees.yaml"
    described, mapped = model.read_text(), mapping.read_text() + "schedule: {every: 15m}\n"
    for number in range(count):
        name = f"employee_{number}"
        (folder / f"config/models/{name}.yaml").write_text(
            described.replace("model: employee", f"model: {name}")
        )
        (folder / f"mappings/m{number}.yaml").write_text(
            mapped.replace("hr-employees", f"m{number}").replace("into: employee", f"into: {name}")
        )
    model.unlink()
    mapping.unlink()
