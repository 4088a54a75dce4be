"""The reward panel of one answer, and the real judge and embedder that may stand behind it."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from tests.bench.chat_fakes import serving
from tests.bench.report_fakes import line, write_run
from tests.hub.server import pointed_at, serving_hub
from workbench.bench import SentenceEmbedder, reward, reward_run, yes_no_judge
from workbench.bench.rewards.panel import EMBEDDER_STAND_IN, JUDGE_STAND_IN
from workbench.bench.rewards.stored import REWARDS_FILE
from workbench.bench.rewards.yes_no import read_yes_no
from workbench.bench.store.run_lines import current_lines
from workbench.errors import UserFacing

GOOD = "<CT_SCAN><think>A dark liver.</think><answer>steatosis</answer>"
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "fatty", "liver", "steatosis", "left", "right", "lung")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with random weights: a real sentence encoder in every way but its knowledge."""
    folder = tmp_path_factory.mktemp("encoder")
    words = Tokenizer(WordLevel({word: at for at, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(
        folder
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def test_the_parts_add_up_and_the_stand_ins_are_named() -> None:
    panel = reward(GOOD, "fatty liver", modality="CT")
    assert [part.weight for part in panel.parts] == pytest.approx([0.5175, 0.3375, 0.045, 0.10])
    assert [part.value for part in panel.parts] == [0, 0, 1, 1]
    assert panel.total == pytest.approx(0.145) == sum(part.earned for part in panel.parts)
    assert (panel.parts[0].origin, panel.parts[1].origin) == (JUDGE_STAND_IN, EMBEDDER_STAND_IN)
    assert panel.stand_ins and "stand-in" in str(panel) and "0.145" in str(panel)
    assert json.loads(json.dumps(panel.to_json()))["tag"] == "<CT_SCAN>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<CT_SCAN><think>Dark.</think><answer>B</answer>", "single character"),
        ("<CT_SCAN><think>Dark.</think><answer>ratio 1:200</answer>", 'contains ":"'),
        ("<CT_SCAN><think>Dark.</think><answer></answer>", "empty"),
        ("The answer is: fatty liver", "without answer tags"),
    ],
)
def test_why_no_accuracy_can_be_earned(text: str, said: str) -> None:
    panel = reward(text, "fatty liver", modality="CT")
    assert said in panel.zero_reason and said in panel.parts[0].reason
    assert [part.earned for part in panel.parts[:2]] == [0, 0]


def test_an_unknown_kind_of_picture_leaves_the_total_open() -> None:
    panel = reward(GOOD, "steatosis")
    assert panel.total is None and panel.parts[2].value is None
    assert (panel.lowest, panel.highest) == (pytest.approx(0.955), pytest.approx(1.0))
    assert panel.total_text == "between 0.955 and 1.000"


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("YES", True), ("no.", False), ("**Yes**", True), ("<think>Hm, no.</think>\n\nYES", True),
        ("Not sure", None), ("", None), ("<think>yes", None), ("nothing", None),
    ],
)  # fmt: skip
def test_a_judges_reply_is_read(reply: str, verdict: bool | None) -> None:
    assert read_yes_no(reply) is verdict


def test_a_served_judge_is_asked_briefly_and_once() -> None:
    with serving(lambda body: "YES") as server:
        judge = yes_no_judge(f"{server.url}#served")
        panels = [
            reward(GOOD, "fatty liver", question="What END is it?", modality="CT", judge=judge) for _ in "ab"
        ]
    assert panels[0] == panels[1] and panels[0].parts[0].value == 1 and "served" in panels[0].parts[0].origin
    assert panels[0].total == pytest.approx(0.6625)
    (body,) = server.requests
    assert (body["max_tokens"], body["temperature"]) == (4, 0)
    said = body["messages"][-1]["content"]
    assert "fatty liver" in said and "steatosis" in said and "YES or NO" in said


def test_a_judge_that_thinks_gets_room_and_one_that_babbles_leaves_the_part_open() -> None:
    with serving(lambda body: "<think>Let me" if body["max_tokens"] == 4 else "<think>x</think>NO") as server:
        panel = reward(GOOD, "fatty liver", modality="CT", judge=yes_no_judge(f"{server.url}#served"))
    assert panel.parts[0].value == 0 and len(server.requests) == 2
    with serving(lambda body: "It depends.") as server:
        panel = reward(GOOD, "fatty liver", modality="CT", judge=yes_no_judge(f"{server.url}#served"))
    assert (
        panel.parts[0].value is None and panel.total is None and "neither yes nor no" in panel.parts[0].reason
    )


def test_a_real_encoder_embeds_and_reads_its_pooling(encoder: Path, tmp_path: Path) -> None:
    mean = SentenceEmbedder(str(encoder))
    assert mean.pooling == "mean" and str(encoder) in mean.origin
    assert mean("fatty liver", "fatty liver") == pytest.approx(1, abs=1e-5)
    assert mean("fatty liver", "left lung") == pytest.approx(mean("left lung", "fatty liver"), abs=1e-5)
    assert mean("", "liver") == 0
    inputs = torch.tensor([[4, 5]])
    states = BertModel.from_pretrained(encoder).eval()(inputs).last_hidden_state[0].detach().numpy()
    first, cls = states.mean(0), SentenceEmbedder(str(encoder), "cls")
    assert mean._embed("fatty liver") == pytest.approx(first / (first @ first) ** 0.5, abs=1e-5)
    assert cls._embed("fatty liver") == pytest.approx(states[0] / (states[0] @ states[0]) ** 0.5, abs=1e-5)
    (encoder / "1_Pooling").mkdir()
    (encoder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    assert SentenceEmbedder(str(encoder)).pooling == "cls"


def test_an_encoder_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserFacing, match="can't be loaded"):
        SentenceEmbedder(str(tmp_path))


def test_an_encoder_of_the_hub_is_named_with_its_commit_and_keeps_its_pooling(
    encoder: Path, tmp_path: Path
) -> None:
    (encoder / "1_Pooling").mkdir(exist_ok=True)
    (encoder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    with serving_hub() as hub, pointed_at(hub, tmp_path / "cache"):
        commit = hub.repository("someone/encoder", encoder).refs["main"]
        found = SentenceEmbedder("someone/encoder")
        assert (found.pooling, commit[:12] in found.origin) == ("cls", True)
        assert found("left lung", "left lung") == pytest.approx(1, abs=1e-5)
        with pytest.raises(UserFacing):
            SentenceEmbedder("someone/nothing")


def test_stored_answers_are_marked_once_by_each_judge(tmp_path: Path) -> None:
    lines = [line("a", "left"), line("b", "right"), line("c", "left", error="no answer")]
    folder = write_run(tmp_path / "run", lines)
    with serving(lambda body: "YES") as server:
        judge = yes_no_judge(f"{server.url}#served")
        first = reward_run(folder, current_lines(folder), judge=judge)
        asked = len(server.requests)
        again = reward_run(folder, current_lines(folder), judge=yes_no_judge(f"{server.url}#served"))
        assert len(server.requests) == asked
    assert (first.n, first.new, again.new, again.known) == (2, 2, 0, 2)
    assert first.numbers == again.numbers
    assert len((folder / REWARDS_FILE).read_text().splitlines()) == 2
    offline = reward_run(folder, current_lines(folder))
    assert offline.new == 2 and offline.judge == JUDGE_STAND_IN
