"""What the lanes promise; that every event takes one is tested with the page in `test_app.py`."""

from workbench.ui.lanes import AT_ONCE, MODEL_LANE, with_progress_on


def test_only_the_model_lane_is_one_at_a_time() -> None:
    assert (MODEL_LANE["concurrency_id"], MODEL_LANE["concurrency_limit"]) == ("model", 1)
    assert AT_ONCE["concurrency_limit"] is None and "concurrency_id" not in AT_ONCE
    assert MODEL_LANE["api_visibility"] == AT_ONCE["api_visibility"] == "private"


def test_progress_on_one_component_leaves_the_lane_as_it_is() -> None:
    lane = with_progress_on(MODEL_LANE, "status")
    assert lane == MODEL_LANE | {"show_progress": "minimal", "show_progress_on": "status"}
    assert MODEL_LANE["show_progress"] == "hidden"
