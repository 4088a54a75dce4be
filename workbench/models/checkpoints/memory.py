"""How much memory a checkpoint needs at each number format, and whether this machine has it. Loads none.

Without a GPU numbers are float32; on one they are 16 bit, or 8 and 4 bit through bitsandbytes, which leaves
embeddings, norms, the unembedding and the fused matrices of experts at 16 bit.
"""

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from workbench.errors import UserFacing

if TYPE_CHECKING:
    from workbench.models.catalogue import ModelCard

Verdict = Literal["fits", "fits in 8 bit", "fits in 4 bit", "does not fit"]
Format = Literal["float32", "float16", "bfloat16", "8bit", "4bit"]

TOKENS = 4096  # a picture, a question and a long trace
_BYTES: dict[str, float] = {"float32": 4, "float16": 2, "bfloat16": 2}
# NF4 keeps one float32 scale for each 64 weights; LLM.int8() one for each row.
_PACKED: dict[str, float] = {"8bit": 1.0, "4bit": 0.5 + 4 / 64}
_WHOLE = ("embed_tokens", "lm_head", "norm", "pos_embed", "position_embedding", "patch_embed", "bias")
_PLAIN_SHARE = (
    0.12  # of a 7-8B model's weights, embeddings and unembedding; used where only the count is known
)
_TOKEN_BYTES = 256 << 10  # keys, values and activations of one token at 16 bit in a model of 7-8B parameters
_RUNTIME = {"cpu": 300 << 20, "cuda": 800 << 20}  # libraries, kernels and what allocators hold back
_BFLOAT16_SINCE = (8, 0)  # compute capability of the first GPUs that have it (a T4 is 7.5)


@dataclass(frozen=True)
class Device:
    """Where a model would run: `free` and `total` bytes, and the number format it is loaded in there."""

    kind: Literal["cpu", "cuda"]
    free: int
    total: int
    format: Format = "float32"
    name: str = ""

    @property
    def label(self) -> str:
        """What it is called in sentences."""
        return self.name or {"cpu": "this machine's memory", "cuda": "the GPU"}[self.kind]


@dataclass(frozen=True)
class Size:
    """What a checkpoint holds: numbers in matrices that can be quantised, other numbers, and bytes that each
    token of a prompt or answer takes at 16 bit."""

    matrices: int
    others: int
    token_bytes: int = _TOKEN_BYTES

    @property
    def parameters(self) -> int:
        """All numbers of the checkpoint."""
        return self.matrices + self.others

    def weights(self, number_format: Format) -> int:
        """Bytes of the weights in that format."""
        if number_format in _PACKED:
            return round(self.matrices * _PACKED[number_format] + self.others * 2)
        return round(self.parameters * _BYTES[number_format])

    def working(self, number_format: Format, tokens: int = TOKENS) -> int:
        """Bytes for keys, values and activations of that many tokens of one question."""
        return round(self.token_bytes * tokens * _BYTES.get(number_format, 2) / 2)


@dataclass(frozen=True)
class Fit:
    """Whether a checkpoint fits here: `needed` bytes in the format of `verdict` (in the device's own one if
    it doesn't fit) and `available` bytes; `needs` has every format; `sentence` says it with the numbers."""

    verdict: Verdict
    needed: int
    available: int
    sentence: str
    needs: Mapping[Format, int]


def fits(what: "ModelCard | Path | str | Size", device: Device, tokens: int = TOKENS) -> Fit | None:
    """Whether a card's model, a checkpoint folder or a `Size` fits on a device beside what runs there now.

    `tokens` are those of prompt and answer together. None when its size is not known (a card that states
    none). Raises UserFacing for a folder whose weights can't be read.
    """
    size = size_of(what)
    if size is None:
        return None
    formats: tuple[Format, ...] = (device.format,)
    if device.kind == "cuda":
        formats += ("8bit", "4bit")
    needs: dict[Format, int] = {name: _needed(size, name, device, tokens) for name in _all_formats(device)}
    found = next((name for name in formats if needs[name] <= device.free), None)
    if found is None:
        sentence = _too_big(needs, device, formats, tokens)
        return Fit("does not fit", needs[device.format], device.free, sentence, needs)
    verdict: Verdict = {"8bit": "fits in 8 bit", "4bit": "fits in 4 bit"}.get(found, "fits")  # type: ignore[assignment]
    sentence = f"It needs about {gigabytes(needs[found])} in {_words(found)}; {_has(device)}."
    if found in _PACKED:
        own = f"{gigabytes(needs[device.format])} in {_words(device.format)}"
        sentence = f"{sentence[:-1]}, too little for {own}."
    return Fit(verdict, needs[found], device.free, sentence, needs)


def size_of(what: "ModelCard | Path | str | Size") -> Size | None:
    """The size of a folder's checkpoint, or what a card's `parameters` give; None where nothing is stated."""
    if isinstance(what, Size):
        return what
    if isinstance(what, str | Path):
        return folder_size(Path(what))
    if not what.parameters:
        return None
    # What a token doesn't use are experts: those that it does use count little beside them.
    experts = what.parameters - what.active_parameters if what.active_parameters else 0
    return counted_size(what.parameters, experts)


def counted_size(parameters: int, experts: int = 0) -> Size:
    """The size of a model of which only the number of parameters is known.

    `experts` of them stand in the fused matrices of a mixture of experts, which bitsandbytes leaves whole.
    """
    others = experts + round((parameters - experts) * _PLAIN_SHARE)
    return Size(parameters - others, others)


