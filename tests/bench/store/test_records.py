"""Records and their JSON: what is left out, what stands for nothing, what is refused."""

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from workbench.bench.store.records import OPTIONAL, from_json, to_json


@dataclass(frozen=True)
class Part:
    n: int
    share: float | None


@dataclass(frozen=True)
class Whole:
    name: str
    level: Literal["low", "high"]
    parts: dict[str, Part | None]
    each: tuple[Part, ...]
    pair: tuple[int, str]
    free: Any
    sure: bool = True
    later: str | None = field(default=None, metadata=OPTIONAL)


JSON = {
    "name": "w", "level": "low", "parts": {"a": {"n": 1, "share": 2}, "b": {}},
    "each": [{"n": 3, "share": None}], "pair": [1, "x"], "free": {"any": [1]}, "sure": False,
}  # fmt: skip
WHOLE = Whole("w", "low", {"a": Part(1, 2), "b": None}, (Part(3, None),), (1, "x"), {"any": [1]}, False)


def test_json_and_record_are_the_same() -> None:
    assert from_json(Whole, JSON) == WHOLE and to_json(WHOLE) == JSON
    assert list(to_json(WHOLE)) == list(JSON)


def test_optional_fields_come_and_go() -> None:
    assert from_json(Whole, JSON | {"later": "l"}).later == "l"
    assert to_json(from_json(Whole, JSON | {"later": "l"})) == JSON | {"later": "l"}
    assert from_json(Whole, JSON | {"unknown": 1}) == WHOLE
    without = {name: value for name, value in JSON.items() if name != "sure"}
    assert from_json(Whole, without).sure is True


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1}, {"name": None}, {"level": "middle"}, {"parts": []}, {"sure": 1},
        {"parts": {"a": {"n": 1.5, "share": 1}}}, {"parts": {"a": {"n": True, "share": 1}}},
        {"each": {}}, {"each": [{"n": 1}]}, {"pair": [1]}, {"pair": ["x", 1]},
    ],
)  # fmt: skip
def test_what_is_of_another_kind_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        from_json(Whole, JSON | change)


def test_what_is_no_object_is_refused() -> None:
    for value in ([], None, "{}"):
        with pytest.raises(TypeError):
            from_json(Whole, value)
