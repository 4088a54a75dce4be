"""A limit on the pixels of a picture that a model is shown: on a CPU each image token costs time.

Processors that scale by pixels are told so (Qwen-VL), those that cut tiles get fewer tiles (InternVL,
Idefics3, SmolVLM). Families with a fixed number of tokens need none; LLaVA-NeXT and LLaVA-OneVision name
their grids in the model's own config and stay as they are.
"""

import math
from typing import Any

from workbench.models.answer import Prompt

CPU_TOKENS = 1280  # image tokens of one picture, about a megapixel for Qwen2.5-VL


def cap_pixels(processor: Any, config: Any, device: str, max_pixels: int | None = None) -> None:
    """Lower the processor's own budget, never raise it.

    `max_pixels` is that of the model's card; without one, the checkpoint's own budget holds on a GPU, and
    CPU_TOKENS on a CPU.
    """
    images = processor.image_processor
    if images is None or (max_pixels is None and device != "cpu"):
        return
    kind = config.model_type
    if kind.startswith(("qwen2_vl", "qwen2_5_vl", "qwen3_vl")):
        token = config.vision_config.patch_size * config.vision_config.spatial_merge_size
        most = max_pixels or CPU_TOKENS * token**2
        if images.size["longest_edge"] > most:
            _resize(images, longest_edge=most, shortest_edge=min(images.size["shortest_edge"], most))
    elif kind == "internvl":
        side = images.size["height"]
        tokens = config.image_seq_length
        most = max_pixels // side**2 if max_pixels else CPU_TOKENS // tokens - 1  # a thumbnail comes on top
        images.max_patches = max(1, images.min_patches, min(images.max_patches, most))
    elif kind in ("idefics3", "smolvlm") and getattr(images, "do_image_splitting", False):
        side = images.max_image_size["longest_edge"]
        tokens = (
            config.vision_config.image_size // config.vision_config.patch_size // config.scale_factor
        ) ** 2
        most = max_pixels // side**2 if max_pixels else CPU_TOKENS // tokens - 1
        longest = max(1, math.isqrt(max(most, 1))) * side
        if images.size["longest_edge"] > longest:
            _resize(images, longest_edge=longest)


def _resize(images: Any, **edges: int) -> None:
    size = images.size
    kept = {name: value for name, value in dict(size).items() if value is not None}
    images.size = type(size)(**kept | edges)


def shown_note(prompt: Prompt, config: Any) -> str:
    """A sentence for each picture that was shown smaller than it is; "" where there is none, or tiles."""
    grids = prompt.inputs.get("image_grid_thw")
    if grids is None or len(grids) != len(prompt.image_sizes):
        return ""
    patch, said = config.vision_config.patch_size, []
    which = "The picture" if len(grids) == 1 else "Picture {}"
    for number, (grid, whole) in enumerate(zip(grids.tolist(), prompt.image_sizes, strict=True), 1):
        height, width = (count * patch for count in grid[1:])
        if width * height < 0.9 * whole[0] * whole[1]:  # whole patches alone change a few per cent
            sizes = f"{width:,} × {height:,} of {whole[0]:,} × {whole[1]:,} pixels"
            said.append(f"{which.format(number)} was shown at {sizes}.")
    return " ".join(said)
