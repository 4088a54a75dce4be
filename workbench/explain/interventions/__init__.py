"""What if the picture or the reasoning were different? Interventions, effects, verdicts in words."""

from workbench.explain.interventions.case import Effect, ProbeCase, effect_of
from workbench.explain.interventions.edits import REGION_FILLS, WHOLE_EDITS, RegionFill, WholeEdit
from workbench.explain.interventions.options import ShuffleOutcome, probe_options
from workbench.explain.interventions.picture import (
    ACTIONS,
    Action,
    Outcome,
    finding_of,
    probe_region,
    probe_whole,
)
from workbench.explain.interventions.regenerate import Regenerated
from workbench.explain.interventions.regions import (
    Region,
    box_region,
    control_regions,
    joined,
    mask_region,
    polygon_region,
    stroke_region,
)
from workbench.explain.interventions.traces import EDIT_KINDS, THENS, TraceEdit, TraceOutcome, probe_trace
from workbench.explain.interventions.verdicts import Finding, Verdict, verdicts

__all__ = [
    "ACTIONS", "EDIT_KINDS", "REGION_FILLS", "THENS", "WHOLE_EDITS", "Action", "Effect", "Finding",
    "Outcome", "ProbeCase", "Regenerated", "Region", "RegionFill", "ShuffleOutcome", "TraceEdit",
    "TraceOutcome", "Verdict", "WholeEdit", "box_region", "control_regions", "effect_of", "finding_of",
    "joined", "mask_region", "polygon_region", "probe_options", "probe_region", "probe_trace", "probe_whole",
    "stroke_region", "verdicts",
]  # fmt: skip
