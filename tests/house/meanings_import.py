"""What is said of the codes of imports; see ``meanings``."""

from __future__ import annotations

IMPORT: dict[str, tuple[str, str]] = {
    "import.exists": ("the folder for what is imported is there already", "remove it, or name another by --out"),
    "import.nothing": ("no stream of a manifest could be carried over", "see the reasons that it names"),
    "import.schema": ("a schema beside a manifest is no JSON", "mend or remove it"),
}