def folder_size(folder: Path) -> Size:
    """The size of a checkpoint folder, read from the headers of its safetensors files and its config.

    Raises UserFacing when there are none or a header can't be read.
    """
    matrices = others = 0
    for path in _weights_files(folder):
        for name, shape in tensor_shapes(path):
            count = math.prod(shape)
            if len(shape) == 2 and not any(part in name for part in _WHOLE):
                matrices += count
            else:
                others += count
    if not matrices + others:
        raise UserFacing(
            f"The folder {folder} holds no weights.", "It needs one or more files named *.safetensors."
        )
    return Size(matrices, others, _token_bytes(folder))


def _weights_files(folder: Path) -> list[Path]:
    """The files that a checkpoint is read from: others may lie beside them."""
    try:
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
        return sorted(folder / name for name in set(index["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        whole = folder / "model.safetensors"
        return [whole] if whole.is_file() else sorted(folder.glob("*.safetensors"))


def tensor_shapes(path: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of each tensor of a safetensors file, from its header alone.

    Raises UserFacing when the file is cut off or is no safetensors file.
    """
    try:
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > path.stat().st_size:
                raise ValueError(f"a header of {length} bytes")
            header = json.loads(stream.read(length))
        last = max(
            (entry["data_offsets"][1] for name, entry in header.items() if name[:2] != "__"), default=0
        )
        if 8 + length + last > path.stat().st_size:
            raise ValueError("tensors behind the end of the file")
        found = [(name, tuple(entry["shape"])) for name, entry in header.items() if name[:2] != "__"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, struct.error) as error:
        raise UserFacing(
            f"The weights file {path.name} in {path.parent} is damaged: it is cut off or of another kind.",
            "Copy or download it again.",
        ) from error
    yield from found


def _token_bytes(folder: Path) -> int:
    """Keys and values in all layers, and the activations of the layer at work, at 16 bit."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        text = {**config, **(config.get("text_config") or {})}
        hidden, heads = int(text["hidden_size"]), int(text["num_attention_heads"])
        head = int(text.get("head_dim") or hidden // heads)
        groups = int(text.get("num_key_value_heads") or heads)
        kept = int(text["num_hidden_layers"]) * groups * head * 2
        return 2 * (kept + 8 * hidden + 2 * int(text.get("intermediate_size") or 4 * hidden))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return _TOKEN_BYTES


def here(choice: str = "auto", number_format: str = "auto") -> Device:
    """The device that settings `device` and `dtype` would load on, with the bytes that are free now."""
    import torch

    if choice == "cpu" or not torch.cuda.is_available():
        free, total = _machine_memory()
        return Device("cpu", free, total, _chosen(number_format, "float32"))
    free = total = 0
    for index in range(torch.cuda.device_count()):
        # What torch has set aside and doesn't use is free for the next model as well.
        idle = torch.cuda.memory_reserved(index) - torch.cuda.memory_allocated(index)
        card_free, card_total = torch.cuda.mem_get_info(index)
        free, total = free + card_free + idle, total + card_total
    half = half_format(torch.cuda.get_device_capability(0))
    return Device("cuda", free, total, _chosen(number_format, half), torch.cuda.get_device_name(0))


def half_format(capability: tuple[int, int]) -> Format:
    """The 16-bit format that a GPU of this compute capability calculates in: float16 before Ampere."""
    return "bfloat16" if capability >= _BFLOAT16_SINCE else "float16"


def gigabytes(count: int) -> str:
    """Bytes in words: "16.6 GB", "14 MB"."""
    return f"{count / 1e9:,.1f} GB" if count >= 995e6 else f"{max(count / 1e6, 1):.0f} MB"


def _chosen(number_format: str, automatic: Format) -> Format:
    return automatic if number_format == "auto" else number_format  # type: ignore[return-value]


def _machine_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> tuple[int, int]:
    """(free, total) bytes of this machine, or of the container whose limit is lower."""
    import psutil

    memory = psutil.virtual_memory()
    for limit_file, used_file in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            limit = int((cgroup / limit_file).read_text())
            used = int((cgroup / used_file).read_text()) - _file_cache(cgroup / limit_file)
        except (OSError, ValueError):  # no container, or "max"
            continue
        return min(memory.available, max(limit - used, 0)), min(memory.total, limit)
    return memory.available, memory.total


def _file_cache(limit_file: Path) -> int:
    """Bytes of a container's use that are copies of files, which make room when memory is asked for."""
    lines = dict(line.split() for line in (limit_file.parent / "memory.stat").read_text().splitlines())
    return int(lines.get("inactive_file", 0))


def _all_formats(device: Device) -> tuple[Format, ...]:
    own = () if device.format in ("float32", "bfloat16") else (device.format,)
    return ("float32", *own, "bfloat16", "8bit", "4bit")


def _needed(size: Size, number_format: Format, device: Device, tokens: int) -> int:
    return size.weights(number_format) + size.working(number_format, tokens) + _RUNTIME[device.kind]


def _words(number_format: Format) -> str:
    return {"8bit": "8 bit", "4bit": "4 bit"}.get(number_format, number_format)


def _has(device: Device) -> str:
    return f"{device.label} has {gigabytes(device.free)} free of {gigabytes(device.total)}"


def _too_big(needs: Mapping[Format, int], device: Device, formats: tuple[Format, ...], tokens: int) -> str:
    asked = " or ".join(f"{gigabytes(needs[name])} in {_words(name)}" for name in formats)
    said = f"It needs about {asked} for its weights and {tokens:,} tokens; {_has(device)}."
    if device.kind == "cpu" and device.format == "float32" and needs["bfloat16"] <= device.free:
        said += f" With --dtype bfloat16 it would take {gigabytes(needs['bfloat16'])}, and be slow."
    return said
