"""Adapters: one copy of the weights, each pass with the right side, nothing left by one that misfits."""

import gc
import json
import shutil
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

from tests.models.families import tiny_configs as tiny
from tests.tiny import load_tiny, picture, save_tiny
from workbench import explain
from workbench.bench.asking.run_key import adapter_of, model_facts
from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain.evidence_cache import evidence_key
from workbench.models.catalogue import ModelCard
from workbench.models.checkpoints.adapters import base_candidates, last_name, read_adapter
from workbench.models.loading import load_model, load_models, load_pair
from workbench.models.session import LoadedModel
from workbench.settings import Settings

CPU = Settings(device="cpu")
KINDS = {
    "lora": {},
    "dora": {"use_dora": True, "use_rslora": True},
    "with modules": {"modules_to_save": ["lm_head"]},
    "text alone": {"target_modules": ["q_proj", "v_proj"]},
}


def save_adapter(base: Path, folder: Path, **settings) -> Path:
    """An adapter with random numbers, as peft writes it; its merged model lies in `folder/merged`."""
    config = json.loads((base / "config.json").read_text())
    auto = AutoModelForImageTextToText if "vision_config" in config else AutoModelForCausalLM
    raw = auto.from_pretrained(base)
    torch.manual_seed(1)
    adapted = get_peft_model(raw, LoraConfig(r=4, **{"target_modules": "all-linear"} | settings))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * (0.2 if "lora_B" in name else 0.02))
    adapted.save_pretrained(folder)
    for path in base.iterdir():
        if path.name != "model.safetensors":
            (folder / "merged").mkdir(exist_ok=True)
            shutil.copy(path, folder / "merged")
    adapted.merge_and_unload().save_pretrained(folder / "merged")
    return folder


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory) -> Path:
    return tiny.save_qwen(tmp_path_factory.mktemp("base") / "base", "qwen2_5_vl")


@pytest.fixture(scope="module")
def adapter(base_folder, tmp_path_factory) -> Path:
    return save_adapter(base_folder, tmp_path_factory.mktemp("adapter") / "tuned")


@pytest.fixture
def pair(base_folder, adapter) -> tuple[LoadedModel, LoadedModel]:
    base = load_tiny(base_folder)
    return base, load_model(str(adapter), settings=CPU, base=base)


def scores(model: LoadedModel) -> torch.Tensor:
    """Logits of one question about one picture, `[N, V]`."""
    inputs = model.prepare(tiny.ASK, picture(60, 30)).inputs
    with model.lock, torch.inference_mode():
        return model.model(**inputs).logits[0]


@pytest.mark.parametrize("kind", KINDS)
def test_base_is_bit_identical_and_tuned_is_the_merged_model(base_folder, tmp_path, kind):
    folder = save_adapter(base_folder, tmp_path / "tuned", **KINDS[kind])
    alone, merged = load_tiny(base_folder), load_tiny(folder / "merged")
    base = load_tiny(base_folder)
    tuned = load_model(str(folder), settings=CPU, base=base)
    assert base.model is tuned.model
    for _ in range(2):
        assert torch.equal(scores(base), scores(alone))
        assert torch.allclose(scores(tuned), scores(merged), atol=1e-4)
    assert not torch.allclose(scores(tuned), scores(base), atol=1e-3)
    assert not any(parameter.requires_grad for parameter in tuned.model.parameters())


@pytest.mark.parametrize("kind", ["llava", "qwen3_vl", "qwen3", "gemma3"])
def test_adapters_of_other_families(tmp_path, kind):
    save = {"llava": save_tiny, "gemma3": tiny.save_gemma3}.get(kind)
    save = save or (lambda folder: (tiny.save_text if kind == "qwen3" else tiny.save_qwen)(folder, kind))
    folder = save_adapter(save(tmp_path / "base"), tmp_path / "tuned")
    base = load_tiny(tmp_path / "base")
    tuned = load_model(str(folder), settings=CPU, base=base)
    image = picture(60, 30) if tuned.takes_image else None
    prompt = tuned.prepare(tiny.ASK, image)
    ids = [20, 21, 22]
    merged = load_tiny(folder / "merged").teacher_force(prompt, ids).logprobs
    assert np.abs(tuned.teacher_force(prompt, ids).logprobs - merged).max() < 1e-3
    alone = load_tiny(tmp_path / "base").teacher_force(prompt, ids).logprobs
    assert np.array_equal(base.teacher_force(prompt, ids).logprobs, alone)


