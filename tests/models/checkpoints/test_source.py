"""Where a model is found, and with which prompts."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.models.families import tiny_configs
from tests.tiny import load_tiny, save_tiny
from workbench.doctor import as_text, examine, model_folder
from workbench.errors import UserFacing
from workbench.models.checkpoints.source import find_source
from workbench.models.templates import BARE, DEFAULT_TEMPLATES, Template, keep_templates
from workbench.places import ASSETS
from workbench.settings import Settings

OWN = {
    "trace": Template("{question} Think."),
    "short": Template("{question} Be brief."),
    "bare": BARE,
}
CPU = Settings(device="cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model trained here whose prompts are lost."""
    return save_tiny(tmp_path / "mine")


def shop(folder: Path, **entries: dict[str, object]) -> Settings:
    """A models folder with a catalogue of these entries."""
    (folder / "catalogue.json").write_text(json.dumps(entries))
    return Settings(models_dir=folder, device="cpu")


def test_a_folder_trained_here_that_lost_its_prompts_says_so(folder: Path) -> None:
    found = find_source(str(folder), CPU)
    assert found.card.templates == DEFAULT_TEMPLATES
    assert "no workbench.json" in found.card.note and "not trained on" in found.card.note
    assert load_tiny(folder).note == found.card.note


def test_with_its_prompts_there_is_nothing_to_say(folder: Path) -> None:
    keep_templates(folder, OWN)
    card = find_source(str(folder), CPU).card
    assert (card.templates, card.note) == (OWN, "")


def test_other_checkpoints_have_prompts_of_their_maker(tmp_path: Path) -> None:
    for made in (tiny_configs.save_qwen(tmp_path / "qwen", "qwen2_vl"), save_tiny(tmp_path / "plain")):
        if made.name == "plain":
            (made / "chat_template.jinja").unlink()
        assert find_source(str(made), CPU).card.note == ""


def test_the_shipped_pair_and_the_hub_have_no_note() -> None:
    for ref in ("base", "tuned", "someone/model"):
        assert find_source(ref, CPU).card.note == ""
    hub = find_source("someone/model", CPU)
    assert (hub.folder, str(hub.hub), hub.card.templates) == (None, "someone/model", DEFAULT_TEMPLATES)


def test_a_folder_under_the_models_folder_keeps_its_own_prompts(tmp_path: Path) -> None:
    """It is named without its path, which says nothing about where its prompts lie."""
    keep_templates(save_tiny(tmp_path / "mine"), OWN)
    found = find_source("mine", shop(tmp_path))
    assert found.folder == tmp_path / "mine"
    assert found.card.templates == OWN


def test_a_catalogue_name_leads_to_the_hub_at_the_pinned_revision(tmp_path: Path) -> None:
    entry = {"title": "Theirs", "location": "someone/model", "revision": "abc"}
    found = find_source("theirs", shop(tmp_path, theirs=entry))
    assert (str(found.hub), found.card.title) == ("someone/model@abc", "Theirs")


def test_an_explicit_revision_wins_over_every_pin(tmp_path: Path) -> None:
    entry = {"title": "Theirs", "location": "someone/model", "revision": "abc"}
    pinned = replace(shop(tmp_path, theirs=entry), pins={"someone/model": "def", "other/model": "012"})
    assert str(find_source("theirs", pinned).hub) == "someone/model@def"
    assert str(find_source("other/model", pinned).hub) == "other/model@012"
    for name in ("theirs", "someone/model"):
        found = find_source(f"{name}@refs/pr/4", pinned)
        assert str(found.hub) == "someone/model@refs/pr/4"
        assert (found.card.name, found.card.title) == ("theirs@refs/pr/4", "Theirs@refs/pr/4")
    other = find_source(f"other/model@{'0' * 40}", pinned)
    assert (other.card.name, other.card.revision) == ("model@000000000000", "0" * 40)


@pytest.mark.parametrize("ref", ["a/b@", "a/b@../c", "a/b@c d", "a--b/c", "a/b@/c", "a/b/c@d", "@a/b"])
def test_what_is_no_revision_is_no_model(ref: str) -> None:
    with pytest.raises(UserFacing, match="no model named"):
        find_source(ref, CPU)


def test_a_folder_may_have_an_at_sign_in_its_name(tmp_path: Path) -> None:
    assert find_source(str(save_tiny(tmp_path / "mine@home")), CPU).folder == tmp_path / "mine@home"


def test_a_bundled_model_is_never_looked_for_on_the_hub(tmp_path: Path) -> None:
    entry = {"title": "Ours", "location": "models/ours", "bundled": True}
    with pytest.raises(UserFacing, match="no model named"):
        find_source("ours", shop(tmp_path, ours=entry))


def test_the_doctor_says_it_without_calling_it_a_problem(folder: Path) -> None:
    record = examine(Settings(tuned=str(folder), device="cpu"))
    assert record["models"]["tuned"]["note"] == find_source(str(folder), CPU).card.note
    assert record["models"]["base"]["note"] == ""
    assert not any("workbench.json" in problem for problem in record["problems"])
    assert "Note: This folder has no workbench.json" in as_text(record)
    copy = shutil.copytree(ASSETS / "models" / "base", folder.parent / "copy")
    assert model_folder(CPU, str(copy))["note"] == ""
    (copy / "workbench.json").unlink()
    assert model_folder(CPU, str(copy))["note"] != ""


def test_a_model_of_which_only_figures_are_known_cannot_be_loaded() -> None:
    with pytest.raises(UserFacing, match="weights are not public"):
        find_source("openmedq", CPU)
