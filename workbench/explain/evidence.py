"""The shared pass: one teacher-forced forward that serves every instant method, word and step."""

import time
import weakref
from dataclasses import dataclass, fields

import numpy as np
import torch

from workbench.explain.contributions import Contributions, final_scale
from workbench.explain.heatmap import Refusal
from workbench.explain.linear_layers import output_width, weight_rows
from workbench.explain.shared_pass import SharedPassReader
from workbench.models.answer import Answer, Prompt
from workbench.models.forced import ForcedPass
from workbench.models.served.elsewhere import weights_elsewhere
from workbench.models.session import LoadedModel

# Visual attention sinks carry massive activations in a few fixed dimensions (arXiv 2503.03321).
SINK_DIMENSION_RATIO = 100.0  # |h[d]| at position 0 over its median
SINK_THRESHOLD = 20.0  # max |h_j[d]| / rms(h_j) over those dimensions, for a width of 4,096
SINK_WIDTH = 4096  # the ratio cannot exceed sqrt(width), so the threshold scales with it


@dataclass(frozen=True)
class Likeness:
    """Logit of every text token's word, read at the last layer's states (Token Activation Map, A8).

    K text tokens: the prompt's, then the answer's. `image` `[K, P]` the word of token k at the image tokens;
    `text` `[K, K]` the word of token k at text token i; `ids` int64 `[K]`.
    """

    image: np.ndarray
    text: np.ndarray
    ids: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """What one pass over prompt + answer tells about every answer token.

    Shapes: L layers, H heads, T answer tokens, P image tokens. Row convention: the map of token t comes
    from row t−1, the row whose logits produced it.
    `attention` float32 `[L, H, T, P]`; `attention_share` `[L, H, T]`, attention mass on the image;
    `text_attention` `[L, H, T, 4]`, mass on the groups TEXT_GROUPS of `pass_reader`; `sinks` int `[S]` image
    tokens that act as sinks; `hidden` `[T, d]` input of the final norm at the predicting rows;
    `states` `[L, P, d]` image tokens after each layer, `values` `[L, Hkv, P, dh]` and `head_output`
    `[L, H, T, dh]` in the model's own precision. `owner` is a weak reference: evidence that is kept never
    keeps a model in memory.
    """

    logprobs: np.ndarray
    entropy: np.ndarray
    attention: np.ndarray
    attention_share: np.ndarray
    text_attention: np.ndarray
    contribution: Contributions
    likeness: Likeness
    hidden: torch.Tensor
    states: torch.Tensor
    values: torch.Tensor
    head_output: torch.Tensor
    sinks: np.ndarray
    boxes: np.ndarray
    picture_of: np.ndarray
    ids: tuple[int, ...]
    vocabulary: int
    seconds: float
    owner: weakref.ref[LoadedModel]

    @property
    def kept_bytes(self) -> int:
        """Bytes of all the arrays."""
        parts = [self, self.contribution, self.likeness]
        arrays = [getattr(part, field.name) for part in parts for field in fields(part)]
        return sum(a.nbytes for a in arrays if isinstance(a, np.ndarray | torch.Tensor))

    def model(self) -> LoadedModel | Refusal:
        """The model that the pass was run on, or why it is no longer there."""
        found = self.owner()
        return found or Refusal("The model of this answer is no longer loaded.", "Ask again.")


def image_shares(model: LoadedModel, prompt: Prompt, answer: Answer) -> list[float]:
    """Attention mass on the image for each answer token, mean over layers and heads."""
    return gather_evidence(model, prompt, answer).attention_share.mean((0, 1)).tolist()


def gather_evidence(model: LoadedModel, prompt: Prompt, answer: Answer) -> Evidence:
    """Run the shared pass. Raises ValueError for an empty answer, WeightsElsewhere for a served model."""
    if gone := weights_elsewhere(model):
        raise gone
    if not answer.ids:
        raise ValueError("cannot teacher-force an empty answer")
    with model.lock:  # a sanity test of another page may randomise weights for a moment
        began = time.monotonic()
        reader = SharedPassReader(model, prompt, answer.ids)
        with reader.reading():
            forced = model.teacher_force(prompt, answer.ids)
        return _assembled(model, prompt, answer, reader, forced, began)


def _assembled(
    model: LoadedModel,
    prompt: Prompt,
    answer: Answer,
    reader: SharedPassReader,
    forced: ForcedPass,
    began: float,
) -> Evidence:
    attention = torch.stack(reader.attention)
    scale = final_scale(model.decoder, forced.hidden)
    contribution = Contributions(
        (reader.patches / scale[:, None]).numpy(),
        (torch.stack(reader.image_part) / scale).numpy(),
        (torch.stack(reader.whole_part) / scale).numpy(),
        (reader.text / scale[:, None]).numpy(),
    )
    return Evidence(
        logprobs=forced.logprobs,
        entropy=forced.entropy,
        attention=attention.numpy(),
        attention_share=attention.sum(-1).numpy(),
        text_attention=torch.stack(reader.text_attention).numpy(),
        contribution=contribution,
        likeness=_likeness(model, prompt, answer, reader.final),
        hidden=forced.hidden,
        states=torch.stack(reader.states),
        values=torch.stack(reader.values),
        head_output=torch.stack(reader.head_output),
        sinks=find_sinks(reader.late, prompt.image_positions),
        boxes=prompt.boxes,
        picture_of=prompt.picture_of,
        ids=answer.ids,
        vocabulary=_vocabulary(model),
        seconds=time.monotonic() - began,
        owner=weakref.ref(model),
    )


def _vocabulary(model: LoadedModel) -> int:
    """Words that the model can say."""
    gain = model.decoder.norm_gain
    return output_width(model.decoder.unembedding, len(gain), gain.dtype)


def _likeness(model: LoadedModel, prompt: Prompt, answer: Answer, final: torch.Tensor) -> Likeness:
    """`final` `[N, d]` is the input of the final norm."""
    prompt_ids = prompt.inputs["input_ids"][0].cpu()
    text = np.setdiff1d(np.arange(len(final)), prompt.image_positions)
    ids = torch.cat([prompt_ids, torch.tensor(answer.ids)])[text]
    parts = model.decoder
    with torch.inference_mode():
        normed = parts.final_norm(final).float().cpu()
        words = weight_rows(parts.unembedding, ids, final.shape[-1], final.dtype)
        image, texts = normed[prompt.image_positions], normed[text]
        return Likeness((words @ image.T).numpy(), (words @ texts.T).numpy(), ids.numpy())


def find_sinks(hidden: torch.Tensor, image_positions: np.ndarray) -> np.ndarray:
    """Indices among the image tokens that carry massive activations, int64 `[S]`; often none.

    `hidden` `[N, d]`. Sink dimensions are those whose magnitude at position 0 exceeds
    SINK_DIMENSION_RATIO times that row's median; they are found anew for each checkpoint.
    """
    first = hidden[0].abs()
    dimensions = torch.nonzero(first > SINK_DIMENSION_RATIO * first.median()).flatten()
    if len(dimensions) == 0 or len(image_positions) == 0:
        return np.zeros(0, np.int64)
    rows = hidden[torch.from_numpy(image_positions)]
    rms = rows.pow(2).mean(-1).sqrt().clamp(min=1e-9)
    strength = rows[:, dimensions].abs().amax(-1) / rms
    threshold = SINK_THRESHOLD * (hidden.shape[1] / SINK_WIDTH) ** 0.5
    return torch.nonzero(strength > threshold).flatten().numpy()
