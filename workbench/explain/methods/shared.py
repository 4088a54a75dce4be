"""Methods that only read the shared pass: maps of every token, pooled into maps of spans."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from workbench.explain.evidence import Evidence
from workbench.explain.heatmap import Refusal, Span
from workbench.explain.methods.attribution import SHARED_PASS, Attribution, Method, Need, SpanMaps
from workbench.explain.methods.params import Param, Params

ATTENTION_SHARE = "attention that the word's row gives to the image, mean over layers and heads"
Pool = Literal["sum", "mean"]


@dataclass(frozen=True)
class TokenMaps:
    """Maps of every answer token: `values` `[T, P]`, `share` `[T]` of the evidence that came from the image.

    `image_weight` and `whole_weight` `[T]` are what a span's share is pooled from: Σ image / Σ whole.
    `void` are tokens about which the method can say nothing, for the reason `void_reason`; their rows are 0.
    """

    values: np.ndarray
    image_weight: np.ndarray
    whole_weight: np.ndarray
    note: str = ""
    void: frozenset[int] = frozenset()
    void_reason: str = ""

    @property
    def share(self) -> np.ndarray:
        return self.image_weight / np.maximum(self.whole_weight, 1e-12)


TokenCompute = Callable[[Evidence, Params], TokenMaps | Refusal]


def shared_method(
    name: str,
    label: str,
    description: str,
    caveat: str,
    unit: str,
    signed: bool,
    pool: Pool,
    compute: TokenCompute,
    params: tuple[Param, ...] = (),
    share_meaning: str = ATTENTION_SHARE,
    needs: tuple[Need, ...] = (),
) -> Method:
    """A method over the shared pass, from the maps that `compute` makes of every token.

    `pool` says how token maps make a span's map: "sum" for additive quantities, "mean" for the others.
    `share_meaning` says what the image share beside the map counts.
    """

    def of_spans(asked: Attribution, settings: Params) -> SpanMaps | Refusal:
        maps = compute(asked.evidence, settings)
        return maps if isinstance(maps, Refusal) else pooled(asked, maps, pool, share_meaning)

    return Method(
        name, label, description, caveat, unit, signed, ("shared pass", *needs),
        lambda _prompt, _spans, _params: SHARED_PASS, of_spans, params, pool,
    )  # fmt: skip


def pooled(asked: Attribution, maps: TokenMaps, pool: Pool, share_meaning: str) -> SpanMaps | Refusal:
    """Maps of the spans from those of the tokens; a Refusal when nothing can be said about any of them."""
    spans, evidence = asked.spans, asked.evidence
    if spans and all(maps.void.issuperset(span.tokens) for span in spans):
        return Refusal(maps.void_reason, "Choose another word or another setting.")
    found = [pool_span(maps, pool, span) for span in spans]
    about: dict[str, Any] = {
        "layers": int(evidence.attention.shape[0]),
        "heads": int(evidence.attention.shape[1]),
        "sinks": evidence.sinks.tolist(),
        "kept_bytes": evidence.kept_bytes,
    }
    return SpanMaps(
        np.array([values for values, _ in found], np.float32).reshape(len(spans), -1),
        np.array([share for _, share in found]),
        share_meaning,
        SHARED_PASS,
        maps.note,
        tuple(about for _ in spans),
        tuple(maps.void_reason if maps.void.issuperset(span.tokens) else "" for span in spans),
        evidence.seconds,
    )


def pool_span(maps: TokenMaps, pool: Pool, span: Span) -> tuple[np.ndarray, float]:
    """Map float32 `[P]` and image share of a span from its tokens' maps."""
    tokens = list(span.tokens)
    values = maps.values[tokens].mean(0) if pool == "mean" else maps.values[tokens].sum(0)
    share = maps.image_weight[tokens].sum() / max(float(maps.whole_weight[tokens].sum()), 1e-12)
    return values.astype(np.float32), float(share)