def test_an_adapter_alone_brings_its_base(adapter, base_folder):
    tuned = load_model(str(adapter), settings=CPU)
    assert tuned.weights.users == 1
    assert torch.allclose(scores(tuned), scores(load_tiny(adapter / "merged")), atol=1e-4)
    assert tuned.revision.startswith(load_tiny(base_folder).revision + "+")


def test_a_base_folder_may_lie_beside_its_adapter(base_folder, adapter, tmp_path):
    shutil.copytree(base_folder, tmp_path / "base")
    moved = shutil.copytree(adapter, tmp_path / "tuned")
    config = json.loads((moved / "adapter_config.json").read_text())
    for named in ("../base", "/another/machine/base"):
        (moved / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": named}))
        settings = Settings(device="cpu", base=str(tmp_path / "base"))
        assert load_model(str(moved), settings=settings).adapter


def test_interleaved_from_two_threads(pair):
    """Both sides answer at once, token by token; each answer is the one that its side gives alone."""
    prompts = [model.prepare(tiny.ASK, picture(60, 30)) for model in pair]
    alone = [model.generate(prompt, tiny.GREEDY) for model, prompt in zip(pair, prompts, strict=True)]
    assert alone[0].ids != alone[1].ids
    found: dict[int, list] = {0: [], 1: []}

    def answer(side: int) -> None:
        for _ in range(3):
            *_, last = pair[side].stream(prompts[side], tiny.GREEDY)
            found[side].append(last)

    threads = [threading.Thread(target=answer, args=(side,)) for side in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for side in (0, 1):
        assert [one.ids for one in found[side]] == [alone[side].ids] * 3
        assert all(np.allclose(one.logprobs, alone[side].logprobs, atol=1e-5) for one in found[side])


def test_nested_sides(pair):
    base, tuned = pair
    before, after = scores(base), scores(tuned)
    with base.lock:
        with tuned.lock:
            assert torch.equal(scores(base), before)
            assert torch.equal(scores(tuned), after)
            inputs = tuned.prepare(tiny.ASK, picture(60, 30)).inputs
            assert torch.equal(tuned.model(**inputs).logits[0], after)
        assert torch.equal(base.model(**inputs).logits[0], before)


def test_no_pass_without_a_side(pair):
    inputs = pair[0].prepare(tiny.ASK, picture(60, 30)).inputs
    with pytest.raises(RuntimeError, match="without holding"):
        pair[0].model(**inputs)


@pytest.mark.parametrize("method", ["attention_mean", "logit_attribution", "input_gradient", "occlusion"])
def test_maps_of_both_sides_and_their_difference(pair, base_folder, method):
    base, tuned = pair
    prompt, image = tuned.prepare(tiny.ASK, picture(60, 30)), picture(60, 30)
    case = AnsweredCase.of(tuned, prompt, image, tuned.generate(prompt, tiny.GREEDY))
    span = explain.all_span(case.answer)
    found = explain.compare(case, base, tuned, [span], method)
    alone = explain.compare(case, load_tiny(base_folder), tuned, [span], method)
    assert np.array_equal(found.base_maps[0].values, alone.base_maps[0].values)
    assert np.abs(found.maps[0].values).max() > 0
    assert np.allclose(found.maps[0].values, found.tuned_maps[0].values - found.base_maps[0].values)


def test_every_registered_method_runs_on_the_right_side(pair, adapter):
    """Each method's map of the tuned side is that of the merged model; the guard would stop a stray pass."""
    tuned, merged = pair[1], load_tiny(adapter / "merged")
    image = picture(24, 24)
    prompt = tuned.prepare(tiny.ASK, image)
    answer = tuned.generate(prompt, tiny.GREEDY)
    for name in explain.METHODS:
        maps = []
        for model in (tuned, merged):
            case = AnsweredCase.of(model, prompt, image, answer)
            maps.append(explain.explain(case, explain.all_span(answer), name))
        assert type(maps[0]) is type(maps[1]), name
        if isinstance(maps[0], explain.HeatMap) and name not in ("greedy_search",):
            scale = max(np.abs(maps[1].values).max(), 1e-3)
            assert np.abs(maps[0].values - maps[1].values).max() < 0.05 * scale, name


@pytest.mark.parametrize("method", ["text_occlusion", "text_gradient"])
def test_words_are_scored_on_the_right_side(pair, adapter, method):
    tuned, merged = pair[1], load_tiny(adapter / "merged")
    image = picture(24, 24)
    prompt = tuned.prepare(tiny.ASK, image)
    answer = tuned.generate(prompt, tiny.GREEDY)
    cases = [AnsweredCase.of(model, prompt, image, answer) for model in (tuned, merged)]
    ours, theirs = (case.explain_text("all", method).values for case in cases)
    assert np.abs(ours - theirs).max() < 0.05 * max(np.abs(theirs).max(), 1e-3)


def test_sides_have_keys_of_their_own(pair, adapter):
    base, tuned = pair
    assert adapter_of(base) == ""
    assert adapter_of(tuned) == f"tuned:{read_adapter(adapter).digest}"
    assert model_facts(base)["revision"] != model_facts(tuned)["revision"]
    prompt = base.prepare(tiny.ASK, picture(60, 30))
    answer = base.generate(prompt, tiny.GREEDY)
    assert evidence_key(base, prompt, answer) != evidence_key(tuned, prompt, answer)


def test_memory_is_counted_once(pair, base_folder):
    base, tuned = pair
    alone = load_tiny(base_folder)
    assert base.parameters == alone.parameters
    assert base.memory_bytes == alone.memory_bytes
    assert 0 < tuned.memory_bytes < base.memory_bytes
    assert tuned.parameters == base.parameters + tuned.memory_bytes // 4


def test_an_adapter_for_another_base_is_refused_and_leaves_nothing(adapter, tmp_path, base_folder):
    other = load_tiny(save_tiny(tmp_path / "other"))
    before, names = scores(other), [name for name, _ in other.model.named_parameters()]
    with pytest.raises(UserFacing) as fault:
        load_model(str(adapter), settings=CPU, base=other)
    assert str(base_folder) in fault.value.message and "other" in fault.value.message
    assert [name for name, _ in other.model.named_parameters()] == names
    assert torch.equal(scores(other), before)


@pytest.mark.parametrize("damage", ["shape", "missing", "unexpected"])
def test_weights_that_do_not_fit_leave_nothing(adapter, base_folder, tmp_path, damage):
    folder = shutil.copytree(adapter, tmp_path / "broken")
    state = load_file(folder / "adapter_model.safetensors")
    key = next(name for name in state if "layers.1.self_attn.q_proj.lora_A" in name)
    value = state.pop(key)
    if damage == "shape":
        state[key] = torch.zeros(value.shape[0], value.shape[1] + 1)
    if damage == "unexpected":
        state |= {key: value, key.replace("layers.1", "layers.7"): value.clone()}
    save_file(state, folder / "adapter_model.safetensors")
    base = load_tiny(base_folder)
    before, names = scores(base), [name for name, _ in base.model.named_parameters()]
    with pytest.raises(UserFacing, match="does not fit"):
        load_model(str(folder), settings=CPU, base=base)
    assert [name for name, _ in base.model.named_parameters()] == names
    assert torch.equal(scores(base), before)
    assert not hasattr(base.model, "peft_config")


@pytest.mark.parametrize(
    "change, said",
    [
        ({"bias": "all"}, "biases"),
        ({"peft_type": "IA3"}, "only LoRA"),
        ({"init_lora_weights": "pissa"}, "pissa"),
    ],
)
def test_adapters_that_change_their_base_are_refused(adapter, tmp_path, change, said):
    folder = shutil.copytree(adapter, tmp_path / "odd")
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | change))
    with pytest.raises(UserFacing, match=said):
        load_model(str(folder), settings=CPU)


