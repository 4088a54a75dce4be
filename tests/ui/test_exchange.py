"""One model of a ready pair is exchanged or unloaded; the others go on, and faults keep what was there."""

import threading
from pathlib import Path

import pytest

from tests.ui.fakes import FakeModel
from tests.waiting import HANG_SECONDS, until
from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.ui.models.desk import ModelsDesk
from workbench.ui.services import Engine, Services


class Unloadable(FakeModel):
    unloaded: list[str] = []

    def unload(self) -> None:
        self.unloaded.append(self.name)


def ready(load) -> Services:  # noqa: ANN001 - a stand-in of the engine's own
    engine = Engine(
        load=load, run_case=None, case_maps=None, methods=dict, text_maps=None, measure_trust=None
    )
    services = Services(Settings(), lambda: engine)
    services.pair(threading.Event())
    return services


def names(services: Services) -> dict[str, str]:
    return {role: model.name for role, model in services.state.models.items()}


def settled(services: Services) -> None:
    until(lambda: not services.state.exchanging, "the exchange")


def test_a_model_takes_its_place_when_it_is_ready_and_not_before() -> None:
    gate = threading.Event()

    def load(ref: str, settings: Settings, **heard: object) -> FakeModel:
        if ref == "medix-r1-2b":
            gate.wait(HANG_SECONDS)
        return FakeModel(ref)

    services = ready(load)
    desk = ModelsDesk(services)
    desk.act({"load": "medix-r1-2b", "role": "tuned"})
    assert services.state.exchanging == "tuned" and "medix-r1-2b" in services.state.message
    assert names(services) == {"base": "base", "tuned": "tuned"}
    with pytest.raises(UserFacing, match="being loaded"):
        desk.load("smolvlm-256m", "base")
    gate.set()
    settled(services)
    assert names(services) == {"base": "base", "tuned": "medix-r1-2b"} and services.state.message == ""
    shown = str(desk.cards())
    assert "loaded as tuned" in shown and "OpenMedReason 7B" in shown


def test_a_failed_load_keeps_the_pair_and_says_why() -> None:
    def load(ref: str, settings: Settings, **heard: object) -> FakeModel:
        if ref == "owner/gated":
            raise UserFacing("The model is gated.", "Accept its terms.")
        if ref == "owner/odd":
            raise ZeroDivisionError
        return FakeModel(ref)

    services = ready(load)
    for ref, said in (("owner/gated", "is gated"), ("owner/odd", "ZeroDivisionError")):
        services.exchange("base", ref)
        settled(services)
        assert said in services.state.message and "stay" in services.state.message
        assert names(services) == {"base": "base", "tuned": "tuned"} and services.state.phase == "ready"


def test_a_load_that_was_given_up_changes_nothing() -> None:
    gate, ended = threading.Event(), threading.Event()

    def load(ref: str, settings: Settings, **heard: object) -> FakeModel:
        if ref == "medix-r1-2b":
            gate.wait(HANG_SECONDS)
            ended.set()
        return FakeModel(ref)

    services = ready(load)
    services.exchange("tuned", "medix-r1-2b")
    services.give_up_exchange()
    assert not services.state.exchanging and "Cancelled" in services.state.message
    gate.set()
    assert ended.wait(HANG_SECONDS)
    services.exchange("tuned", "qwen2-vl-2b")
    settled(services)
    assert names(services)["tuned"] == "qwen2-vl-2b"


def test_what_was_unloaded_frees_its_memory_and_asking_says_so() -> None:
    services = ready(lambda ref, settings, **heard: Unloadable(ref))
    desk = ModelsDesk(services)
    desk.act({"unload": "base"})
    assert names(services) == {"tuned": "tuned"} and Unloadable.unloaded == ["base"]
    assert services.pair(threading.Event()) == services.state.models
    desk.act({"unload": "tuned"})
    with pytest.raises(UserFacing, match="No model is loaded"):
        services.pair(threading.Event())
    with pytest.raises(UserFacing, match="no tuned model"):
        desk.act({"unload": "tuned"})
    services.exchange("tuned", "tuned")
    settled(services)
    assert names(services) == {"tuned": "tuned"}


def test_what_may_not_be_loaded_here_is_refused_at_once(tmp_path: Path) -> None:
    services = ready(lambda ref, settings, **heard: FakeModel(ref))
    desk = ModelsDesk(services)
    for asked in ({"load": "", "role": "base"}, {"load": "x", "role": "judge"}, {}):
        with pytest.raises(UserFacing):
            desk.act(asked)
    public = Services(Settings(public=True), lambda: None)
    with pytest.raises(UserFacing, match="does not load|not enabled|public"):
        public.exchange("base", "owner/model")


def test_when_only_one_of_the_pair_can_be_loaded_it_answers_alone() -> None:
    def load(ref: str, settings: Settings, **heard: object) -> FakeModel:
        if ref == "tuned":
            raise UserFacing("The model 'tuned' does not fit here.", "Unload a model.")
        return FakeModel(ref)

    services = ready(load)
    assert names(services) == {"base": "base"} and services.state.phase == "ready"
    assert "no tuned model" in services.state.message and "does not fit" in services.state.message
