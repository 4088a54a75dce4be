"""From a name, folder or hub id to a LoadedModel: safetensors only, no remote code, clear refusals."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    BitsAndBytesConfig,
)
from transformers.utils import logging as transformers_logging

from workbench.errors import UserFacing
from workbench.models.catalogue import card_for, is_hub_id, load_catalogue
from workbench.models.checkpoints.adapters import (
    CONFIG_FILE,
    base_candidates,
    card_on,
    is_adapter,
    last_name,
    misfit,
    put_on,
    read_adapter,
)
from workbench.models.checkpoints.hub import Listener, LoadProgress
from workbench.models.checkpoints.load_errors import load_fault
from workbench.models.checkpoints.memory import Device, fits, here
from workbench.models.checkpoints.pixel_cap import cap_pixels
from workbench.models.checkpoints.source import Source, card_as_set, fetch_source, find_source
from workbench.models.families import family_for, has_vision
from workbench.models.probe import install
from workbench.models.processors import load_processor
from workbench.models.served.address import is_address
from workbench.models.served.connecting import connect
from workbench.models.served.model import ServedModel
from workbench.models.session import LoadedModel
from workbench.settings import Settings

SMALL_MODEL = 50_000_000  # below this many parameters a second CPU thread costs more than it gives


def _here(settings: Settings) -> Device:
    """The device to load on. Raises UserFacing where it, or what `quantise` asks for, is not there."""
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise UserFacing("No CUDA device was found.", "Use --device cpu, or start on a machine with a GPU.")
    device = here(settings.device, settings.dtype)
    if settings.quantise != "none" and device.kind != "cuda":
        raise UserFacing(
            "Weights in 8 or 4 bit need a CUDA GPU, and the model would run on the CPU here.",
            "Use --quantise none, or start on a machine with a GPU.",
        )
    if settings.quantise != "none" and find_spec("bitsandbytes") is None:
        raise UserFacing(
            "Weights in 8 or 4 bit need the package bitsandbytes, which is not installed.",
            "Install it: pip install bitsandbytes.",
        )
    return device


def _require_memory(ref: str, folder: Path, device: Device, settings: Settings) -> None:
    """Raises UserFacing, before any weights are read, where they don't fit beside what is loaded now."""
    fit = fits(folder, device)
    wanted = device.format if settings.quantise == "none" else settings.quantise
    if fit is None or fit.needs[wanted] <= device.free:
        return
    smaller = [name for name in ("8bit", "4bit") if device.kind == "cuda" and fit.needs[name] <= device.free]
    hint = "Unload a model, choose a smaller one, or use a machine with more memory."
    raise UserFacing(
        f"The model {ref!r} does not fit here. {fit.sentence}",
        f"Use --quantise {smaller[0]} to load it smaller." if smaller else hint,
    )


def _number_format(device: Device, settings: Settings) -> dict[str, Any]:
    """Arguments of `from_pretrained` for the numbers' format."""
    dtype = getattr(torch, device.format)
    if settings.quantise == "none":
        return {"dtype": dtype}
    eight = settings.quantise == "8bit"
    how = BitsAndBytesConfig(
        load_in_8bit=eight, load_in_4bit=not eight, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )
    return {"dtype": dtype, "quantization_config": how}


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
    model.card = card_as_set(model.card, settings, catalogue)
    return model


def load_model(
    ref: str,
    *,
    settings: Settings | None = None,
    base: LoadedModel | None = None,
    progress: Listener | None = None,
    stop: threading.Event | None = None,
) -> LoadedModel | ServedModel:
    """Load "tuned", "base", a folder, hub id (owner/name@revision) or adapter, in the device's own dtype.

    "URL#MODEL" is a model on an OpenAI-compatible server: nothing is loaded, see `served_model`. An adapter
    is put on `base`, or on the base that it names, which is loaded for it; a given base stays a model of its
    own, on the same weights. `progress` hears how far fetching is, and setting `stop` ends it. Raises
    UserFacing when it is not allowed, not there, incomplete, of an unknown family, too big for the memory, or
    unreadable, and for an adapter that was made for another base.
    """
    if is_address(ref):
        return served_model(ref, settings or Settings.from_env())
    settings = settings or Settings()
    if (address := _address(ref, settings)) is not None:
        return served_model(address, settings)
    return _Loading(settings, progress, stop).one(ref, base)


