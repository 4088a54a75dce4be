"""Models on a hub: an id with a revision, the commit that it means, and a local folder of what is needed.

Everything else reads that folder as it reads any other. Needs neither torch nor transformers.
"""

import re
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.errors import UserFacing
from workbench.models.checkpoints.folder import require_safetensors, weight_files
from workbench.models.checkpoints.load_errors import fetch_fault

SETTINGS = (".json", ".jinja", ".txt", ".model", ".tiktoken")
CODE = (".py",)
TEMPLATES = "additional_chat_templates/"
DEFAULT_BRANCH = "main"
TIMEOUT_SECONDS = 10.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>\w[\w./+-]*))?", re.ASCII)


@dataclass(frozen=True)
class HubName:
    """A repository `owner/name`, and a branch, tag or commit of it (None: its main branch)."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}" if self.revision else self.repository

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a full commit id, which always means the same files."""
        return bool(_COMMIT.fullmatch(self.revision or ""))


@dataclass(frozen=True)
class LoadProgress:
    """How far loading is: bytes that are here, and bytes in all, while "download"; (0, 0) while "load"."""

    phase: Literal["download", "load"]
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Snapshot:
    """A repository's files at one commit, in a folder; `note` is a sentence about how it was found, or ""."""

    folder: Path
    commit: str
    note: str = ""


Listener = Callable[[LoadProgress], None]


def parse_hub_name(ref: str) -> HubName | None:
    """`owner/name` or `owner/name@revision`; None for anything else, such as a path."""
    found = _NAME.fullmatch(ref)
    if found is None or any(part in ref for part in ("..", "--", "//")):
        return None
    return HubName(found["repository"], found["revision"])


def fetch_snapshot(
    name: HubName,
    *,
    with_code: bool = False,
    progress: Listener | None = None,
    stop: threading.Event | None = None,
) -> Snapshot:
    """The files of a model at the commit that `name` means now; only what isn't here yet is fetched.

    Settings, tokenizer and prompts come first, then the safetensors files that they name; never pickles, and
    code only `with_code`. Where the hub can't be reached (HF_HUB_OFFLINE, no network, hub down), it is the
    copy that is here: of a branch or tag, the commit that it last meant. `progress` is called as bytes come
    in; setting `stop` ends the transfer. Raises UserFacing for everything that keeps the files away.
    """
    from httpx2 import HTTPError, TransportError
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        commit, sizes = _listing(name)
    except (OfflineModeIsEnabled, TransportError) as error:
        return _kept(name, error)
    except HfHubHTTPError as error:
        if error.response.status_code < 500 and error.response.status_code != 429:
            raise fetch_fault(error, name) from error
        return _kept(name, error)
    require_safetensors(sizes, f"The repository {name.repository}")
    store = _store(name)
    try:
        folder = _Transfer(name, commit, store, sizes, progress, stop).run(with_code)
        _remember(store, name.revision or DEFAULT_BRANCH, commit)
    except (OSError, HTTPError) as error:
        raise fetch_fault(error, name) from error
    except _Stopped as error:
        raise UserFacing(
            f"Fetching {name} was stopped.", "Files that had come whole are kept; load it again to go on."
        ) from error
    return Snapshot(folder, commit)


def kept_commit(name: HubName) -> str | None:
    """The commit of `name` whose files, all or some, are on this machine; None when there are none."""
    store = _store(name)
    commit = name.revision if name.is_pinned else None
    if commit is None:
        try:
            commit = (store / "refs" / (name.revision or DEFAULT_BRANCH)).read_text("utf-8").strip()
        except OSError:
            return None
    return commit if (store / "snapshots" / commit).is_dir() else None


def _store(name: HubName) -> Path:
    """Where huggingface_hub keeps a repository."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{name.repository.replace('/', '--')}"


def _listing(name: HubName) -> tuple[str, dict[str, int]]:
    """The commit that a name means, and the sizes of its files in bytes."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    hub = HfApi()
    info = hub.model_info(
        name.repository, revision=name.revision, files_metadata=True, timeout=TIMEOUT_SECONDS
    )
    if info.sha is None:
        raise UserFacing(f"The hub names no commit of {name}.", "Check the address in HF_ENDPOINT.")
    if info.siblings:
        return info.sha, {file.rfilename: file.size or 0 for file in info.siblings}
    tree = hub.list_repo_tree(name.repository, recursive=True, revision=info.sha)
    return info.sha, {file.path: file.size for file in tree if isinstance(file, RepoFile)}


