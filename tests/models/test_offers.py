"""The catalogue: whole, in the words of its systems, and honest about this machine."""

import json
import re
from dataclasses import replace

import pytest

from workbench.bench.reports.published import load_published
from workbench.cli import main
from workbench.models.answer import Question
from workbench.models.catalogue import ModelCard, load_catalogue
from workbench.models.checkpoints.memory import Device
from workbench.models.offers import offers
from workbench.models.prompts import render_question
from workbench.settings import Settings

GPU = Device("cuda", 16 << 30, 16 << 30, "bfloat16", "a card of 16 GB")
ASKED = Question("Which lung?", ("left", "right"))


@pytest.fixture(scope="module")
def catalogue() -> dict[str, ModelCard]:
    return load_catalogue(Settings().models_dir)


def test_the_four_systems_and_their_bases_are_known(catalogue: dict[str, ModelCard]) -> None:
    systems = {card.system for card in catalogue.values()}
    assert {
        "OpenMedReason",
        "MediX-R1",
        "MedSSR",
        "OpenMedQ",
        "MedGemma",
        "SmolVLM",
        "Workbench Mini",
    } <= systems
    for card in catalogue.values():
        assert card.title and card.licence and card.summary and card.explains and card.abilities
        assert card.grammar and card.family and (card.kind == "published") == (not card.location)
        assert not card.base or catalogue[card.base].role == "base"
        assert card.takes_image == ("image" in card.abilities)


def test_figures_of_a_card_are_published_ones(catalogue: dict[str, ModelCard]) -> None:
    systems = {table.system for table in load_published()}
    assert {card.figures for card in catalogue.values()} - {""} <= systems


@pytest.mark.parametrize(
    ("name", "wanted", "order"),
    [
        (
            "openmedreason",
            ("<think>", "</think>", "<answer>", "letter"),
            ("Which lung?", "A. left", "<think>"),
        ),
        (
            "medix-r1-8b",
            ("<thinking>", "</thinking>", "<answer>"),
            ("<X_RAY>", "<thinking>", "Choices:\nA. left"),
        ),
        ("medssr-qwen3-8b", ("The answer is [LETTER]",), ("step by step", "Question:\nWhich", "B. right")),
    ],
)
def test_each_system_is_asked_in_its_own_way(
    catalogue: dict[str, ModelCard], name: str, wanted: tuple[str, ...], order: tuple[str, ...]
) -> None:
    card = catalogue[name]
    text = render_question(ASKED, card.templates["trace"])
    assert all(word in text for word in wanted)
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert card.templates == catalogue[card.base].templates and card.max_new_tokens >= 1500


def test_the_sixteen_tags_of_medix_are_asked_for(catalogue: dict[str, ModelCard]) -> None:
    words = catalogue["medix-r1-2b"].templates["trace"].user
    assert len(set(re.findall("<[A-Z_]+>", words))) == 16
    bare = render_question(ASKED, catalogue["medix-r1-2b"].templates["bare"])
    assert bare == "Which lung?\n\nChoices:\nA. left\nB. right"


def test_chat_models_of_medssr_get_a_system_turn_and_base_models_plain_text(
    catalogue: dict[str, ModelCard],
) -> None:
    assert "The answer is" in catalogue["llama-3.1-8b"].templates["trace"].system
    assert catalogue["qwen3-8b-base"].templates["trace"].plain


def test_what_fits_depends_on_the_machine() -> None:
    found = {offer.card.name: offer for offer in offers(Settings(), GPU)}
    assert found["tuned"].verdict == found["medix-r1-2b"].verdict == "fits"
    assert found["openmedreason"].verdict == found["qwen2.5-vl-7b"].verdict != "fits"
    assert found["medix-r1-30b"].verdict == "does not fit" and "GB" in found["medix-r1-30b"].why_not
    assert found["openmedq"].verdict == "no weights" and "not public" in found["openmedq"].why_not


def test_a_public_page_offers_what_its_owner_enabled() -> None:
    public = Settings(public=True, public_models=("base", "MBZUAI/MediX-R1-2B"))
    loadable = {
        offer.card.name for offer in offers(public, replace(GPU, free=200 << 30)) if not offer.why_not
    }
    assert loadable == {"base", "tuned", "medix-r1-2b"}


def test_the_command_lists_every_entry(
    catalogue: dict[str, ModelCard], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed] == list(catalogue)
    assert all({"verdict", "loadable", "why_not"} <= entry["here"].keys() for entry in listed)
    assert main(["models"]) == 0
    assert "CC BY-NC-SA" in capsys.readouterr().out


def test_experts_stay_at_sixteen_bit(catalogue: dict[str, ModelCard]) -> None:
    """Their fused matrices are not quantised, so four bits make a mixture of experts little smaller."""
    found = {offer.card.name: offer for offer in offers(Settings(), replace(GPU, free=200 << 30))}
    needs = found["medix-r1-30b"].fit.needs
    assert needs["4bit"] > 0.8 * needs["bfloat16"]
    needs = found["medix-r1-8b"].fit.needs
    assert needs["4bit"] < 0.5 * needs["bfloat16"]
