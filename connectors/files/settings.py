"""What an integrator may say about a place of files and about one file in it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from hub.contract import Duration, FieldType, Secret, Settings

Format = Literal["csv", "ndjson", "json", "excel", "parquet"]
Encoding = Literal[
    "auto",
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "gb18030",
    "gbk",
    "big5",
    "latin-1",
    "cp1252",
    "shift_jis",
]
Character = Annotated[str, StringConstraints(pattern=r"^[\x01-\x7f]$")]
Key = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else tuple(value)),
]


class FilesSettings(Settings):
    """A folder, local or behind an fsspec URL."""

    folder: str = Field(
        description="Folder of all files: relative to the workspace's config folder, absolute, or a URL "
        "(sftp:// s3:// gs:// abfs:// webdav:// ftp:// smb:// memory://)",
        examples=["/srv/exchange/hr", "sftp://files.example.com/out"],
    )
    options: dict[str, Secret | int | bool] = Field(
        {},
        description="Options of the fsspec file system of a URL",
        examples=[{"password": "secret://hr/sftp"}],
    )


class FileResource(Settings):
    """One kind of record: a file, or all files that a pattern names."""

    path: str = Field(
        description="File below the folder; * ? [] and ** name several, read in the order of their names",
        examples=["employees.csv", "out/employees-*.ndjson"],
    )
    format: Format | None = Field(None, description="Default: by the suffix of path")
    encoding: Encoding = Field("auto", description="auto: by byte order mark, otherwise UTF-8")
    delimiter: Character | None = Field(None, description="csv: default , (tab for .tsv)", examples=[";"])
    quote: Character | None = Field('"', description="csv: quoting character; null for none")
    escape: Character | None = Field(None, description="csv: character before a quote instead of doubling it")
    header: bool = Field(True, description="csv, excel: the first line names the columns")
    columns: tuple[str, ...] = Field((), description="csv, excel without header: names of the columns")
    skip: int = Field(0, ge=0, description="csv, excel: lines before the header")
    nulls: tuple[str, ...] = Field(("",), description='csv: unquoted texts that mean no value; "" is a text')
    sheet: str | None = Field(None, description="excel: sheet; default: the first", examples=["Staff"])
    records: str = Field("", description="json: dotted path of the array of records", examples=["data.items"])
    key: Key = Field((), description="Fields that identify a record", examples=["employee_no"])
    cursor: str | None = Field(None, description="Field that grows when a record changes")
    fields: dict[str, FieldType] = Field(
        {}, description="Fields and their types", examples=[{"salary": "decimal"}]
    )
    done: str | None = Field(
        None,
        description="Marker that must exist before a file is read; {name} is the file's name",
        examples=["{name}.done", "READY"],
    )
    settle: Duration | None = Field(
        None, description="A file changed more recently than this is not read yet", examples=["30s"]
    )
    final_newline: bool = Field(
        False, description="csv, ndjson: a file whose last line has no line end counts as torn"
    )
    only_new: bool = Field(
        False, description="An incremental read skips files that are as the last read saw them"
    )
    title: str = Field("", description="Title for people")
    guard_formulas: bool = Field(
        False, description="csv, writing: a text that a spreadsheet would run gets a leading '"
    )


_SUFFIXES: dict[str, Format] = {
    "csv": "csv",
    "tsv": "csv",
    "txt": "csv",
    "ndjson": "ndjson",
    "jsonl": "ndjson",
    "json": "json",
    "xlsx": "excel",
    "xlsm": "excel",
    "parquet": "parquet",
}


def format_of(resource: FileResource) -> Format | None:
    """The declared format, or the one its suffix tells; None where neither does."""
    return resource.format or _SUFFIXES.get(resource.path.rsplit(".", 1)[-1].lower())


def several(resource: FileResource) -> bool:
    """Whether the path is a pattern."""
    return any(sign in resource.path for sign in "*?[")
