import copy
from typing import Any

import pytest
import yaml

from workbench.errors import UserFacing
from workbench.space.card import (
    README_FILE,
    SPACE_FILE,
    find_problems,
    front_matter_of,
    gradio_pin,
    load_space,
    render_front_matter,
    with_front_matter,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def raw() -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load(SPACE_FILE.read_text(encoding="utf-8")))


def test_readme_is_in_step_with_space_yaml() -> None:
    readme = README_FILE.read_text(encoding="utf-8")
    expected = render_front_matter(load_space().card)
    assert front_matter_of(readme) == expected, "run: python -m workbench space-card --write"


def test_the_space_runs_the_pinned_gradio_on_a_new_enough_python() -> None:
    card = load_space().card
    assert card["sdk_version"] == gradio_pin()
    assert tuple(map(int, card["python_version"].split("."))) >= (3, 11)


def test_bundled_models_are_the_enabled_ones_and_lie_in_the_repository() -> None:
    for model in load_space().models:
        assert model.enabled == (model.revision == "bundled")
        if model.enabled:
            assert model.path == f"assets/models/{model.id}"


def test_the_file_has_no_problems(raw: dict[str, Any]) -> None:
    assert find_problems(raw) == []


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("card", "hardware", "t4-small", "unknown key hardware"),
        ("card", "python_version", 3.12, "python_version must be a text"),
        ("card", "colorFrom", "teal", "colorFrom"),
        ("card", "short_description", "x" * 61, "longer than 60"),
        ("runtime", "env", {}, "runtime has the unknown key env"),
    ],
)
def test_wrong_values_are_named(raw: dict[str, Any], section: str, key: str, value: Any, words: str) -> None:
    raw[section][key] = value
    (problem,) = find_problems(raw)
    assert words in problem


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"revision": "main"}, "full commit id"),
        ({"enabled": True}, "enabled without a pinned revision"),
        ({"enabled": True, "revision": COMMIT, "safetensors": True, "licence": None}, "a licence"),
        ({"enabled": True, "revision": COMMIT, "safetensors": None, "licence": "mit"}, "safetensors"),
        ({"role": "boss"}, "unknown role"),
        ({"device": "cuda"}, "unknown keys ['device']"),
    ],
)
def test_models_must_be_pinned(raw: dict[str, Any], change: dict[str, Any], words: str) -> None:
    raw["models"][-1] |= change
    (problem,) = find_problems(raw)
    assert words in problem


def test_a_pinned_hub_model_may_be_enabled(raw: dict[str, Any]) -> None:
    raw["models"][-1] |= {"enabled": True, "revision": COMMIT, "safetensors": True, "licence": "mit"}
    assert find_problems(raw) == []


@pytest.mark.parametrize("text", ["", "- a\n", "card: {}\n", "card: [\n", "card: 1\nruntime: 2\nmodels: 3\n"])
def test_unusable_files_are_user_facing(tmp_path, text: str) -> None:
    (tmp_path / "space.yaml").write_text(text)
    with pytest.raises(UserFacing, match="space.yaml"):
        load_space(tmp_path / "space.yaml")


def test_front_matter_round_trip() -> None:
    card = {"title": "A: b", "python_version": "3.12", "tags": ["x"]}
    block = render_front_matter(card)
    assert block == "---\ntitle: 'A: b'\npython_version: '3.12'\ntags:\n- x\n---\n"
    readme = with_front_matter("# Title\n\ntext --- more\n", card)
    assert front_matter_of(readme) == block
    assert with_front_matter(readme, card) == readme
    assert with_front_matter(readme, {"title": "B"}) == "---\ntitle: B\n---\n\n# Title\n\ntext --- more\n"
    assert front_matter_of("# Title\n---\na: b\n---\n") is None