def _kept(name: HubName, error: Exception) -> Snapshot:
    """The copy that is here, when the hub can't be asked. Raises UserFacing when there is none."""
    from huggingface_hub import constants

    commit = kept_commit(name)
    if commit is None:
        raise fetch_fault(error, name) from error
    note = f"The hub can't be reached: this is the copy of {name} that was fetched earlier."
    asked_for = constants.HF_HUB_OFFLINE or name.is_pinned
    return Snapshot(_store(name) / "snapshots" / commit, commit, "" if asked_for else note)


def _remember(store: Path, revision: str, commit: str) -> None:
    """Keep which commit a branch or tag means, as huggingface_hub does, once all its files are here."""
    if revision == commit:
        return
    place = store / "refs" / revision
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{threading.get_native_id()}")
    draft.write_text(commit, encoding="utf-8")
    draft.replace(place)


class _Stopped(Exception):
    """Ends a transfer in the middle."""


@dataclass
class _Transfer:
    """Fetches the files of one commit, one after the other, and counts the bytes."""

    name: HubName
    commit: str
    store: Path
    sizes: Mapping[str, int]
    progress: Listener | None
    stop: threading.Event | None
    done: int = 0
    total: int = 0

    def run(self, with_code: bool) -> Path:
        """The snapshot's folder, complete. Raises what huggingface_hub raises, UserFacing and _Stopped."""
        self._fetch([name for name in self.sizes if _is_setting(name, with_code)])
        folder = self.store / "snapshots" / self.commit
        if not folder.is_dir():
            raise UserFacing(
                f"The repository {self.name} holds no model for transformers: there is no config.json.",
                "Check the id, or choose another revision.",
            )
        weights = weight_files(folder, self.sizes)
        if lacking := [name for name in weights if name not in self.sizes]:
            raise UserFacing(
                f"The repository {self.name} lacks {lacking[0]}.",
                "It holds no whole checkpoint for transformers; choose another revision or repository.",
            )
        self._require_room(folder, weights)
        self._fetch(weights)
        return folder

    def _fetch(self, names: list[str]) -> None:
        from huggingface_hub import hf_hub_download

        whole = self.total
        self.total += sum(self.sizes[name] for name in names)
        for name in names:
            self.tell()
            hf_hub_download(
                self.name.repository,
                name,
                revision=self.commit,
                cache_dir=self.store.parent,
                tqdm_class=_meter(self),
            )
            whole += self.sizes[name]
            self.done = whole
        self.tell()

    def tell(self) -> None:
        """Say how far it is. Raises _Stopped when it is to end."""
        if self.stop is not None and self.stop.is_set():
            raise _Stopped
        if self.progress is not None:
            self.progress(LoadProgress("download", min(self.done, self.total), self.total))

    def _require_room(self, folder: Path, names: list[str]) -> None:
        needed = sum(self.sizes[name] for name in names if not (folder / name).exists())
        free = shutil.disk_usage(self.store).free
        if needed > free:
            raise UserFacing(
                f"The disk is too full for {self.name}: {needed / 1e9:.1f} GB are to be fetched, and "
                f"{free / 1e9:.1f} GB are free in {str(self.store.parent)!r}.",
                "Make room, or set HF_HOME to a folder on a larger disk.",
            )


def _meter(transfer: _Transfer) -> Any:
    """What huggingface_hub counts the bytes of a file with: a class that looks like a progress bar."""

    class Meter(nullcontext):
        def __init__(self, *_: Any, **__: Any) -> None:
            super().__init__(self)

        def update(self, count: float | None = 1) -> None:
            transfer.done += int(count or 0)
            transfer.tell()

        # By having this one it is told of the bytes on disk and of those on the wire apart.
        def update_transfer(self, count: float | None = 1) -> None:
            pass

        def set_postfix_str(self, *_: Any, **__: Any) -> None:
            pass

        set_transfer_postfix_str = set_postfix_str

    return Meter


def _is_setting(name: str, with_code: bool) -> bool:
    if "/" in name and not name.startswith(TEMPLATES):
        return False
    return name.endswith(SETTINGS + CODE if with_code else SETTINGS)
