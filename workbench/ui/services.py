"""What the screens need from the rest of the house: settings and a pair that loads in the background.

The page is served before the weights are there; nothing here imports gradio.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from workbench import cases, explain, models
from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.ui.case import trust

if TYPE_CHECKING:
    from workbench.cases.answered import AnsweredCase
    from workbench.cases.column import Column
    from workbench.cases.maps import MapSet
    from workbench.explain import Method
    from workbench.imaging.medical_image import MedicalImage
    from workbench.models.answer import Decoding, Question
    from workbench.ui.case.trust import TrustLine

LOG = logging.getLogger(__name__)
ROLES = ("base", "tuned")
NOT_ON_TRACE = (
    "logit_contrast", "input_gradient", "smooth_gradient", "grad_cam", "relative_attention", "rise",
    "shapley", "greedy_search", "attention_rollout",
)  # fmt: skip
LOADING_HINT = "You can add an image and type a question meanwhile."


@dataclass(frozen=True)
class Engine:
    """The calls that need model code; tests put stand-ins here.

    `load(role, settings)` gives a LoadedModel, `run_case(model, image, question, decoding, stop)` yields
    growing Columns, `case_maps(case, method, params)` gives a MapSet, `methods()` the map methods of the
    Trace screen, `measure_trust(case, maps, key, causal, moved_on)` a TrustLine of one span.
    """

    load: Callable[[str, Settings], Any]
    run_case: Callable[
        [Any, "MedicalImage | None", "Question", "Decoding", threading.Event], Iterator["Column"]
    ]
    case_maps: Callable[["AnsweredCase", str, Mapping[str, Any]], "MapSet"]
    methods: Callable[[], Mapping[str, Any]]
    measure_trust: Callable[..., "TrustLine"]


def default_engine() -> Engine:
    """The real thing. Making it loads torch, so call it outside the path to the first page."""
    return Engine(
        load=lambda role, settings: models.load_model(role, settings=settings),
        run_case=cases.run_case,
        case_maps=cases.case_maps,
        methods=trace_methods,
        measure_trust=trust.measure_trust,
    )


def trace_methods() -> dict[str, "Method"]:
    """The Trace screen's methods by name: all but those that hold the model too long or need more than a
    click, and the plain gradients, which misled on the shipped pair. Methods offers every one."""
    return {name: method for name, method in explain.METHODS.items() if name not in NOT_ON_TRACE}


@dataclass(frozen=True)
class PairState:
    """How far loading is. `models` holds what is ready, by role; `message` is a sentence for people."""

    phase: Literal["idle", "loading", "ready", "failed"]
    message: str = ""
    models: Mapping[str, Any] = field(default_factory=dict)


class Services:
    """One per process: the settings, the engine and the pair. Safe to use from several threads."""

    def __init__(self, settings: Settings, engine: Callable[[], Engine] = default_engine) -> None:
        self.settings = settings
        self._make_engine, self._engine = engine, None
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._state = PairState("idle")

    @property
    def state(self) -> PairState:
        return self._state

    @property
    def engine(self) -> Engine:
        """The engine, made once."""
        with self._lock:
            if self._engine is None:
                self._engine = self._make_engine()
            return self._engine

    def start_loading(self) -> None:
        """Load the pair in the background, unless that is under way or done; a failure is tried again."""
        with self._changed:
            if self._state.phase in ("loading", "ready"):
                return
            self._state = PairState("loading", f"The models are loading. {LOADING_HINT}")
        threading.Thread(target=self._load, name="load-pair", daemon=True).start()

    def pair(self, stop: threading.Event, poll_seconds: float = 0.2) -> Mapping[str, Any]:
        """The models by role; waits while they load, until `stop` is set. Raises UserFacing without them."""
        self.start_loading()
        with self._changed:
            while self._state.phase == "loading" and not stop.is_set():
                self._changed.wait(poll_seconds)
            state = self._state
        if state.phase == "failed":
            raise UserFacing(state.message, "The rest of the page goes on working; reload it to try again.")
        if state.phase != "ready":
            raise UserFacing("Stopped before the models were ready.", "Ask again in a moment.")
        return state.models

    def _load(self) -> None:
        loaded: dict[str, Any] = {}
        try:
            for number, role in enumerate(ROLES, 1):
                self._set(
                    PairState(
                        "loading",
                        f"Loading the {role} model ({number} of {len(ROLES)}). {LOADING_HINT}",
                        dict(loaded),
                    )
                )
                loaded[role] = self.engine.load(role, self.settings)
        except UserFacing as fault:
            self._set(PairState("failed", str(fault), loaded))
        except (
            Exception
        ) as fault:  # a thread's last word: anything else would leave the page waiting for ever
            LOG.exception("the pair could not be loaded")
            self._set(
                PairState(
                    "failed",
                    f"The models could not be loaded ({type(fault).__name__}). "
                    "Run `python -m workbench doctor`.",
                    loaded,
                )
            )
        else:
            self._set(PairState("ready", "", loaded))

    def _set(self, state: PairState) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()


def model_line(model: Any) -> str:
    """ "revision · device · precision" of one loaded model."""
    return " · ".join(
        (f"revision {model.revision}", str(model.device), str(model.dtype).removeprefix("torch."))
    )


def memory_line(model: Any) -> str:
    """Memory of the weights in words, e.g. "14 MB"."""
    megabytes = model.memory_bytes / 1e6
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
