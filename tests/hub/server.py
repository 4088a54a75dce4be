"""A small local hub: repositories with commits, as huggingface_hub asks for them, and every way they fail."""

import hashlib
import json
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

LARGE = (".safetensors", ".bin", ".gguf")  # kept as Git LFS: they come by a redirect to the storage server
TOKEN = "hf_reader"  # the one token that opens private and gated repositories


@dataclass
class Repository:
    """A model repository. `access` is open, gated (terms to accept first) or private (not there without a
    token); `drops` gives files whose transfer always ends after so many bytes."""

    name: str
    access: str = "open"
    commits: dict[str, dict[str, Path]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    drops: dict[str, int] = field(default_factory=dict)

    def commit(self, files: Path | Mapping[str, Path], branch: str = "main") -> str:
        """Replace all files by those of a folder (or path → file); the new commit, which `branch` names."""
        if isinstance(files, Path):
            files = {str(path.relative_to(files)): path for path in files.rglob("*") if path.is_file()}
        content = [(path, _sha256(file)) for path, file in sorted(files.items())]
        sha = hashlib.sha1(repr((self.name, len(self.commits), content)).encode()).hexdigest()
        self.commits[sha] = dict(files)
        self.refs[branch] = sha
        return sha

    def find(self, revision: str) -> str | None:
        """The commit that a branch, tag or commit id names."""
        return self.refs.get(revision) or (revision if revision in self.commits else None)


class Hub:
    """What the server offers and what it was asked.

    `requests` are lines such as "HEAD /path", `fetched` the files whose content went out, in order; `down`
    makes every request a 503; `leaked` holds access tokens that reached the storage, which must not see any.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[str] = []
        self.fetched: list[str] = []
        self.leaked: list[str] = []
        self.blobs: dict[str, tuple[Repository, str, Path]] = {}
        self.down = False
        self.url = self.storage_url = ""

    def repository(self, name: str, files: Path | Mapping[str, Path], access: str = "open") -> Repository:
        """A new repository `owner/name` with one commit on main."""
        made = self.repositories[name] = Repository(name, access)
        made.commit(files)
        return made

    def environment(self, cache: Path) -> dict[str, str]:
        """Variables with which another process uses this hub and keeps what it fetches in `cache`."""
        return {"HF_ENDPOINT": self.url, "HF_HUB_CACHE": str(cache), "HF_TOKEN_PATH": str(cache / "no-token")}


@contextmanager
def serving_hub() -> Iterator[Hub]:
    """A hub on a free local port, and its storage on another."""
    hub = Hub()
    front, storage = (_Server(("127.0.0.1", 0), _bound(kind, hub)) for kind in (_Front, _Storage))
    hub.url, hub.storage_url = (f"http://127.0.0.1:{server.server_port}" for server in (front, storage))
    for server in (front, storage):
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield hub
    finally:
        for server in (front, storage):
            server.shutdown()
            server.server_close()


@contextmanager
def pointed_at(hub: Hub, cache: Path) -> Iterator[pytest.MonkeyPatch]:
    """This process uses the hub, with its cache in `cache` and no token.

    huggingface_hub reads the environment once, when it is imported, so its constants are set instead.
    """
    from huggingface_hub import constants

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", hub.url)
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        patch.setattr(constants, "HF_TOKEN_PATH", str(cache / "no-token"))
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.delenv("HF_TOKEN", raising=False)
        yield patch


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is what some tests are about; anything else is told as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing on standard error."""

    def reply(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def content(self, repository: Repository, path: str, file: Path, headers: Mapping[str, str]) -> None:
        """A file, from the byte that a Range header names; where the repository drops it, the connection
        closes."""
        if self.command == "GET":
            self.hub.fetched.append(path)
        body, drop = file.read_bytes(), repository.drops.get(path)
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start, total = int(asked[1]) if asked else 0, len(body)
        whole = {"Content-Length": str(total - start), **headers}
        if asked:
            whole["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        sent = body[start:] if drop is None else body[start:drop]
        self.reply(206 if asked else 200, whole, sent)
        self.close_connection = self.close_connection or len(sent) < total - start


class _Storage(_Handler):
    def do_GET(self) -> None:
        if key := self.headers.get("Authorization"):
            self.hub.leaked.append(key)
        self.content(*self.hub.blobs[self.path.strip("/")], {})

    do_HEAD = do_GET


class _Front(_Handler):
    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        if self.hub.down:
            return self.reply(503, {})
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/(.+))?", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([0-9a-f]{40}|refs/[^/]+/[^/]+|[^/]+)/(.+)", path)
        found = api or file
        if found is None:
            return self.reply(404, {})
        repository = self.hub.repositories.get(found[1])
        if (refusal := self._refusal(repository, bool(file))) is not None:
            return self._fault(*refusal)
        assert repository is not None
        revision = (api[3] if api else file and file[2]) or "main"
        commit = repository.find(revision)
        if commit is None:
            return self._fault(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if file:
            return self._file(repository, commit, file[3])
        return self._json(
            _tree(repository, commit) if api and api[2] == "tree" else _info(repository, commit)
        )

    do_HEAD = do_GET

    def _refusal(self, repository: Repository | None, is_file: bool) -> tuple[int, str, str] | None:
        """As the hub does: a gated repository is listed for everyone, and its files are refused."""
        key = self.headers.get("Authorization", "")
        if key and key != f"Bearer {TOKEN}":
            return 401, "", "Invalid credentials in Authorization header"
        if repository is None or (repository.access == "private" and not key):
            return (404 if key else 401), "RepoNotFound", "Repository not found"
        if repository.access == "gated" and is_file:
            return None if key else (401, "GatedRepo", "Access to this model is restricted.")
        if repository.access == "not accepted" and is_file:
            return (403 if key else 401), "GatedRepo", "Access to this model is restricted."
        return None

    def _fault(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.reply(status, headers, json.dumps({"error": message}).encode())

    def _json(self, record: Any) -> None:
        self.reply(200, {"Content-Type": "application/json"}, json.dumps(record).encode())

    def _file(self, repository: Repository, commit: str, path: str) -> None:
        file = repository.commits[commit].get(path)
        headers = {"X-Repo-Commit": commit}
        if file is None:
            return self.reply(404, headers | {"X-Error-Code": "EntryNotFound"})
        if not path.endswith(LARGE):
            return self.content(repository, path, file, headers | {"ETag": f'"{_blob_id(file)}"'})
        sha = _sha256(file)
        self.hub.blobs[sha] = (repository, path, file)
        size = file.stat().st_size
        linked = {"X-Linked-Etag": f'"{sha}"', "X-Linked-Size": str(size)}
        return self.reply(302, headers | linked | {"Location": f"{self.hub.storage_url}/{sha}"})


def _bound(kind: type[_Handler], hub: Hub) -> type[_Handler]:
    return type(kind.__name__, (kind,), {"hub": hub})


def _info(repository: Repository, commit: str) -> dict[str, Any]:
    siblings = [
        {"rfilename": path, "size": file.stat().st_size, "blobId": _blob_id(file)}
        for path, file in repository.commits[commit].items()
    ]
    known = {"id": repository.name, "modelId": repository.name, "sha": commit, "siblings": siblings}
    gated = "manual" if repository.access in ("gated", "not accepted") else False
    return known | {"private": repository.access == "private", "gated": gated, "tags": []}


def _tree(repository: Repository, commit: str) -> list[dict[str, Any]]:
    entries = []
    for path, file in repository.commits[commit].items():
        size = file.stat().st_size
        entry = {"type": "file", "path": path, "size": size, "oid": _blob_id(file)}
        if path.endswith(LARGE):
            entry["lfs"] = {"oid": _sha256(file), "size": size, "pointerSize": 134}
        entries.append(entry)
    return entries


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _blob_id(file: Path) -> str:
    """As Git names it."""
    body = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
