"""The key of an answer: a hash of everything that decides it. Change one part and it is another answer.

Parts: the model's name, revision, adapter, number format, prompt templates and image budget; the item, its
options as shown, and the bytes of the picture shown; condition, prompt mode, decoding and number of samples;
the judge; CODE. Versions of libraries are written to `run.json`, but are no part of the key.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.bench.questions.items import Item
from workbench.models.answer import Decoding, Mode
from workbench.models.templates import records

# Raise it with every change to how items are asked, answers are read or units are judged by rules.
CODE = "2"
_UNKNOWN = ("", "none", "unknown")
_NO_BUDGET = ("processor_class", "image_processor_type", "device", "return_tensors", "data_format")


@dataclass(frozen=True)
class Asking:
    """How a run asks; `sampling` and `samples` (answers an item) are those of condition "sampled"."""

    mode: Mode
    decoding: Decoding
    sampling: Decoding
    samples: int
    judge: str

    def decoding_for(self, condition: str) -> Decoding:
        """The decoding that the result lines of a condition state; each sample has a seed of its own."""
        return self.sampling if condition == "sampled" else self.decoding


def model_facts(model: Any) -> dict[str, Any]:
    """What a model is, as far as it states it: the parts of the key that are the model's own."""
    card = getattr(model, "card", None)
    return {
        "name": model.name,
        "revision": model.revision,
        "adapter": adapter_of(model),
        "dtype": str(getattr(model, "dtype", "")),
        "templates": records(card.templates) if card is not None else {},
        "image_budget": image_budget(model),
    }


def setup_of(facts: Mapping[str, Any]) -> str:
    """12 hex digits of `model_facts` and CODE: what all answers of one model in one run have in common.

    A model that does not know its revision may be another one each time, so its setup is new each time.
    """
    unknown = str(facts["revision"] or "").lower() in _UNKNOWN
    return _digest([CODE, dict(facts), *([uuid.uuid4().hex] if unknown else [])])[:12]


def image_budget(model: Any) -> dict[str, Any]:
    """What the processor makes of a picture: sizes, tiles, resampling, normalisation; {} if not stated.

    A model may state it as `image_budget`.
    """
    stated = getattr(model, "image_budget", None)
    images = getattr(getattr(model, "processor", None), "image_processor", None)
    found = stated if stated is not None else images.to_dict() if images is not None else {}
    kept = {
        name: value
        for name, value in found.items()
        if value is not None and not name.startswith("_") and name not in _NO_BUDGET
    }
    return json.loads(json.dumps(kept, sort_keys=True, default=str))


def adapter_of(model: Any) -> str:
    """The adapter on top of the weights: "name:hash of its settings and weights", "" without one.

    A model may state it as `adapter`; else those that peft has put in are hashed.
    """
    stated = str(getattr(model, "adapter", "") or "")
    weights = getattr(model, "model", None)
    configs = getattr(weights, "peft_config", None) or {}
    # Those that other models bring along are off while this one runs.
    others = getattr(getattr(model, "weights", None), "adapters", ())
    configs = {name: config for name, config in configs.items() if name not in others}
    if stated or not configs:
        return stated
    return ",".join(f"{name}:{_adapter_hash(weights, name, configs[name])}" for name in sorted(configs))


def _adapter_hash(weights: Any, name: str, config: Any) -> str:
    import torch

    digest = hashlib.sha256(json.dumps(config.to_dict(), sort_keys=True, default=_sortable).encode())
    for parameter, value in sorted(weights.named_parameters()):
        if f".{name}." in f"{parameter}.":
            plain = value.detach().cpu().contiguous().flatten().view(torch.uint8)
            digest.update(parameter.encode() + plain.numpy().tobytes())
    return digest.hexdigest()[:12]


def _sortable(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, (set, frozenset)) else str(value)


def item_hash(item: Item, options: tuple[str, ...]) -> str:
    """Hash of what an item asks and of what counts as right, with the options in the order shown."""
    units = [vars(unit) for unit in item.units]  # asdict copies deeply, which costs more than all else here
    answers = [item.answer, *item.alternatives]  # a single one stays as it was: old answers keep their keys
    gold = answers if item.alternatives else item.answer
    return _digest([item.item_id, item.question, options, gold, units])


def task_key(
    setup: str, item: str, image: str, *, condition: str, mode: Mode, sample: int, asking: Asking,
    anchor: str = "",
) -> str:  # fmt: skip
    """The key of one answer; `item` is its `item_hash`, `image` the SHA-256 of the picture shown or "".

    `anchor` is what the answer is made to begin with.
    """
    content = [setup, item, image, condition, mode, asking.decoding_for(condition).record(), asking.judge]
    if condition == "sampled":
        content.append([sample, asking.samples])
    if anchor:
        content.append([sample, anchor])
    return _digest(content)[:32]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
