import json
from pathlib import Path

import pytest

from workbench.doctor import as_text, examine, find_browser, missing_files, model_folder, required_packages
from workbench.settings import Settings

FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "preprocessor_config.json",
    "model.safetensors",
)


def make_model(folder: Path, names: tuple[str, ...] = FILES) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(b"{}")
    return folder


def test_a_complete_folder_lacks_nothing(tmp_path: Path) -> None:
    assert missing_files(make_model(tmp_path / "m")) == []


def test_missing_files_are_named(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m", ("config.json",))
    assert missing_files(folder) == [
        "tokenizer.json or tokenizer.model or vocab.json",
        "tokenizer_config.json",
        "preprocessor_config.json or processor_config.json",
        "model.safetensors",
    ]


def test_every_shard_of_an_index_is_wanted(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m", FILES[:4] + ("one.safetensors",))
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert missing_files(folder) == ["two.safetensors"]
    (folder / "model.safetensors.index.json").write_text("not json")
    assert missing_files(folder) == ["a readable model.safetensors.index.json"]


def test_names_folders_and_hub_ids_are_told_apart(tmp_path: Path) -> None:
    make_model(tmp_path / "models" / "tuned")
    settings = Settings(models_dir=tmp_path / "models")
    assert model_folder(settings, "tuned")["complete"] is True
    assert model_folder(settings, "base")["missing"] == ["the folder"]
    assert model_folder(settings, "someone/model")["kind"] == "hub"
    own = make_model(tmp_path / "own", ("config.json",))
    assert model_folder(settings, str(own))["complete"] is False


def test_examination_is_json_and_names_the_missing_model(tmp_path: Path) -> None:
    make_model(tmp_path / "tuned")
    settings = Settings(models_dir=tmp_path, device="cpu")
    record = json.loads(json.dumps(examine(settings)))
    assert record["would_use"] | {"torch_threads": 0} == {
        "device": "cpu",
        "dtype": "float32",
        "torch_threads": 0,
        "network": False,
        "public": False,
    }
    assert record["packages"]["gradio"] and record["memory"]["total_gb"] > 0
    assert len(record["problems"]) == 1 and "The base model at" in record["problems"][0]
    text = as_text(record)
    assert "Would use: cpu in float32" in text and "Problem: The base model" in text


def test_hub_models_are_said_to_need_the_network(tmp_path: Path) -> None:
    make_model(tmp_path / "base")
    record = examine(Settings(models_dir=tmp_path, tuned="someone/model", device="cpu"))
    assert record["would_use"]["network"] is True
    assert record["problems"] == []


def test_required_packages_come_from_the_requirements_file() -> None:
    names = required_packages()
    assert {"torch", "transformers", "gradio"} <= set(names)
    assert all(name.replace("-", "").isalnum() for name in names)


def test_named_browser_must_be_executable(tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text("#!/bin/sh\n")
    assert find_browser({"WORKBENCH_CHROMIUM": str(browser)}) is None
    browser.chmod(0o755)
    assert find_browser({"WORKBENCH_CHROMIUM": str(browser)}) == str(browser)


def test_system_browser_is_found_on_the_path(tmp_path: Path) -> None:
    browser = tmp_path / "google-chrome"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    assert find_browser({"PATH": str(tmp_path)}) == str(browser)


def test_device_that_is_not_there_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    record = examine(Settings(models_dir=tmp_path, device="cuda"))
    assert any("cuda was asked for" in problem for problem in record["problems"])
