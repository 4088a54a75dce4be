"""Which tokens of a tiled picture change when a region of it is painted over, and which must."""

import numpy as np
import torch

from tests.models.families.tiny_configs import ASK, painted
from tests.models.families.tiny_configs_tiles import PATCH
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Prompt
from workbench.models.session import LoadedModel


def without_mixing(model: LoadedModel) -> LoadedModel:
    """The model with a vision tower whose patches don't see each other: values of its attention are zero."""
    with torch.no_grad():
        for name, parameter in model.model.named_parameters():
            if "vision" in name and ".v_proj." in name:
                parameter.zero_()
    return model


def image_features(model: LoadedModel, image: MedicalImage) -> torch.Tensor:
    """What stands in the decoder's input at every image token of one picture, `[P, d]`."""
    return prompt_features(model, model.prepare(ASK, image))


def prompt_features(model: LoadedModel, prompt: Prompt) -> torch.Tensor:
    """What stands in the decoder's input at every image token of a prompt, `[P, d]`."""
    seen: list[torch.Tensor] = []
    hook = model.decoder.layers[0].register_forward_pre_hook(
        lambda _module, args, kwargs: seen.append(args[0] if args else kwargs["hidden_states"]),
        with_kwargs=True,
    )
    with torch.inference_mode():
        model.model(**prompt.inputs)
    hook.remove()
    return seen[0][0, torch.from_numpy(prompt.image_positions)]


def changed_by(model: LoadedModel, size: tuple[int, int], region: tuple[float, ...]) -> set[int]:
    """Which image tokens enter the decoder differently when a region of the picture is painted over."""
    one, two = (image_features(model, image) for image in painted(size, region))
    return set(torch.nonzero((one - two).abs().amax(1) > 1e-6).flatten().tolist())


def check_painted(
    model: LoadedModel, size: tuple[int, int], region: tuple[int, int, int, int], slack: float = 0.0
) -> set[int]:
    """The tokens that change are those whose boxes overlap the region (x0, y0, x1, y1); returns them.

    Reading single pixels (NEAREST), a token can miss a region that covers less than one sampled pixel of its
    box. `slack`: how many sampled pixels a second resize may shift what is read.
    """
    boxes = model.prepare(ASK, painted(size, region)[0]).boxes
    x0, y0, x1, y1 = region
    across = np.minimum(boxes[:, 2], x1) - np.maximum(boxes[:, 0], x0)
    down = np.minimum(boxes[:, 3], y1) - np.maximum(boxes[:, 1], y0)
    least = np.minimum(
        across / sampled(boxes[:, 2] - boxes[:, 0], model), down / sampled(boxes[:, 3] - boxes[:, 1], model)
    )
    shown = ((boxes[:, 2:] - boxes[:, :2]) > 0).all(1)
    must = set(np.flatnonzero(shown & (least > 1 + slack)).tolist())
    may = set(np.flatnonzero(shown & (least > -slack)).tolist())
    found = changed_by(model, size, region)
    assert must and len(may) < shown.sum()
    assert must <= found <= may
    return found


def sampled(edges: np.ndarray, model: LoadedModel) -> np.ndarray:
    """Distance between sampled pixels, in pixels of the original, for boxes with these edges `[P]`.

    Boxes that are clipped at the picture's edge are taken for those of the usual edge.
    """
    config = model.model.config
    merge = getattr(config, "scale_factor", None) or round(1 / getattr(config, "downsample_ratio", 1))
    return np.maximum(edges, np.median(edges[edges > 0])) / (PATCH * merge)


def check_every_box(model: LoadedModel, size: tuple[int, int], slack: float = 0.0) -> None:
    """`check_painted` on a 3 × 3 division of the picture; together the regions change every box's token."""
    width, height = size
    found: set[int] = set()
    for row in range(3):
        for column in range(3):
            x0, x1 = (width * k // 3 for k in (column, column + 1))
            y0, y1 = (height * k // 3 for k in (row, row + 1))
            found |= check_painted(model, size, (x0, y0, x1, y1), slack)
    boxes = model.prepare(ASK, painted(size, (0, 0, 1, 1))[0]).boxes
    assert found == set(np.flatnonzero(((boxes[:, 2:] - boxes[:, :2]) > 0).all(1)).tolist())
