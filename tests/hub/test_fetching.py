"""Hub ids: the commit that is meant, what is fetched, what is used without a network, and every refusal."""

import errno
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from tests.hub.server import TOKEN, Hub, Repository
from tests.tiny import save_tiny
from workbench.errors import UserFacing
from workbench.models.catalogue import ModelCard
from workbench.models.checkpoints.folder import adapter_base, missing_files
from workbench.models.checkpoints.hub import LoadProgress
from workbench.models.checkpoints.source import Source, fetch_source
from workbench.models.loading import load_model
from workbench.models.templates import Template, keep_templates
from workbench.settings import Settings
from workbench.training.sft.cli import LoraSpec, find_model, load_trainable

NAME = "someone/model"
CPU = Settings(device="cpu")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same architecture twice, with other weights."""
    place = tmp_path_factory.mktemp("made")
    return [save_tiny(place / str(seed), seed=seed) for seed in (0, 1)]


@pytest.fixture
def folder(checkpoints: list[Path], tmp_path: Path) -> Path:
    """A checkpoint that a test may change."""
    return shutil.copytree(checkpoints[0], tmp_path / "files")


@pytest.fixture
def repository(hub: Hub, folder: Path) -> Repository:
    return hub.repository(NAME, folder)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """huggingface_hub waits between its tries; nobody waits here."""
    monkeypatch.setattr("huggingface_hub.file_download.time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=lambda seconds: None))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[None]]:
    """Call it to be offline from then on."""
    yield lambda: monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def fetch(ref: str = NAME, settings: Settings = CPU) -> Source:
    return fetch_source(ref, settings)


def refused(ref: str = NAME, settings: Settings = CPU) -> str:
    """The sentence and the hint of a refusal, which never name an exception's class."""
    with pytest.raises(UserFacing) as fault:
        load_model(ref, settings=settings)
    assert fault.value.hint and "Error" not in str(fault.value)
    return str(fault.value)


def test_what_is_loaded_is_known_by_its_commit(hub: Hub, repository: Repository, folder: Path) -> None:
    model = load_model(NAME, settings=CPU)
    assert [model.revision] == list(repository.commits)
    assert (model.name, model.label) == ("model", NAME)
    assert sorted(hub.fetched) == sorted(path.name for path in folder.iterdir() if path.suffix != ".md")


def test_a_second_load_fetches_nothing_and_a_new_commit_only_what_changed(
    hub: Hub, repository: Repository, checkpoints: list[Path]
) -> None:
    first = fetch()
    hub.fetched.clear()
    assert fetch() == first and hub.fetched == []
    second = repository.commit(checkpoints[1])
    assert fetch().revision == second and hub.fetched == ["model.safetensors"]
    assert fetch(f"{NAME}@{first.revision}").revision == first.revision
    assert hub.fetched == ["model.safetensors"]


def test_branches_tags_and_commits_are_understood(repository: Repository, checkpoints: list[Path]) -> None:
    first = repository.refs["main"]
    repository.refs["v1.0"] = first
    branch = repository.commit(checkpoints[1], branch="refs/pr/4")
    names = {"main": first, "v1.0": first, "refs/pr/4": branch, first: first, branch: branch}
    for revision, commit in names.items():
        found = fetch(f"{NAME}@{revision}")
        assert (found.revision, found.folder.name) == (commit, commit)


def test_what_is_no_model_file_stays_on_the_hub(hub: Hub, folder: Path) -> None:
    for name in (
        "pytorch_model.bin",
        "model.gguf",
        "modeling_own.py",
        "README.md",
        "consolidated.safetensors",
    ):
        (folder / name).write_bytes(b"x")
    (folder / "original").mkdir()
    (folder / "original" / "params.json").write_text("{}")
    hub.repository(NAME, folder)
    fetch()
    assert not {"pytorch_model.bin", "model.gguf", "modeling_own.py", "README.md"} & set(hub.fetched)
    assert not {"consolidated.safetensors", "original/params.json"} & set(hub.fetched)
    fetch(settings=replace(CPU, allow_remote_code=True))
    assert "modeling_own.py" in hub.fetched


def test_a_mirror_that_lists_no_files_is_asked_for_its_tree(repository: Repository, monkeypatch) -> None:
    info = {"id": NAME, "sha": repository.refs["main"]}
    monkeypatch.setattr("tests.hub.server._info", lambda *_: info)
    assert load_model(NAME, settings=CPU).revision == repository.refs["main"]


def test_progress_counts_the_bytes(hub: Hub, repository: Repository, folder: Path) -> None:
    heard: list[LoadProgress] = []
    load_model(NAME, settings=CPU, progress=heard.append)
    done = [(step.done, step.total) for step in heard if step.phase == "download"]
    assert [done for done, _ in done] == sorted(done for done, _ in done)
    assert done[-1][0] == done[-1][1] == sum(path.stat().st_size for path in folder.iterdir())
    assert heard[-1] == LoadProgress("load")