def _address(ref: str, settings: Settings) -> str | None:
    """The server that a reference leads to, if it is one."""
    named = {"base": settings.base, "tuned": settings.tuned}.get(ref, ref)
    return named if is_address(named) else None


def load_models(
    refs: Sequence[str],
    settings: Settings | None = None,
    progress: Callable[[str], Listener | None] = lambda ref: None,
) -> list[LoadedModel | ServedModel]:
    """Several models, with as few copies of weights as they need, in the order of `refs`.

    An adapter shares the weights of its base where that is one of the others; a folder that is named twice is
    loaded once. `progress` gives each reference's listener. When one can't be loaded, none stays in memory.
    Raises UserFacing as `load_model` does.
    """
    settings = settings or Settings()
    served = {ref: served_model(at, settings) for ref in refs if (at := _address(ref, settings)) is not None}
    local = [ref for ref in dict.fromkeys(refs) if ref not in served]
    loadings = {ref: _Loading(settings, progress(ref), None) for ref in local}
    found = {ref: loading.find(ref) for ref, loading in loadings.items()}
    loaded: dict[str, LoadedModel] = {}
    try:
        # Whole checkpoints come first: the adapters may lie on one of them.
        for ref in sorted(found, key=lambda one: is_adapter(found[one].folder)):
            loaded[ref] = loadings[ref].beside(ref, found[ref], loaded.values())
    except BaseException:
        for model in set(loaded.values()):
            model.unload()
        raise
    return [(served | loaded)[ref] for ref in refs]


def load_pair(
    base: str, tuned: str, settings: Settings | None = None
) -> tuple[LoadedModel | ServedModel, LoadedModel | ServedModel]:
    """(base, tuned), on one copy of the weights where tuned is an adapter on base or the same folder.

    Raises UserFacing as `load_model` does, and for an adapter that was made for another base.
    """
    settings = settings or Settings()
    below = load_model(base, settings=settings)
    try:
        return below, load_beside(below, tuned, settings)
    except BaseException:
        below.unload()
        raise


def load_beside(
    base: LoadedModel | ServedModel,
    tuned: str,
    settings: Settings,
    *,
    progress: Listener | None = None,
    stop: threading.Event | None = None,
) -> LoadedModel | ServedModel:
    """The tuned model of a pair whose base is loaded: on its weights where it is an adapter, `base` itself
    where it is the same folder, else a checkpoint of its own. Raises UserFacing as `load_pair` does."""
    if isinstance(base, ServedModel) or _address(tuned, settings) is not None:
        return load_model(tuned, settings=settings, progress=progress, stop=stop)
    loading = _Loading(settings, progress, stop)
    found = loading.find(tuned)
    if is_adapter(found.folder):
        return loading.adapted(found, base)
    return loading.beside(tuned, found, [base])


