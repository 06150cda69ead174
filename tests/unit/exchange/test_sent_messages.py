"""P2 for messages: nobody can be asked what became of one, so in doubt it goes again as the same message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from hub.contract import Change, Found, Outcome, Resource
from hub.errors import ConfigError
from tests.unit.exchange.target import Crm
from tests.unit.exchange.test_outbound import ONE, TWO, send, target
from tests.unit.exchange.world import World, some

pytestmark = pytest.mark.by_turns


@dataclass
class Post(Crm):
    """``letters`` are the ids that came, in order; ``lost`` of them get no answer."""

    letters: list[tuple[str, str]] = field(default_factory=list)
    lost: int = 0

    def resource(self, name: str) -> Resource:
        return replace(super().resource(name), messages=True)

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        return [self._letter(change) for change in changes]

    def _letter(self, change: Change) -> Outcome:
        self.letters.append((change.operation, change.id))
        if self.lost:
            self.lost -= 1
            return Outcome("unknown", code="post.lost")
        return Outcome("done", change.id)

    def find(self, resource: Resource, keys: Sequence[Any]) -> list[Found | None]:
        raise ConfigError("write.find", "a letter cannot be looked up")


@pytest.fixture
def post(world: World) -> Post:
    made = Post()
    target(world, made, delivery="{attempts: 2, retry_for: 1s, failures: 9}")
    return made


def test_a_message_in_doubt_goes_again_as_the_same_one_in_this_run_and_the_next(world: World, post: Post) -> None:
    for record, operation in ((ONE, "create"), (ONE | {"city": "Ulm"}, "update")):
        post.letters.clear()
        post.lost = 2
        assert some(send(world, record), "waiting", "applied") == {"waiting": 1, "applied": 0}
        assert some(send(world, record), "waiting", "applied") == {"waiting": 0, "applied": 1}
        assert len(post.letters) == 3
        assert {kind for kind, _ in post.letters} == {operation}
        assert len({identity for _, identity in post.letters}) == 1
        assert some(send(world, record), "applied") == {"applied": 0}


def test_a_record_that_comes_back_to_what_it_was_is_another_message(world: World, post: Post) -> None:
    for record in (ONE, ONE | {"city": "Ulm"}, ONE | {"city": "Bonn"}, ONE | {"city": "Ulm"}):
        send(world, record)
    assert len({identity for _, identity in post.letters}) == 4


def test_nothing_is_looked_up_and_the_run_says_so(world: World, post: Post) -> None:
    result = send(world, ONE, TWO)
    assert any("messages, which cannot be looked up" in note for note in result.notes)
    (note,) = [note for note in result.notes if "requests in" in note]
    assert "1 requests in" in note
    assert "predicted 1 in" in note
