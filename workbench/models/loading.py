"""From a name, folder or hub id to a LoadedModel: safetensors only, no remote code, clear refusals."""

import threading
from dataclasses import replace
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.utils import logging as transformers_logging

from workbench.errors import UserFacing
from workbench.models.catalogue import card_for, load_catalogue
from workbench.models.families import family_for, has_vision
from workbench.models.folder import adapter_base
from workbench.models.hub import Listener, LoadProgress
from workbench.models.load_errors import load_fault
from workbench.models.probe import install
from workbench.models.processors import load_processor
from workbench.models.served.address import is_address
from workbench.models.served.connecting import connect
from workbench.models.served.model import ServedModel
from workbench.models.session import LoadedModel
from workbench.models.source import fetch_source
from workbench.models.templates import given_templates
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


def served_model(ref: str, settings: Settings, **how: Any) -> ServedModel:
    """The model at "URL#MODEL" with the key, the patience and the permissions of the settings; `how` as in
    `served.connect`. It is asked in the catalogue's templates where its name stands there, or as
    `settings.template` says. Raises UserFacing."""
    settings.require_allowed(ref)
    key = settings.keys.bound({*settings.servers, ref}).key_for(ref)
    model = connect(ref, key, **{"timeout": settings.timeout, "tries": settings.tries} | how)
    catalogue = load_catalogue(settings.models_dir)
    if (known := card_for(model.server.model, catalogue)) is not None:  # served under its own hub id
        asked = {"templates": known.templates, "max_new_tokens": known.max_new_tokens}
        model.card = replace(model.card, **asked)
    if settings.template:
        every = {name: card.templates for name, card in catalogue.items()}
        templates = given_templates(settings.template, model.card.templates, every)
        model.card = model.card.asked_with(templates)
    return model


def load_model(
    ref: str,
    *,
    settings: Settings | None = None,
    progress: Listener | None = None,
    stop: threading.Event | None = None,
) -> LoadedModel | ServedModel:
    """Load "tuned", "base", a folder or a hub id (owner/name@revision) with its own dtype for the device.

    "URL#MODEL" is a model on an OpenAI-compatible server: nothing is loaded, see `served_model`.

    `progress` hears how far fetching is, and setting `stop` ends it. Raises UserFacing when it is not
    allowed, not there, incomplete, of an unknown family, or unreadable.
    """
    if is_address(ref):
        return served_model(ref, settings or Settings.from_env())
    settings = settings or Settings()
    if is_address(named := {"base": settings.base, "tuned": settings.tuned}.get(ref, ref)):
        return served_model(named, settings)
    transformers_logging.disable_progress_bar()  # the callers have their own words for loading
    found = fetch_source(ref, settings, progress=progress, stop=stop)
    folder = found.folder
    assert folder is not None
    if (base := adapter_base(folder)) is not None:
        raise UserFacing(
            f"{ref!r} is an adapter for {base or 'a model that it does not name'}, and no model by itself.",
            "Merge it into that model and load the result.",
        )
    device = _device(settings)
    common = {"trust_remote_code": settings.allow_remote_code, "local_files_only": True}
    if progress is not None:
        progress(LoadProgress("load"))
    try:
        config = AutoConfig.from_pretrained(folder, **common)
        family = family_for(config)
        processor = load_processor(folder, config, **common)
        auto = AutoModelForImageTextToText if has_vision(config) else AutoModelForCausalLM
        model = auto.from_pretrained(
            folder,
            dtype=_dtype(settings, device),
            device_map="auto" if device.type == "cuda" else {"": "cpu"},
            use_safetensors=True,
            **common,
        )
    except UserFacing:
        raise
    except Exception as error:
        raise load_fault(error, ref, folder) from error
    model.eval().requires_grad_(False)
    install(model)
    if device.type == "cpu" and sum(p.numel() for p in model.parameters()) < SMALL_MODEL:
        torch.set_num_threads(1)
    card = replace(found.card, takes_image=found.card.takes_image and has_vision(config))
    return LoadedModel(card, model, processor, family, found.revision)
