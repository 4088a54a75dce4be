"""LoRA adapters: read from a folder, put on the base that they were made for, taken off again.

Hu et al. 2021 (arXiv 2106.09685), with the variants that peft builds in (DoRA, rsLoRA) and whole modules that
an adapter brings along (`modules_to_save`).
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from workbench.errors import UserFacing
from workbench.models.catalogue import ModelCard
from workbench.models.checkpoints.folder import PROMPTS_FILE, adapter_base

if TYPE_CHECKING:
    from workbench.models.session import LoadedModel

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
# What transformers before 4.52 called the parts of vision-language models, and what they are called since.
_RENAMED = (
    ("visual.", "model.visual."),
    ("vision_tower.", "model.vision_tower."),
    ("multi_modal_projector.", "model.multi_modal_projector."),
    ("language_model.model.", "model.language_model."),
    ("language_model.lm_head.", "lm_head."),
    ("model.", "model.language_model."),
)
# Other ways of starting LoRA change the weights below the adapter, which could then not be switched off.
_HARMLESS_STARTS = (True, False, None, "gaussian", "eva", "orthogonal")


@dataclass(frozen=True)
class AdapterFiles:
    """An adapter's folder, its settings, and 12 hex digits of the SHA-256 of settings and weights."""

    folder: Path
    config: Mapping[str, Any]
    digest: str

    @property
    def base(self) -> str:
        """What the adapter calls its base: a hub id or a folder, "" if it doesn't say."""
        return str(self.config.get("base_model_name_or_path") or "")


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no whole checkpoint."""
    return adapter_base(folder) is not None


def read_adapter(folder: Path) -> AdapterFiles:
    """The adapter of a folder. Raises UserFacing when a file is missing or broken, or when it is of a kind
    that can't be switched off."""
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise UserFacing(
            f"The adapter folder {folder} lacks {WEIGHTS_FILE}.",
            "Copy the whole adapter again; weights must be safetensors files.",
        )
    try:
        text = (folder / CONFIG_FILE).read_text(encoding="utf-8")
        config = json.loads(text)
        kind, bias = config["peft_type"], config.get("bias") or "none"
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserFacing(
            f"The adapter folder {folder} has no readable {CONFIG_FILE}.", "Copy the whole adapter again."
        ) from error
    start = config.get("init_lora_weights")
    for refused, why in (
        (kind != "LORA", f"it is of the kind {kind}, and only LoRA can be put on a base here"),
        (bias != "none", "it also changes biases of its base"),
        (start not in _HARMLESS_STARTS, f"its start {start!r} changes the weights of its base"),
        (bool(config.get("layer_replication")), "it repeats layers of its base"),
    ):
        if refused:
            raise UserFacing(
                f"The adapter {folder.name!r} can't be loaded beside its base: {why}.",
                "Merge it into its base with peft (merge_and_unload), and load the merged folder.",
            )
    digest = hashlib.sha256(text.encode())
    with weights.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return AdapterFiles(folder, config, digest.hexdigest()[:12])


def base_candidates(files: AdapterFiles, card: ModelCard, default_base: str) -> list[str]:
    """Where an adapter's base may be, the best guess first: what the catalogue says, then its own settings.

    A relative path counts from the adapter's folder, then from here. `default_base` (what "base" loads) is
    added when it has the same last name: a copy of unsloth/X or Qwen/X is often a folder X.
    """
    found = [card.base]
    if files.base:
        beside = files.folder / files.base
        found += [str(place.resolve()) for place in (beside, Path(files.base)) if place.is_dir()]
        found += [default_base] if last_name(default_base) == last_name(files.base) else []
        found += [files.base]
    return [ref for ref in dict.fromkeys(found) if ref]


def last_name(ref: str) -> str:
    """The last part of a path or hub id, without case, revision and a suffix of bitsandbytes copies."""
    name = ref.rstrip("/").rpartition("/")[2].partition("@")[0].casefold()
    return name.removesuffix("-bnb-4bit").removesuffix("-unsloth")


def card_on(base: ModelCard, files: AdapterFiles, card: ModelCard) -> ModelCard:
    """The card of an adapter on a base: asked in the base's way where neither the catalogue nor the adapter
    says another."""
    card = replace(card, takes_image=base.takes_image)
    if card.kind == "adapter" or (files.folder / PROMPTS_FILE).is_file():
        return card
    return replace(card, templates=base.templates, system=base.system, max_new_tokens=base.max_new_tokens)