def test_a_damaged_adapter_is_named(adapter, tmp_path):
    folder = shutil.copytree(adapter, tmp_path / "cut")
    whole = (folder / "adapter_model.safetensors").read_bytes()
    (folder / "adapter_model.safetensors").write_bytes(whole[:500])
    with pytest.raises(UserFacing, match="cut off or damaged"):
        load_model(str(folder), settings=CPU)
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(UserFacing, match="lacks adapter_model.safetensors"):
        load_model(str(folder), settings=CPU)


def test_a_base_that_is_not_here_is_named(adapter, tmp_path):
    folder = shutil.copytree(adapter, tmp_path / "lost")
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(
        json.dumps(config | {"base_model_name_or_path": "/no/such/model"})
    )
    with pytest.raises(UserFacing, match="/no/such/model"):
        load_model(str(folder), settings=CPU)


def test_the_catalogues_base_comes_first(adapter):
    files = read_adapter(adapter)
    card = ModelCard("a", "A", "owner/a")
    assert base_candidates(files, card, "")[0] == files.base
    assert last_name("unsloth/Qwen2.5-VL-7B-Instruct-unsloth-bnb-4bit") == last_name(
        "/models/Qwen2.5-VL-7B-Instruct/"
    )


def test_unloading_one_side_keeps_the_other(pair, base_folder):
    base, tuned = pair
    expected = scores(tuned)
    base.unload()
    assert torch.equal(scores(tuned), expected)
    with pytest.raises(UserFacing, match="was unloaded"):
        scores(base)
    again = load_tiny(base_folder)
    names = [name for name, _ in again.model.named_parameters()]
    second = load_model(tuned.card.location, settings=CPU, base=again)
    second.unload()
    assert [name for name, _ in again.model.named_parameters()] == names
    assert torch.equal(scores(again), scores(load_tiny(base_folder)))