def test_a_fetch_can_be_stopped_and_taken_up(hub: Hub, repository: Repository) -> None:
    stop = threading.Event()

    def listen(step: LoadProgress) -> None:
        if "config.json" in hub.fetched:
            stop.set()

    with pytest.raises(UserFacing, match="was stopped"):
        fetch_source(NAME, CPU, progress=listen, stop=stop)
    assert "model.safetensors" not in hub.fetched
    before = hub.fetched.count("config.json")
    fetch()
    assert hub.fetched.count("config.json") == before


def test_offline_a_branch_is_the_commit_that_it_was(
    repository: Repository, checkpoints: list[Path], offline
) -> None:
    first = fetch().revision
    second = repository.commit(checkpoints[1])
    offline()
    assert fetch().revision == fetch(f"{NAME}@main").revision == first
    assert "reached" not in fetch(f"{NAME}@{first}").card.note + fetch().card.note
    said = refused(f"{NAME}@{second}")
    assert second in said and "not on this machine" in said and "HF_HUB_OFFLINE" in said
    assert load_model(NAME, settings=CPU).revision == first


def test_without_a_network_the_copy_is_used_and_said(hub: Hub, repository: Repository, monkeypatch) -> None:
    first = fetch().revision
    for fault in ("down", "gone"):
        hub.down = True
        if fault == "gone":
            monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
        found = fetch()
        assert found.revision == first and "hub can't be reached" in found.card.note
        assert "reached" not in fetch(f"{NAME}@{first}").card.note
    said = refused("other/model")
    assert "not on this machine" in said and "can't be reached" in said and "network" in said


def test_half_a_snapshot_is_not_used_offline(repository: Repository, patient, offline) -> None:
    repository.drops["model.safetensors"] = 5000
    assert "connection broke" in refused()
    offline()
    assert "not on this machine" in refused()
    assert "lacks model.safetensors" in refused(f"{NAME}@{repository.refs['main']}")


def test_a_broken_transfer_keeps_what_came_whole(hub: Hub, repository: Repository, patient) -> None:
    repository.drops["model.safetensors"] = 5000
    said = refused()
    assert "connection broke" in said and "kept" in said
    hub.fetched.clear()
    repository.drops.clear()
    assert load_model(NAME, settings=CPU).revision == repository.refs["main"]
    assert set(hub.fetched) == {"model.safetensors"}


@pytest.mark.parametrize("key", [None, TOKEN])
def test_a_gated_model_says_where_to_accept(key, hub: Hub, repository: Repository, monkeypatch) -> None:
    repository.access = "not accepted"
    if key:
        monkeypatch.setenv("HF_TOKEN", key)
    said = refused()
    assert "gated" in said and f"Accept the terms on {hub.url}/{NAME}" in said
    assert ("HF_TOKEN" in said) == (key is None)
    repository.access = "gated"
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert fetch().revision == repository.refs["main"] and hub.leaked == []


@pytest.mark.parametrize("key", [None, TOKEN])
def test_what_is_not_there_or_private_is_one_sentence(key, repository: Repository, monkeypatch) -> None:
    if key:
        monkeypatch.setenv("HF_TOKEN", key)
    said = refused("no/such")
    assert "no model no/such on the hub that you may read" in said and "HF_TOKEN" in said
    if key is None:
        repository.access = "private"
        assert "that you may read" in refused()


def test_a_wrong_token_and_a_wrong_revision_are_told(repository: Repository, monkeypatch) -> None:
    assert "no revision 'v9'" in refused(f"{NAME}@v9")
    assert "no revision '000" in refused(f"{NAME}@{'0' * 40}")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "does not know your access token" in refused()


def test_a_pin_that_is_not_there_is_never_main(repository: Repository) -> None:
    pinned = replace(CPU, pins={NAME: "1" * 40})
    assert "no revision '111" in refused(settings=pinned)
    assert fetch(f"{NAME}@main", pinned).revision == repository.refs["main"]


