"""From a name, folder or hub id to a LoadedModel: safetensors only, no remote code, clear refusals."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.utils import logging as transformers_logging

from workbench.errors import UserFacing
from workbench.models.families import family_for, has_vision
from workbench.models.probe import install
from workbench.models.processors import load_processor
from workbench.models.session import LoadedModel
from workbench.models.source import find_source
from workbench.settings import Settings

SMALL_MODEL = 50_000_000  # below this many parameters a second CPU thread costs more than it gives


def _device(settings: Settings) -> torch.device:
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise UserFacing("No CUDA device was found.", "Use --device cpu, or start on a machine with a GPU.")
    wanted = settings.device if settings.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def _dtype(settings: Settings, device: torch.device) -> torch.dtype:
    if settings.dtype != "auto":
        return getattr(torch, settings.dtype)
    # bfloat16 is emulated, and very slow, on most CPUs.
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def _revision(source: str | Path, model: Any) -> str:
    """Commit of a hub model; for a folder, the first 12 hex digits of the weights' SHA-256."""
    if isinstance(source, str):
        return str(getattr(model.config, "_commit_hash", None) or "unknown")
    digest = hashlib.sha256()
    for path in sorted(source.glob("*.safetensors")):
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()[:12]


def load_model(ref: str, *, settings: Settings | None = None) -> LoadedModel:
    """Load "tuned", "base", a local folder or a hub id with its own dtype for the device.

    Raises UserFacing when it is not allowed, not there, incomplete, of an unknown family, or unreadable.
    """
    settings = settings or Settings()
    settings.require_allowed(ref)
    transformers_logging.disable_progress_bar()  # the callers have their own words for loading
    found = find_source(ref, settings)
    source, local = found.place, found.folder is not None
    device = _device(settings)
    common = {"trust_remote_code": settings.allow_remote_code, "local_files_only": local}
    if not local:
        common["revision"] = found.card.revision
    try:
        config = AutoConfig.from_pretrained(source, **common)
        family = family_for(config)
        processor = load_processor(source, config, **common)
        auto = AutoModelForImageTextToText if has_vision(config) else AutoModelForCausalLM
        model = auto.from_pretrained(
            source,
            dtype=_dtype(settings, device),
            device_map="auto" if device.type == "cuda" else {"": "cpu"},
            use_safetensors=True,
            **common,
        )
    except UserFacing:
        raise
    except Exception as error:
        raise UserFacing(
            f"The model {ref!r} could not be loaded ({type(error).__name__}).",
            "Check that the folder or hub id is right, that its files are whole, and, for a hub id, the "
            "network and access rights.",
        ) from error
    model.eval().requires_grad_(False)
    install(model)
    if device.type == "cpu" and sum(p.numel() for p in model.parameters()) < SMALL_MODEL:
        torch.set_num_threads(1)
    card = replace(found.card, takes_image=found.card.takes_image and has_vision(config))
    return LoadedModel(card, model, processor, family, _revision(source, model))
