"""Sentence embeddings for the composite reward: any encoder of the hub or of a folder, by transformers."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from workbench.errors import UserFacing

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

        place, _, revision = (ref, "", "") if Path(ref).is_dir() else ref.partition("@")
        given = {"revision": revision} if revision else {}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False, **given)
            self._model = AutoModel.from_pretrained(
                place, trust_remote_code=False, use_safetensors=True, dtype=torch.float32, **given
            ).eval()
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise UserFacing(
                f"The embedding model {ref!r} can't be loaded ({type(error).__name__}).",
                "Give a folder or a hub id of an encoder with safetensors weights and a tokenizer.",
            ) from error
        self.pooling: Pooling = pooling or _stated_pooling(place, given)
        found = getattr(self._model.config, "_commit_hash", None) or revision
        self.origin = f"{ref}, {self.pooling} pooling" + (f", revision {found[:12]}" if found else "")
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


def _stated_pooling(place: str, given: dict[str, str]) -> Pooling:
    file: Path | None = Path(place) / _POOLING_FILE
    if not Path(place).is_dir():
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            file = Path(hf_hub_download(place, _POOLING_FILE, **given))
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError):
            file = None
    try:
        stated = json.loads(file.read_text(encoding="utf-8")) if file else {}
    except (OSError, ValueError):
        stated = {}
    return "cls" if isinstance(stated, dict) and stated.get("pooling_mode_cls_token") else "mean"
