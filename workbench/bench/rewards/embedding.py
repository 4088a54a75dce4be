"""Sentence embeddings for the composite reward: any encoder of the hub or of a folder, by transformers."""

import json
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from workbench.errors import UserFacing
from workbench.models.checkpoints.hub import fetch_snapshot, parse_hub_name

Pooling = Literal["mean", "cls"]
LONGEST = 512  # tokens
_POOLING_FILE = "1_Pooling/config.json"


class SentenceEmbedder:
    """A `composite.Similarity`: the cosine of two texts' embeddings, such as MedEmbed-large's.

    `ref` is a folder or a hub id (`owner/name` or `owner/name@revision`). Pooling is what the checkpoint
    states (sentence-transformers' file), else the mean over tokens. Runs on the CPU. Raises UserFacing.
    """

    def __init__(self, ref: str, pooling: Pooling | None = None) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        folder, commit = _folder(ref)
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            self._model = AutoModel.from_pretrained(
                folder, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
            ).eval()
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise UserFacing(
                f"The embedding model {ref!r} can't be loaded ({type(error).__name__}).",
                "Give a folder or a hub id of an encoder with safetensors weights and a tokenizer.",
            ) from error
        self.pooling: Pooling = pooling or _stated_pooling(folder, ref, commit)
        self.origin = f"{ref}, {self.pooling} pooling" + (f", revision {commit[:12]}" if commit else "")
        self._vector = lru_cache(maxsize=4096)(self._embed)

    def __call__(self, gold: str, answer: str) -> float:
        """Cosine in -1..1; 0 for an empty text."""
        if not gold.strip() or not answer.strip():
            return 0.0
        return float(self._vector(gold) @ self._vector(answer))

    def _embed(self, text: str) -> np.ndarray:
        """The embedding of a text, of length 1: float32 `[D]`."""
        import torch

        limit = min(LONGEST, int(getattr(self._model.config, "max_position_embeddings", LONGEST) or LONGEST))
        inputs = self._tokenizer(text, return_tensors="pt", truncation=True, max_length=limit)
        with torch.inference_mode():
            states = self._model(**inputs).last_hidden_state[0]
        pooled = states[0] if self.pooling == "cls" else states.mean(0)
        vector = pooled.float().numpy()
        length = float(np.linalg.norm(vector))
        return vector / length if length else vector


def _folder(ref: str) -> tuple[Path, str]:
    """The folder of a model and its commit on the hub ("" for a folder of one's own)."""
    name = None if Path(ref).is_dir() else parse_hub_name(ref)
    if name is None:
        return Path(ref), ""
    found = fetch_snapshot(name)
    return found.folder, found.commit


def _stated_pooling(folder: Path, ref: str, commit: str) -> Pooling:
    """What the checkpoint says of itself; a hub snapshot lacks that file, which is fetched by itself."""
    file, name = folder / _POOLING_FILE, parse_hub_name(ref)
    if commit and name is not None:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError

        with suppress(EntryNotFoundError):  # it is not on the hub, or not in the cache of an offline machine
            file = Path(hf_hub_download(name.repository, _POOLING_FILE, revision=commit))
    try:
        stated = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stated = {}
    return "cls" if isinstance(stated, dict) and stated.get("pooling_mode_cls_token") else "mean"
