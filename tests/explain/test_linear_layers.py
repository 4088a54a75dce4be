import pytest
import torch
from torch import nn

from tests.explain.cases import answer_of
from tests.explain.quantised import Packed, packed_model
from tests.tiny import picture
from workbench.explain import METHODS, HeatMap, Refusal, Span, explain_spans, gather_evidence
from workbench.explain.linear_layers import full_weight, has_plain_weight, output_width, weight_rows
from workbench.explain.metrics import efficient_randomisation, randomise_parameters
from workbench.models.answer import Question

MATRIX = torch.tensor([[1.0, -2.0], [0.5, 3.0], [0.0, 4.0]])  # 2 numbers in, 3 out
ASK = Question("left")


class Adapted(nn.Module):
    """W x + 10, where `weight` is only a part of W, as in a model with adapters."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 2), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ MATRIX.T + 10


def _plain() -> nn.Linear:
    layer = nn.Linear(2, 3).requires_grad_(False)
    layer.weight.copy_(MATRIX)
    return layer


@pytest.mark.parametrize(
    "layer", [_plain(), Adapted(), Packed(_plain(), levels=4)], ids=lambda x: type(x).__name__
)
def test_the_matrix_is_what_the_layer_does(layer):
    # 4 levels up to the largest entry of each row, 2, 3 and 4: only 0.5 of the second row falls between two
    want = MATRIX if not isinstance(layer, Packed) else torch.tensor([[1.0, -2.0], [0.75, 3.0], [0.0, 4.0]])
    assert torch.allclose(full_weight(layer, 2, torch.float32), want, atol=1e-6)
    rows = weight_rows(layer, torch.tensor([2, 0]), 2, torch.float32)
    assert torch.allclose(rows, want[[2, 0]], atol=1e-6)
    assert output_width(layer, 2, torch.float32) == 3


def test_only_numbers_that_the_layer_multiplies_by_are_read_as_they_lie():
    assert has_plain_weight(_plain())
    assert not has_plain_weight(Adapted()) and not has_plain_weight(Packed(_plain()))
    scaled = _plain()  # 8-bit floats, whose scale lies elsewhere
    scaled.weight = nn.Parameter(MATRIX.to(torch.float8_e4m3fn), requires_grad=False)
    assert not has_plain_weight(scaled)
    assert not has_plain_weight(nn.Linear(2, 3, device="meta"))


def test_layers_without_a_weight_have_the_maps_of_their_weights_written_out(tiny):
    """Also where the unembedding is packed: methods look words up in it."""
    prompt, answer, spans = (
        tiny.prepare(ASK, picture(60, 40)),
        answer_of((7, 11)),
        [Span("all", "all", (0, 1))],
    )
    params = {"logit_contrast": {"foil": 9}}
    with packed_model(tiny, written_out=True):
        plain = gather_evidence(tiny, prompt, answer)
        wanted = {name: explain_spans(plain, spans, name, params.get(name)) for name in METHODS}
    with packed_model(tiny):
        assert not hasattr(tiny.decoder.unembedding, "weight")
        evidence = gather_evidence(tiny, prompt, answer)
        assert evidence.vocabulary == plain.vocabulary
        for name, (want,) in wanted.items():
            (found,) = explain_spans(evidence, spans, name, params.get(name))
            assert isinstance(found, HeatMap)
            assert found.values == pytest.approx(want.values, abs=1e-5), name
            assert found.image_share == pytest.approx(want.image_share, abs=1e-5), name


@pytest.mark.parametrize("test", [randomise_parameters, efficient_randomisation])
def test_packed_weights_are_not_randomised(tiny, monkeypatch, test):
    prompt, span = tiny.prepare(ASK, picture(48, 48)), Span("token", "x", (0,))
    monkeypatch.setattr(tiny.model, "forward", lambda **_: pytest.fail("a pass was run"))
    packed = nn.Parameter(torch.zeros(2, dtype=torch.uint8), requires_grad=False)
    monkeypatch.setitem(tiny.decoder.layers[0]._parameters, "packed", packed)
    found = test(tiny, prompt, answer_of((7,)), span, "attention_mean")
    assert isinstance(found, Refusal) and "quantised" in found.reason and "unquantised" in found.hint
    monkeypatch.delitem(tiny.decoder.layers[0]._parameters, "packed")
    monkeypatch.setattr(tiny.model, "is_quantized", True, raising=False)  # numbers kept in buffers
    assert isinstance(test(tiny, prompt, answer_of((7,)), span, "attention_mean"), Refusal)
