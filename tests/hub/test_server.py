"""The local hub does what huggingface_hub expects of a hub."""

import threading
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.hub.server import TOKEN, Hub, pointed_at, serving_hub

NAME = "someone/model"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    (made / "more").mkdir(parents=True)
    (made / "config.json").write_text('{"a": 1}')
    (made / "more" / "b.txt").write_text("b")
    (made / "model.safetensors").write_bytes(bytes(range(256)) * 40)
    return made


def test_a_snapshot_holds_every_file_of_its_commit(hub: Hub, folder: Path) -> None:
    repository = hub.repository(NAME, folder)
    first = HfApi().model_info(NAME).sha
    here = Path(snapshot_download(NAME))
    assert here.name == first
    for name in ("config.json", "more/b.txt", "model.safetensors"):
        assert (here / name).read_bytes() == (folder / name).read_bytes()
    (folder / "config.json").write_text('{"a": 2}')
    second = repository.commit(folder)
    assert second != first and HfApi().model_info(NAME).sha == second
    assert HfApi().model_info(NAME, revision=first).sha == first
    with pytest.raises(RevisionNotFoundError):
        HfApi().model_info(NAME, revision="0" * 40)


def test_large_files_come_from_the_storage_which_sees_no_token(hub: Hub, folder: Path, monkeypatch) -> None:
    hub.repository(NAME, folder, access="gated")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    snapshot_download(NAME)
    assert "model.safetensors" in hub.fetched
    assert len(hub.blobs) == 1 and hub.leaked == []


@pytest.mark.parametrize("key", [None, TOKEN])
def test_terms_that_were_not_accepted_refuse_every_file(key, hub: Hub, folder: Path, monkeypatch) -> None:
    hub.repository(NAME, folder, access="not accepted")
    if key:
        monkeypatch.setenv("HF_TOKEN", key)
    assert HfApi().model_info(NAME).gated == "manual"
    with pytest.raises(GatedRepoError) as fault:
        hf_hub_download(NAME, "config.json")
    assert fault.value.response.status_code == (403 if key else 401)


def test_a_private_repository_is_not_there_without_a_token(hub: Hub, folder: Path, monkeypatch) -> None:
    hub.repository(NAME, folder, access="private")
    for name in (NAME, "no/such"):
        with pytest.raises(RepositoryNotFoundError) as fault:
            HfApi().model_info(name)
        assert fault.value.response.status_code == 401
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert HfApi().model_info(NAME).private
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HfHubHTTPError, match="401"):
        HfApi().model_info(NAME)


def test_a_transfer_that_breaks_off_is_taken_up_where_it_broke(hub: Hub, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    repository = hub.repository(NAME, folder)
    repository.drops["model.safetensors"] = 1000
    with pytest.raises(Exception, match="peer closed|incomplete"):
        snapshot_download(NAME)
    del repository.drops["model.safetensors"]
    here = Path(snapshot_download(NAME))
    assert (here / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_a_server_that_is_gone_leaves_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    with serving_hub() as made, pointed_at(made, tmp_path / "cache"):
        made.down = True
        with pytest.raises(HfHubHTTPError, match="503"):
            HfApi().model_info(NAME)
    assert threading.active_count() <= before + 1
