"""Registries: order, names, installed packages, and what is said of an unknown name."""

from dataclasses import dataclass
from typing import Any

import pytest

from workbench import registry as registry_module
from workbench.errors import UserFacing
from workbench.registry import Registry


@dataclass(frozen=True)
class Named:
    name: str


class Point:
    """An installed package's entry point."""

    def __init__(self, name: str, found: Any) -> None:
        self.name, self.found = name, found

    def load(self) -> Any:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[Point]:
    points: list[Point] = []
    monkeypatch.setattr(
        registry_module, "entry_points", lambda group: points if group == "workbench.things" else []
    )
    return points


def things() -> Registry[Named]:
    return Registry("thing", "workbench.things", (Named("one"), Named("two")))


def test_own_entries_then_installed_then_registered(installed: list[Point]) -> None:
    installed += [Point("a", Named("three")), Point("b", [Named("four"), Named("five")])]
    found = things()
    found.register(Named("six"))
    assert [*found] == ["one", "two", "three", "four", "five", "six"] and len(found) == 6
    assert found["four"] == Named("four")
    found.unregister("six")
    assert "six" not in found


def test_an_unknown_name_is_a_sentence_with_the_known_ones() -> None:
    with pytest.raises(UserFacing, match="no thing named 'x'") as fault:
        things().get_or_raise("x")
    assert "one, two" in str(fault.value)
    assert things().get_or_raise("one") == Named("one") and things().get("x") is None


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="already"):
        things().register(Named("one"))


def test_a_broken_installed_entry_takes_nothing_else_away(installed: list[Point], caplog: Any) -> None:
    installed += [Point("bad", ImportError("gone")), Point("good", Named("three"))]
    assert [*things()] == ["one", "two", "three"]
    assert "bad" in caplog.text