def put_on(base: "LoadedModel", files: AdapterFiles, card: ModelCard, revision: str = "") -> "LoadedModel":
    """The adapter as a model of its own on the base's weights, which stay as they are: one copy for both.

    `revision` is that of the adapter (by default its digest). Raises UserFacing when it was made for another
    base or peft is not installed; the base is then as it was.
    """
    weights = base.weights
    name = f"adapter_{files.digest}_{len(weights.adapters)}"
    with base.lock:
        try:
            problem = _inject(weights.model, files, name)
        except BaseException:
            take_out(weights.model, name)
            raise
        if problem:
            take_out(weights.model, name)
            raise misfit(card.title, files.base, base.label, problem)
        weights.model.eval().requires_grad_(False)
        weights.attach(name)
        return base.with_adapter(card, name, f"{card.name}:{files.digest}", revision or files.digest)


def misfit(title: str, made_for: str, base: str, problem: str) -> UserFacing:
    """The refusal of an adapter that was made for another base."""
    return UserFacing(
        f"The adapter {title!r} was made for {made_for or 'a base that it does not name'!r} and does not fit "
        f"{base!r}: {problem}.",
        "Load it with the base that it was made for.",
    )


def _inject(model: nn.Module, files: AdapterFiles, name: str) -> str:
    """Put the adapter's layers in and fill them; what does not fit, in words, or ""."""
    try:
        from peft import LoraConfig, PeftConfig, inject_adapter_in_model, set_peft_model_state_dict
    except ImportError as error:
        raise UserFacing(
            "Adapters need the package peft, which is not installed.", "Run: pip install peft"
        ) from error
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    parts = {path for path, _ in model.named_modules()}
    try:
        state = {
            _present_name(key.removeprefix(_PREFIX), parts): value
            for key, value in load_file(files.folder / WEIGHTS_FILE).items()
        }
    except SafetensorError as error:
        raise UserFacing(
            f"The weights file {WEIGHTS_FILE} in {files.folder} is cut off or damaged.", "Copy it again."
        ) from error
    config = PeftConfig.from_pretrained(str(files.folder))
    if not isinstance(config, LoraConfig):
        return "its settings are not those of LoRA"
    config.inference_mode, config.init_lora_weights = True, True  # all numbers come from the file
    try:
        inject_adapter_in_model(config, model, name)
    except ValueError:
        return f"the base has none of the layers {_names(config.target_modules)}"
    try:
        found = set_peft_model_state_dict(model, state, name)
    except KeyError as error:
        return f"the adapter has no numbers for {error.args[0]}"
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines() if "size mismatch" in line]
        return lines[0].rstrip(".") if lines else "its numbers have other shapes"
    missing = [key for key in found.missing_keys if f".{name}." in f".{key}."]
    if found.unexpected_keys:
        return f"the base has no layer for {found.unexpected_keys[0]}"
    return f"the adapter has no numbers for {missing[0].replace(f'.{name}', '')}" if missing else ""


def _present_name(key: str, parts: Collection[str]) -> str:
    """What a number of an adapter is called in today's model, whose modules are `parts`; the key itself where
    nothing is known by it."""
    module, mark, number = key.partition(".lora_")
    if not mark:
        module, _, number = key.rpartition(".")
        mark = "."
    if module not in parts:
        for old, new in _RENAMED:
            if module.startswith(old) and (renamed := new + module.removeprefix(old)) in parts:
                return renamed + mark + number
    return key


def _names(targets: Any) -> str:
    return targets if isinstance(targets, str) else ", ".join(sorted(targets or ()))


def take_out(model: nn.Module, adapter: str) -> None:
    """Remove an adapter, also a half-built one; layers without any other are the base's own again."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    kinds = (BaseTunerLayer, AuxiliaryTrainingWrapper)
    found = []
    for path, module in model.named_modules():
        parent, _, child = path.rpartition(".")
        # A wrapper inside of a wrapper goes with the outer one.
        if isinstance(module, kinds) and not isinstance(model.get_submodule(parent), kinds):
            found.append((model.get_submodule(parent), child, module))
    for parent, child, wrapper in found:
        wrapper.set_adapter([])
        outer = isinstance(wrapper, AuxiliaryTrainingWrapper)
        if adapter in _adapters_of(wrapper):
            wrapper.delete_adapter(adapter, None) if outer else wrapper.delete_adapter(adapter)
        if not _adapters_of(wrapper):
            setattr(parent, child, wrapper.original_module if outer else wrapper.get_base_layer())
    configs = getattr(model, "peft_config", {})
    configs.pop(adapter, None)
    if not configs and hasattr(model, "peft_config"):
        del model.peft_config


def _adapters_of(wrapper: Any) -> set[str]:
    """The adapters that have numbers in a layer that peft has put in."""
    return {name for held in wrapper.adapter_layer_names for name in attrgetter(held)(wrapper)}
