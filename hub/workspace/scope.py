"""What the checks across files share: the names there are, and reporting about one object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hub.errors import Finding
from hub.workspace.build import Built
from hub.workspace.explain import Loc, dotted, suggest
from hub.workspace.gather import Gathered
from hub.workspace.workspace import Kind

Names = Mapping[Kind, frozenset[str]]


def names_of(gathered: Gathered) -> Names:
    """All names by kind, those of broken files as well: they are known, only not usable."""
    kinds: tuple[Kind, ...] = ("system", "model", "codes", "client", "mapping")
    there = (*gathered.files, *gathered.broken)
    return {kind: frozenset(name for its, name in there if its == kind) for kind in kinds}


@dataclass(frozen=True, slots=True)
class Scope:
    """One object under check; paths are places inside its file."""

    built: Built
    names: Names
    kind: Kind
    name: str
    findings: list[Finding]

    def error(
        self, path: Loc, code: str, message: str, hint: str = "", *, level: str = "error", key: bool = False
    ) -> None:
        place = self.built.files[self.kind, self.name].place(path, key=key)
        self.findings.append(Finding(*place, level, code, message, hint))

    def written(self, path: Loc) -> bool:
        """Whether this place stands in the file; a default does not."""
        return len(self.built.files[self.kind, self.name].walk(path)) == len(path)

    def known(self, wanted: Kind, word: str, path: Loc, *, key: bool = False) -> bool:
        """Whether an object of that kind and name exists; a finding where it does not."""
        if word in self.names[wanted]:
            return True
        what, code = ("code list", "list") if wanted == "codes" else (wanted, wanted)
        hint = suggest(word, self.names[wanted]) or f"there is no {what} yet"
        message = f'{dotted(path)}: there is no {what} "{word}"'
        self.error(path, f"reference.{code}", message, hint, key=key)
        return False

    def fields(
        self, words: Iterable[tuple[str, Loc]], known: Iterable[str], whose: str, *, key: bool = False
    ) -> None:
        """Every word is one of the known fields."""
        there = set(known)
        for word, path in words:
            if word not in there:
                self.error(
                    path, "reference.field", f'{whose} has no field "{word}"', suggest(word, there), key=key
                )

    def once(self, words: Sequence[str], path: Loc) -> None:
        """No word stands twice."""
        for index, word in enumerate(words):
            if word in words[:index]:
                message = f'{dotted(path)}: "{word}" stands there twice'
                self.error((*path, index), "name.duplicate", message, "remove one of the two")