def test_a_full_disk_is_told_before_and_during(repository: Repository, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        free = SimpleNamespace(free=10)
        patch.setattr(
            "workbench.models.checkpoints.hub.shutil", SimpleNamespace(disk_usage=lambda folder: free)
        )
        assert "too full" in refused() and "HF_HOME" in refused()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    assert "disk became full" in refused()


def test_a_repository_of_other_weights_is_refused_before_they_are_fetched(hub: Hub, folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.gguf")
    hub.repository(NAME, folder)
    assert "llama.cpp" in refused() and "--endpoint" in refused()
    (folder / "model.gguf").rename(folder / "pytorch_model.bin")
    hub.repository(NAME, folder)
    said = refused()
    assert "pickle" in said and "safetensors" in said
    assert hub.fetched == []


@pytest.mark.parametrize(
    "shard", ["pytorch_model-1.bin", "../model.safetensors", "/etc/model.safetensors", "a\\..\\b.safetensors"]
)
@pytest.mark.parametrize("on_hub", [True, False])
def test_an_index_may_only_name_safetensors_of_its_own_folder(
    shard: str, on_hub: bool, hub: Hub, folder: Path
) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": shard}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    hub.repository(NAME, folder)
    said = refused(NAME if on_hub else str(folder))
    assert repr(shard) in said and "not loaded" in said
    assert "model-00001-of-00002.safetensors" not in hub.fetched


def test_shards_are_fetched_as_the_index_names_them(hub: Hub, folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    from safetensors import safe_open

    with safe_open(folder / "model-00001-of-00001.safetensors", framework="np") as weights:
        index = {"weight_map": dict.fromkeys(weights.keys(), "model-00001-of-00001.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index | {"metadata": {}}))
    hub.repository(NAME, folder)
    assert load_model(NAME, settings=CPU).parameters > 0
    (folder / "model-00001-of-00001.safetensors").unlink()
    (folder / "other.safetensors").write_bytes(b"x")
    hub.repository("other/model", folder)
    assert "lacks model-00001-of-00001.safetensors" in refused("other/model")


def test_a_damaged_file_is_named(hub: Hub, folder: Path) -> None:
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    hub.repository(NAME, folder)
    for ref in (NAME, str(folder)):
        assert "weights file model.safetensors" in refused(ref) and "damaged" in refused(ref)
    weights.write_bytes(whole)
    (folder / "tokenizer.json").write_text("{ half")
    assert "file tokenizer.json" in refused(str(folder))


@pytest.mark.parametrize(
    ("method", "package"),
    [
        ("awq", "gptqmodel"),
        ("gptq", "gptqmodel"),
        ("compressed-tensors", "compressed-tensors"),
        ("hqq", "hqq"),
    ],
)
def test_quantised_weights_name_the_package_they_need(method: str, package: str, folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": method, "bits": 4, "load_in_4bit": True}
    (folder / "config.json").write_text(json.dumps(config))
    said = refused(str(folder))
    assert f"quantised with {method}" in said and f"pip install {package}" in said


def test_an_adapter_is_known_and_whole_by_its_own_rules(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "their/base"}))
    assert adapter_base(folder) == "their/base"
    assert missing_files(folder) == ["adapter_model.safetensors"]
    (folder / "adapter_model.bin").write_bytes(b"x")
    assert "pickle" in refused(str(folder))
    (folder / "adapter_model.safetensors").write_bytes(b"x")
    assert missing_files(folder) == []
    hub.repository("their/adapter", folder)
    found = fetch("their/adapter")
    assert adapter_base(found.folder) == "their/base"
    assert set(hub.fetched) == {"adapter_config.json", "adapter_model.safetensors"}


def test_prompts_that_lie_in_the_repository_are_its_own(hub: Hub, folder: Path) -> None:
    own = {"trace": Template("{question} Think."), "short": Template("{question} Be brief.")}
    keep_templates(folder, own)
    hub.repository(NAME, folder)
    found = fetch().card
    assert found.templates | own == found.templates and found.note == ""


def test_a_public_page_loads_the_enabled_commit_alone(
    repository: Repository, checkpoints: list[Path], folder: Path
) -> None:
    pin = repository.refs["main"]
    repository.commit(checkpoints[1])
    public = Settings(device="cpu", public=True, public_models=("base", NAME), pins={NAME: pin})
    for ref in (NAME, f"{NAME}@{pin}"):
        assert fetch(ref, public).revision == pin
        assert fetch("tuned", replace(public, tuned=ref)).revision == pin
    for ref in (f"{NAME}@main", "other/model", str(folder)):
        assert "public page" in refused(ref, public)
        for role in ("base", "tuned"):
            assert "public page" in refused(role, replace(public, **{role: ref}))


def test_a_card_of_the_catalogue_keeps_its_words(repository: Repository, tmp_path: Path) -> None:
    entry = {
        "title": "Theirs",
        "location": NAME,
        "templates": {"trace": "{question} A", "short": "{question} B"},
    }
    (tmp_path / "catalogue.json").write_text(json.dumps({"theirs": entry}))
    card: ModelCard = fetch("theirs", replace(CPU, models_dir=tmp_path)).card
    assert (card.title, card.revision) == ("Theirs", repository.refs["main"])
    assert card.templates["trace"].user == "{question} A"


def test_an_adapter_that_is_trained_names_the_hub_model_and_its_commit(repository: Repository) -> None:
    commit = repository.refs["main"]
    repository.refs["v1"] = commit
    origin = find_model(f"{NAME}@v1", CPU)
    made, _ = load_trainable(origin, LoraSpec(), seed=0)
    config = made.peft_config["default"]
    assert (config.base_model_name_or_path, config.revision) == (NAME, commit)