def test_unloaded_memory_goes_though_a_case_is_kept(base_folder):
    model = load_tiny(base_folder)
    prompt, image = model.prepare(tiny.ASK, picture(60, 30)), picture(60, 30)
    case = AnsweredCase.of(model, prompt, image, model.generate(prompt, tiny.GREEDY))
    held = weakref.ref(model.model)
    model.unload()
    model.unload()
    gc.collect()
    assert held() is None
    assert case.words and str(case)
    assert (str(model.dtype), model.memory_bytes, model.loaded) == ("torch.float32", 0, False)
    with pytest.raises(UserFacing, match="was unloaded"):
        case.explain("occlusion", span="all")


def test_a_pair_shares_its_weights(base_folder, adapter):
    base, tuned = load_pair(str(base_folder), str(adapter), CPU)
    assert base.model is tuned.model and base.adapter == "" and tuned.adapter
    same = load_pair(str(base_folder), f"{base_folder}/", CPU)
    assert same[0] is same[1]
    tuned, base, whole = load_models([str(adapter), str(base_folder), str(adapter / "merged")], CPU)
    assert tuned.model is base.model is not whole.model


def test_a_pair_with_an_adapter_for_another_base_is_refused(adapter, tmp_path):
    other = save_tiny(tmp_path / "other")
    with pytest.raises(UserFacing, match="was made for .*base.* does not fit 'other'"):
        load_pair(str(other), str(adapter), CPU)
    assert len({model.weights for model in load_models([str(other), str(adapter)], CPU)}) == 2


def test_an_adapter_with_the_module_names_of_older_versions_is_the_same(base_folder, adapter, tmp_path):
    """Before transformers 4.52 the tower was `visual`, and the text decoder's layers stood in `model`."""
    older = Path(shutil.copytree(adapter, tmp_path / "older"))
    numbers = load_file(older / "adapter_model.safetensors")
    names = {"base_model.model.model.language_model.": "base_model.model.model.",
             "base_model.model.model.visual.": "base_model.model.visual."}  # fmt: skip
    for new, old in names.items():
        assert any(key.startswith(new) for key in numbers)
        numbers = {key.replace(new, old): value for key, value in numbers.items()}
    save_file(numbers, older / "adapter_model.safetensors")
    both = [load_model(str(at), settings=CPU, base=load_tiny(base_folder)) for at in (adapter, older)]
    torch.testing.assert_close(scores(both[0]), scores(both[1]), rtol=0, atol=1e-6)
