"""Shared passes kept by bytes, so that trying another method on the same answer costs no further pass."""

import hashlib
import threading
from collections import OrderedDict

import torch

from workbench.explain.evidence import Evidence, gather_evidence
from workbench.models.answer import Answer, Prompt
from workbench.models.session import LoadedModel

DEFAULT_LIMIT = 1 << 30


def evidence_key(model: LoadedModel, prompt: Prompt, answer: Answer) -> str:
    """SHA-256 of the model's name, revision and precision, all prompt inputs (ids, pixels), answer ids."""
    digest = hashlib.sha256(repr((model.name, model.revision, str(model.dtype), answer.ids)).encode())
    for name, value in sorted(prompt.inputs.items()):
        digest.update(f"|{name}|".encode())
        if torch.is_tensor(value):
            digest.update(f"{value.dtype}{tuple(value.shape)}".encode())
            flat = value.detach().cpu().contiguous().flatten()
            digest.update(flat.view(torch.uint8).numpy().tobytes())
        else:
            digest.update(repr(value).encode())
    return digest.hexdigest()


class EvidenceCache:
    """Least recently used evidence goes first once `limit_bytes` is passed; safe for several threads.

    Evidence larger than the limit is handed out but not kept. Entries of a model that has been replaced by
    another load of the same name are gathered anew.
    """

    def __init__(self, limit_bytes: int = DEFAULT_LIMIT) -> None:
        self.limit_bytes = limit_bytes
        self._entries: OrderedDict[str, Evidence] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def kept_bytes(self) -> int:
        with self._lock:
            return sum(evidence.kept_bytes for evidence in self._entries.values())

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def get(self, model: LoadedModel, prompt: Prompt, answer: Answer) -> Evidence:
        """The evidence of that answer, from a pass only when it isn't kept. Raises ValueError for an empty
        answer.

        A second thread that wants the same waits for the first one's pass and shares it.
        """
        key = evidence_key(model, prompt, answer)
        found = self._find(key, model)
        if found is not None:
            return found
        with model.lock:
            found = self._find(key, model)
            if found is None:
                found = gather_evidence(model, prompt, answer)
                self._keep(key, found)
        return found

    def forget(self, model: LoadedModel) -> None:
        """Drop all evidence of a model, such as after its weights were changed in place."""
        with self._lock:
            for key in [key for key, kept in self._entries.items() if kept.owner() is model]:
                del self._entries[key]

    def _find(self, key: str, model: LoadedModel) -> Evidence | None:
        with self._lock:
            found = self._entries.get(key)
            if found is None or found.owner() is not model:
                return None
            self._entries.move_to_end(key)
            return found

    def _keep(self, key: str, evidence: Evidence) -> None:
        if evidence.kept_bytes > self.limit_bytes:
            return
        with self._lock:
            self._entries[key] = evidence
            self._entries.move_to_end(key)
            total = sum(kept.kept_bytes for kept in self._entries.values())
            while total > self.limit_bytes:
                total -= self._entries.popitem(last=False)[1].kept_bytes


SHARED = EvidenceCache(256 << 20)


def shared_evidence(model: LoadedModel, prompt: Prompt, answer: Answer) -> Evidence:
    """Evidence from the cache that the screens share: another method on the same answer is no new pass."""
    return SHARED.get(model, prompt, answer)
