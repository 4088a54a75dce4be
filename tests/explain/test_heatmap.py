import numpy as np
import pytest

from workbench.explain import HeatMap, Span

BOXES = np.zeros((2, 4), np.float32)


def test_an_empty_span_is_impossible():
    with pytest.raises(ValueError, match="no tokens"):
        Span("word", "x", ())


@pytest.mark.parametrize("values", [np.zeros(3, np.float32), np.zeros((2, 1), np.float32)])
def test_values_must_match_boxes(values):
    with pytest.raises(ValueError, match="do not match"):
        HeatMap(values, BOXES, False, "x", 0.0)


def test_values_must_be_finite():
    with pytest.raises(ValueError, match="not finite"):
        HeatMap(np.array([0, np.nan], np.float32), BOXES, False, "x", 0.0)
