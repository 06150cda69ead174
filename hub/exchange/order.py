"""In which order the exchanges of a workspace follow each other when all of them run."""

from __future__ import annotations

from hub.mapping.conditions import creates
from hub.workspace.shape import MappingFile
from hub.workspace.workspace import Workspace

STEPS = ("inbound", "pass", "outbound")


def run_order(workspace: Workspace) -> list[str]:
    """All enabled mappings: inbound before pass-through before outbound. Among the inbound ones, who fills
    a model before who refers to it, so that few records have to wait; and who creates its entities before
    who only adds to them, so that few stay unmatched. By name where nothing else decides. What systems only push
    is not among them."""
    rank = _ranks(workspace)

    def place(mapping: MappingFile) -> tuple[int, int, bool, str]:
        if mapping.direction != "inbound":
            return STEPS.index(mapping.direction), 0, False, mapping.mapping
        depth = max((rank.get(output.into, 0) for output in mapping.outputs), default=0)
        adds = all(not creates(output) for output in mapping.outputs)
        return 0, depth, adds, mapping.mapping

    runs = (one for one in workspace.mappings.values() if one.enabled and not _pushed(workspace, one))
    return [mapping.mapping for mapping in sorted(runs, key=place)]


def _pushed(workspace: Workspace, mapping: MappingFile) -> bool:
    """Whether only a worker can run it: its system pushes, and nothing can be asked of it."""
    system = workspace.systems.get(mapping.from_.partition(".")[0]) if "." in mapping.from_ else None
    return system is not None and system.only_pushes


def _ranks(workspace: Workspace) -> dict[str, int]:
    """How deep the chain of references below each model is; a circle ends where it has gone round."""
    below = {
        name: {field.model for field in model.fields.values() if field.model in workspace.models} - {name}
        for name, model in workspace.models.items()
    }
    ranks = dict.fromkeys(below, 0)
    for _ in below:
        deeper = {
            name: max((ranks[other] + 1 for other in others if other), default=0)
            for name, others in below.items()
        }
        if deeper == ranks:
            break
        ranks = deeper
    return ranks
