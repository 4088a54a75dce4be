"""What the screens need from the rest of the house: settings and a pair that loads in the background.

The page is served before the weights are there; nothing here imports gradio.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from workbench import cases, explain, models
from workbench.errors import UserFacing
from workbench.models.checkpoints.source import find_source
from workbench.models.served.address import is_address
from workbench.settings import Settings
from workbench.ui.case import trust

if TYPE_CHECKING:
    from workbench.cases.answered import AnsweredCase
    from workbench.cases.column import Column
    from workbench.cases.maps import MapSet
    from workbench.explain import Method, TextMaps
    from workbench.imaging.medical_image import MedicalImage
    from workbench.models.answer import Decoding, Question
    from workbench.models.checkpoints.hub import LoadProgress
    from workbench.ui.case.trust import TrustLine

LOG = logging.getLogger(__name__)
ROLES = ("base", "tuned")
NOT_ON_TRACE = (
    "logit_contrast", "input_gradient", "smooth_gradient", "grad_cam", "relative_attention", "rise",
    "shapley", "greedy_search", "attention_rollout",
)  # fmt: skip
NO_MAPS = "maps are not possible, because the weights are elsewhere"
LOADING_HINT = "You can add an image and type a question meanwhile."


@dataclass(frozen=True)
class Engine:
    """The calls that need model code; tests put stand-ins here.

    `load(ref, settings, progress=, stop=)` gives a LoadedModel ("base" and "tuned" are names too);
    `load_beside(base, ref, settings, ...)` the tuned one beside it (None: `load` does that too);
    `run_case(model, image, question, decoding, stop)` yields growing Columns,
    `case_maps(case, method, params)` gives a MapSet, `methods()` the map methods of the Trace screen,
    `text_maps(case, method, stop)` the TextMaps of an answer,
    `measure_trust(case, maps, key, causal, moved_on)` a TrustLine of one span.
    """

    load: Callable[..., Any]
    run_case: Callable[
        [Any, "MedicalImage | None", "Question", "Decoding", threading.Event], Iterator["Column"]
    ]
    case_maps: Callable[["AnsweredCase", str, Mapping[str, Any]], "MapSet"]
    methods: Callable[[], Mapping[str, Any]]
    text_maps: Callable[["AnsweredCase", str, threading.Event], "TextMaps"]
    measure_trust: Callable[..., "TrustLine"]
    load_beside: Callable[..., Any] | None = None


def default_engine() -> Engine:
    """The real thing. Making it loads torch, so call it outside the path to the first page."""
    return Engine(
        load=lambda ref, settings, **heard: models.load_model(ref, settings=settings, **heard),
        run_case=cases.run_case,
        case_maps=cases.case_maps,
        methods=trace_methods,
        text_maps=explain.text_maps,
        measure_trust=trust.measure_trust,
        load_beside=models.load_beside,
    )


def trace_methods() -> dict[str, "Method"]:
    """The Trace screen's methods by name: all but those that hold the model too long or need more than a
    click, and the plain gradients, which misled on the shipped pair. Methods offers every one."""
    return {name: method for name, method in explain.METHODS.items() if name not in NOT_ON_TRACE}


def reading_note(models: Mapping[str, Any]) -> str:
    """What the loaded models can't be shown, in a sentence; "" where all of them take pictures."""
    blind = [role for role in ROLES if role in models and not models[role].takes_image]
    if not blind:
        return ""
    if len(blind) == len(models):
        return "These models only read text. Ask without a picture: none is needed."
    return f"The {blind[0]} model only reads text: it answers without the picture."


@dataclass(frozen=True)
class PairState:
    """How far loading is. `models` holds what is ready, by role; `message` is a sentence for people.

    While one model of a ready pair is exchanged, the phase stays "ready", `exchanging` is its role, and the
    models that were there go on answering.
    """

    phase: Literal["idle", "loading", "ready", "failed"]
    message: str = ""
    models: Mapping[str, Any] = field(default_factory=dict)
    exchanging: str = ""