class _Loading:
    """One load: its settings, who hears of it, and what ends it."""

    def __init__(self, settings: Settings, progress: Listener | None, stop: threading.Event | None) -> None:
        self.settings, self.progress, self.stop = settings, progress, stop
        transformers_logging.disable_progress_bar()  # the callers have their own words for loading

    def find(self, ref: str) -> Source:
        """Where a model lies, once it has been fetched."""
        return fetch_source(ref, self.settings, progress=self.progress, stop=self.stop)

    def one(self, ref: str, base: LoadedModel | None) -> LoadedModel:
        found = self.find(ref)
        if is_adapter(found.folder):
            return self.adapted(found, base)
        if base is not None:
            raise UserFacing(f"The model {ref!r} is no adapter.", "Load it without a base.")
        return self.whole(ref, found)

    def beside(self, ref: str, found: Source, others: Iterable[LoadedModel]) -> LoadedModel:
        """A model that shares what it can with those that are loaded."""
        whole = [model for model in others if model.loaded and not model.adapter]
        if not is_adapter(found.folder):
            same = (model for model in whole if found.folder.samefile(model.folder))
            return next(same, None) or self.whole(ref, found)
        return self.adapted(found, next((model for model in whole if self.made_for(found, model)), None))

    def made_for(self, found: Source, base: LoadedModel) -> bool | None:
        """Whether `base` is what an adapter names as its base; None where that isn't here to tell."""
        for candidate in base_candidates(read_adapter(found.folder), found.card, self.settings.base):
            if candidate == base.card.location:
                return True
            try:
                there = find_source(candidate, self.settings)
            except UserFacing:
                continue
            if there.folder is not None:
                return there.folder.samefile(base.folder) or there.revision == base.revision
            if is_hub_id(base.card.location):  # copies of one model have the same last name as a rule
                return last_name(candidate) == last_name(base.card.location)
        return None

    def adapted(self, found: Source, base: LoadedModel | None) -> LoadedModel:
        """An adapter on a base, or on the one that it names."""
        files = read_adapter(found.folder)
        if base is not None and self.made_for(found, base) is False:
            raise misfit(found.card.title, files.base, base.label, "that is another model")
        if base is not None:
            return put_on(base, files, card_on(base.card, files, found.card), found.commit or "")
        below = self._base_of(found)
        try:
            return put_on(below, files, card_on(below.card, files, found.card), found.commit or "")
        finally:
            below.unload()  # the adapter's model alone keeps the weights

    def _base_of(self, found: Source) -> LoadedModel:
        """The first of an adapter's possible bases that can be loaded."""
        refs = base_candidates(read_adapter(found.folder), found.card, self.settings.base)
        said = "it does not say which"
        for ref in refs:
            try:
                return self.whole(ref, self.find(ref))
            except UserFacing as fault:
                said = f"it names {ref!r}. {fault.message}"
        raise UserFacing(
            f"The base of the adapter {found.card.title!r} can't be loaded: {said}",
            f"Write the folder or hub id of its base into its {CONFIG_FILE} as base_model_name_or_path.",
        )

    def whole(self, ref: str, found: Source) -> LoadedModel:
        """A whole checkpoint."""
        folder, settings = found.folder, self.settings
        if is_adapter(folder):
            raise UserFacing(
                f"{ref!r} is an adapter itself.", "Merge it into its base, and name the merged folder."
            )
        device = _here(settings)
        _require_memory(ref, folder, device, settings)
        common = {"trust_remote_code": settings.allow_remote_code, "local_files_only": True}
        if self.progress is not None:
            self.progress(LoadProgress("load"))
        try:
            config = AutoConfig.from_pretrained(folder, **common)
            family = family_for(config)
            processor = load_processor(folder, config, **common)
            cap_pixels(processor, config, device.kind, found.card.max_pixels)
            auto = AutoModelForImageTextToText if has_vision(config) else AutoModelForCausalLM
            model = auto.from_pretrained(
                folder,
                device_map="auto" if device.kind == "cuda" else {"": "cpu"},
                use_safetensors=True,
                **_number_format(device, settings),
                **common,
            )
        except UserFacing:
            raise
        except Exception as error:
            raise load_fault(error, ref, folder) from error
        model.eval().requires_grad_(False)
        install(model)
        if device.kind == "cpu" and sum(p.numel() for p in model.parameters()) < SMALL_MODEL:
            torch.set_num_threads(1)
        card = replace(found.card, takes_image=found.card.takes_image and has_vision(config))
        loaded = LoadedModel(card, model, processor, family, found.revision)
        loaded.folder = folder
        return loaded