class Services:
    """One per process: the settings, the engine and the pair. Safe to use from several threads."""

    def __init__(self, settings: Settings, engine: Callable[[], Engine] = default_engine) -> None:
        self.settings = settings
        self._make_engine, self._engine = engine, None
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._state = PairState("idle")
        self._given_up = threading.Event()  # of the exchange under way

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
        if state.phase == "ready" and not state.models:
            raise UserFacing("No model is loaded.", "Load one on the Models tab.")
        if state.phase != "ready":
            raise UserFacing("Stopped before the models were ready.", "Ask again in a moment.")
        return state.models

    def exchange(self, role: str, ref: str, key: str = "") -> None:
        """Load another model in the background and put it in the place of `role` once it is ready.

        `key` is that of a server; it stays in this process. A load that fails, or is given up, leaves the
        models that are there; the one that is replaced gives its memory back. Raises UserFacing when the pair
        itself is still loading or another exchange is under way, and for a model that is not there or may not
        be loaded here.
        """
        if is_address(ref):
            self.settings.require_allowed(ref)
        else:
            find_source(ref, self.settings)
        settings = (
            replace(self.settings, keys=self.settings.keys.with_key(ref, key)) if key else self.settings
        )
        with self._changed:
            if self._state.phase == "loading" or self._state.exchanging:
                raise UserFacing("Another model is being loaded.", "Wait for it, or cancel it.")
            message = f"Loading {ref} as {role}. The models that are here go on answering."
            self._state = replace(self._state, message=message, exchanging=role)
            self._given_up = given_up = threading.Event()
        task = partial(self._exchange, role, ref, settings, given_up)
        threading.Thread(target=task, name="exchange-model", daemon=True).start()

    def give_up_exchange(self) -> None:
        """Keep the models that are there, whatever the exchange under way brings."""
        with self._changed:
            self._given_up.set()
            if self._state.exchanging:
                kept = "Cancelled; the models that were here stay."
                self._state = replace(self._state, message=kept, exchanging="")

    def unload(self, role: str) -> None:
        """Free the memory of one model. Its answers stay readable. Raises UserFacing without such a model."""
        with self._changed:
            model = self._state.models.get(role)
            if model is None or self._state.exchanging:
                raise UserFacing(
                    f"There is no {role} model to unload now.", "Load one, or wait for the one under way."
                )
            left = {other: kept for other, kept in self._state.models.items() if other != role}
            message = f"{model.label} was unloaded. Load another one as {role} on the Models tab."
            self._state = replace(self._state, models=left, message=message)
            self._changed.notify_all()
        if model not in left.values():
            model.unload()

    def _progressed(self, role: str, ref: str, given_up: threading.Event, progress: "LoadProgress") -> None:
        message = f"{loading_words(progress)} {ref} as {role}. The models that are here go on answering."
        with self._changed:
            if not given_up.is_set():
                self._state = replace(self._state, message=message)

    def _exchange(self, role: str, ref: str, settings: Settings, given_up: threading.Event) -> None:
        told = partial(self._progressed, role, ref, given_up)
        try:
            base = self._state.models.get("base")
            model, message = self._loaded(role, ref, base, settings, progress=told, stop=given_up), ""
        except UserFacing as fault:
            model, message = None, f"{fault} The models that were here stay."
        except Exception as fault:  # a thread's last word: anything else would leave the page waiting
            LOG.exception("a model could not be loaded")
            name = type(fault).__name__
            model, message = None, f"{ref} could not be loaded ({name}). The models that were here stay."
        with self._changed:
            models = dict(self._state.models)
            if given_up.is_set():
                if model is not None and model not in models.values():
                    model.unload()
                return
            replaced = models.get(role) if model is not None else None
            if model is not None:
                models[role] = model
            phase = "ready" if models else self._state.phase
            ordered = {name: models[name] for name in ROLES if name in models}
            self._state = PairState(phase, message, ordered)
            self._changed.notify_all()
        if replaced is not None and replaced not in ordered.values():
            replaced.unload()

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
                told = partial(self._pair_progressed, role, dict(loaded))
                loaded[role] = self._loaded(role, role, loaded.get("base"), self.settings, progress=told)
        except UserFacing as fault:
            if loaded:  # one model answers as well alone; the other can be loaded on the Models tab
                self._set(PairState("ready", f"There is no {role} model: {fault}", loaded))
            else:
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

    def _pair_progressed(self, role: str, loaded: Mapping[str, Any], progress: "LoadProgress") -> None:
        self._set(PairState("loading", f"{loading_words(progress)} the {role} model. {LOADING_HINT}", loaded))

    def _loaded(self, role: str, ref: str, base: Any, settings: Settings, **heard: Any) -> Any:
        """One model of the pair; an adapter shares the weights of a base that is there."""
        if role == "tuned" and base is not None and self.engine.load_beside is not None:
            return self.engine.load_beside(base, ref, settings, **heard)
        return self.engine.load(ref, settings, **heard)

    def _set(self, state: PairState) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()


def loading_words(progress: "LoadProgress") -> str:
    """How far a load is: "Downloading 1.2 of 4.3 GB of", "Reading the weights of"."""
    if progress.phase == "download":
        if not progress.total:
            return "Downloading"
        return f"Downloading {progress.done / 1e9:.1f} of {progress.total / 1e9:.1f} GB of"
    return "Reading the weights of"


def model_line(model: Any) -> str:
    """ "revision · device · precision" of one loaded model; of a served one, where and what follows."""
    if host := getattr(model, "served_at", ""):
        return f"served at {host} · pictures and questions are sent there · {NO_MAPS}"
    return " · ".join(
        (
            f"revision {short_revision(model.revision)}",
            str(model.device),
            str(model.dtype).removeprefix("torch."),
        )
    )


def short_revision(revision: str) -> str:
    """12 digits of a commit or hash; of an adapter, those of its base and its own."""
    return "+".join(part[:12] for part in revision.split("+"))


def memory_line(model: Any) -> str:
    """Memory of the weights in words, e.g. "14 MB"; "" for weights that are elsewhere."""
    if getattr(model, "served_at", ""):
        return ""
    megabytes = model.memory_bytes / 1e6
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
