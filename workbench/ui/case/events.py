"""Wiring of the Case tab: what follows when something is clicked, typed or dropped."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from workbench.ui import texts
from workbench.ui.boundary import guarded
from workbench.ui.case.desk import CaseDesk, PageState, QuestionForm
from workbench.ui.case.examples import ExampleSet
from workbench.ui.case.intake import OpenedCase, Picture, sent_path
from workbench.ui.case.layout import CaseComponents
from workbench.ui.lanes import AS_SENT, AT_ONCE, LATEST_ONLY, MODEL_LANE, with_progress_on
from workbench.ui.methods.desk import MethodsDesk
from workbench.ui.methods.events import refresh_after, wire_methods
from workbench.ui.probe.desk import ProbeDesk
from workbench.ui.probe.events import wire_probe
from workbench.ui.votes.desk import VotesDesk
from workbench.ui.votes.events import wire_votes

Updates = dict[Any, Any]


def wire_case(ui: CaseComponents, desk: CaseDesk, examples: ExampleSet) -> None:
    """Bring the tab and its sub-tabs to life."""
    wire_probe(ui.probe, ProbeDesk(desk.services, desk.sessions), examples)
    wire_methods(ui.methods, MethodsDesk(desk.services, desk.sessions), examples)
    placed = _wire_picture(ui, desk, examples)
    answered, cleared, looked = _wire_question(ui, desk)
    wire_votes(ui.votes, VotesDesk(desk.services, desk.sessions), [*placed, answered, cleared, looked])
    _wire_trust(ui, desk, [answered, looked, *_wire_maps(ui, desk)])
    _refresh_methods(ui, desk, [*placed, answered, cleared, looked])


def _refresh_methods(ui: CaseComponents, desk: CaseDesk, news: list[Any]) -> None:
    """After these events the page has another picture or other answers: Methods offers their parts."""
    refresh_after(ui.methods, MethodsDesk(desk.services, desk.sessions), *(event.then for event in news))


def wire_opened(
    ui: CaseComponents,
    desk: CaseDesk,
    examples: ExampleSet,
    tabs: gr.Tabs,
    click: Callable[..., Any],
    notice: gr.HTML,
    find: Callable[[Any, str | None], OpenedCase | None],
) -> None:
    """A benchmark item opened in Case: its picture, question and options, and the tab itself.

    `click` is the event, `find` makes a case of its data and the session (None: the click meant something
    else) and may raise UserFacing, shown in `notice` beside what was clicked.
    """

    @guarded(notice)
    def take(event: gr.EventData, request: gr.Request) -> Updates:
        found = find(event._data, request.session_hash)
        if found is None:
            return {}
        desk.place(request.session_hash, found.picture, (found.question, found.gold), found.more)
        form: Updates = {
            ui.question: found.question, ui.options: "\n".join(found.options), ui.notice: None,
            ui.gold: found.gold, ui.without: found.picture is None,
        }  # fmt: skip
        if found.picture is None:
            placed = {
                ui.viewer: desk.blank(request.session_hash), ui.notes: None, ui.ask_notice: None,
                ui.window_row: gr.Row(visible=False), ui.status: {"text": texts.TEXT_READY}, ui.known: None,
                ui.shown_turn: _turns(desk, request.session_hash),
            }  # fmt: skip
        else:
            placed = _placed(ui, desk, request.session_hash, found.picture, examples)
        return {**placed, **form, tabs: gr.Tabs(selected="case")}

    outputs = [
        notice, tabs, ui.question, ui.options, ui.without, ui.notice, ui.ask_notice, ui.notes,
        ui.window_row, ui.window, ui.invert, ui.chips, ui.viewer, ui.status, ui.shown_turn, ui.known,
        ui.gold,
    ]  # fmt: skip
    _refresh_methods(ui, desk, [click(take, None, outputs, **AT_ONCE)])


def _wire_picture(ui: CaseComponents, desk: CaseDesk, examples: ExampleSet) -> list[Any]:
    """Uploads, the camera, the example gallery and the grey windows.

    Returns the events of another picture, for what comes after them.
    """

    def taken(source: Any) -> Callable[..., Updates]:
        @guarded(ui.notice)
        def decode(path: str, session_id: str) -> Updates:
            return _placed(ui, desk, session_id, desk.upload(session_id, path), examples)

        def handler(sent: Any, question: Any, options: Any, request: gr.Request) -> Updates:
            # emptied also after a fault: the file is gone, and the next one needs the room
            path = sent_path(sent)
            if not path:
                return {source: None}
            updates = decode(path, request.session_hash)
            # the options of an example make no sense for another picture; a person's own do
            stale = ui.viewer in updates and examples.is_prefilled(question, options)
            return {source: None, **updates, **({ui.options: ""} if stale else {})}

        return handler

    @guarded(ui.notice)
    def pick(event: gr.EventData, request: gr.Request) -> Updates:
        example = examples.get((event._data or {}).get("example"))
        picture = desk.example(request.session_hash, example)
        form = {
            ui.question: example.question, ui.options: "\n".join(example.options), ui.gold: example.answer,
        }  # fmt: skip
        return {**_placed(ui, desk, request.session_hash, picture, examples), **form}

    @guarded(ui.notice)
    def rewindow(label: str | None, invert: bool, request: gr.Request) -> Updates:
        picture = desk.rewindow(request.session_hash, label, bool(invert))
        emptied = {ui.viewer: desk.blank(request.session_hash), ui.notes: _facts(picture)}
        return {**emptied, ui.status: {"text": texts.MODELS_SEE_WINDOW}}

    @guarded(ui.notice)
    def add(path: str | None, session_id: str) -> Updates:
        picture, payload = desk.add_picture(session_id, path)
        said = "Picture added. It goes with the next question."
        return {ui.viewer: payload, ui.status: {"text": said}, ui.notes: _facts(picture)}

    def added(sent: Any, request: gr.Request) -> Updates:
        return {ui.more: None, **add(sent_path(sent), request.session_hash)}

    placed = [
        ui.notice, ui.ask_notice, ui.notes, ui.window_row, ui.window, ui.invert, ui.chips, ui.viewer,
        ui.status, ui.shown_turn, ui.known, ui.gold,
    ]  # fmt: skip
    events = []
    ui.more.upload(added, ui.more, [ui.more, ui.notice, ui.notes, ui.viewer, ui.status], **AT_ONCE, **AS_SENT)
    for source, arrived in ((ui.file, ui.file.upload), (ui.camera, ui.camera.input)):
        sent = [source, ui.question, ui.options]
        events.append(arrived(taken(source), sent, [source, ui.options, *placed], **AT_ONCE, **AS_SENT))
    events.append(ui.gallery.click(pick, None, [ui.question, ui.options, *placed], **AT_ONCE))
    windowed = [ui.notice, ui.viewer, ui.notes, ui.status]
    for control in (ui.window, ui.invert):
        events.append(control.input(rewindow, [ui.window, ui.invert], windowed, **AT_ONCE))
    return events


def _wire_question(ui: CaseComponents, desk: CaseDesk) -> tuple[Any, Any, Any]:
    """QuestionForm, stopping, clearing. Ask checks the form at once and hands a ticket to the model lane.

    Returns the events of a finished answer, of a cleared page and of another turn, for what comes after them.
    """

    @guarded(ui.ask_notice)
    def ask(
        question: str,
        options: str,
        mode: str,
        tokens: float,
        temperature: float,
        seed: float,
        gold: str,
        without: bool,
        recover: bool,
        request: gr.Request,
    ) -> Updates:
        numbers = (tokens, temperature, seed)
        form = QuestionForm(question, options, mode, *numbers, gold, bool(without), bool(recover))
        ticket, state = desk.ask(request.session_hash, form)
        return {
            ui.ticket: ticket, ui.shown_turn: _turns(desk, request.session_hash), **_answers_of(ui, state)
        }  # fmt: skip

    @guarded(ui.ask_notice)
    def follow(text: str, request: gr.Request) -> Updates:
        ticket, state = desk.follow_up(request.session_hash, text)
        turns = _turns(desk, request.session_hash)
        return {ui.ticket: ticket, ui.follow_up: "", ui.shown_turn: turns, **_answers_of(ui, state)}

    @guarded(ui.ask_notice)
    def look_at(number: int | None, request: gr.Request) -> Updates:
        return _answers_of(ui, desk.look_at(request.session_hash, -1 if number is None else int(number)))

    @guarded(ui.ask_notice)
    def answer(
        ticket: str, method: str, first: float, second: float, request: gr.Request
    ) -> Iterator[Updates]:
        for state in desk.answer(request.session_hash, ticket, method, (first, second)):
            yield _answers_of(ui, state)

    @guarded(ui.ask_notice)
    def stop(request: gr.Request) -> Updates:
        desk.stop(request.session_hash)
        return {}

    @guarded(ui.ask_notice)
    def clear(request: gr.Request) -> Updates:
        desk.place(request.session_hash, None)
        emptied = {
            ui.question: "",
            ui.options: "",
            ui.known: None,
            ui.gold: "",
            ui.notes: None,
            ui.notice: None,
            ui.window_row: gr.Row(visible=False),
        }
        blank = {ui.viewer: desk.blank(request.session_hash), ui.status: {"text": "Cleared."}}
        return {**emptied, **blank, ui.follow_up: "", ui.shown_turn: _turns(desk, request.session_hash)}

    def suggest(event: gr.EventData) -> str:
        return str((event._data or {}).get("text", ""))

    @guarded(ui.ask_notice)
    def state(kind: str | None, request: gr.Request) -> Updates:
        shown = desk.state_modality(request.session_hash, kind) if kind else None
        return {} if shown is None else _answers_of(ui, shown)

    form = [
        ui.question, ui.options, ui.mode, ui.tokens, ui.temperature, ui.seed, ui.gold, ui.without,
        ui.recover,
    ]  # fmt: skip
    results = [ui.ask_notice, ui.viewer, ui.status]
    ui.ask.click(ask, form, [ui.ticket, ui.shown_turn, *results], **AT_ONCE)
    followed = [ui.ticket, ui.follow_up, ui.shown_turn, *results]
    for event in (ui.ask_follow_up.click, ui.follow_up.submit):
        event(follow, ui.follow_up, followed, **AT_ONCE)
    looked = ui.shown_turn.input(look_at, ui.shown_turn, results, **AT_ONCE)
    asked = [ui.ticket, ui.method, *ui.params]
    answered = ui.ticket.change(answer, asked, results, **with_progress_on(MODEL_LANE, ui.status))
    ui.stop.click(stop, None, ui.ask_notice, **AT_ONCE)
    ui.known.input(state, ui.known, results, **AT_ONCE)
    emptied = [
        ui.question, ui.options, ui.known, ui.gold, ui.notes, ui.notice, ui.window_row, ui.follow_up,
        ui.shown_turn,
    ]  # fmt: skip
    cleared = ui.clear.click(clear, None, [*emptied, *results], **AT_ONCE)
    ui.chips.click(suggest, None, ui.question, **AT_ONCE)
    return answered, cleared, looked


def _wire_maps(ui: CaseComponents, desk: CaseDesk) -> list[Any]:
    """The method and its settings: other maps for the same answers. Returns the events of new maps."""

    def controls(method: str, request: gr.Request) -> list[Any]:
        desk.trust.pause(request.session_hash)
        params = desk.method_params(method)
        spare = [None] * (len(ui.params) - len(params))
        return [
            gr.Number(visible=False)
            if param is None
            else gr.Number(label=param.label, value=param.default, visible=True)
            for param in (*params, *spare)
        ]

    @guarded(ui.ask_notice)
    def explain(method: str, first: float, second: float, request: gr.Request) -> Iterator[Updates]:
        for state in desk.explain(request.session_hash, method, (first, second)):
            yield _answers_of(ui, state)

    chosen = [ui.method, *ui.params]
    results = [ui.ask_notice, ui.viewer, ui.status]
    lane = with_progress_on(MODEL_LANE, ui.status)

    def pause(request: gr.Request) -> None:
        desk.trust.pause(request.session_hash)

    for slot in ui.params:
        slot.input(pause, None, None, **AT_ONCE)
    chose = ui.method.input(controls, ui.method, list(ui.params), **AT_ONCE)
    return [chose.then(explain, chosen, results, **lane)] + [
        slot.input(explain, chosen, results, **lane, **LATEST_ONLY) for slot in ui.params
    ]


def _wire_trust(ui: CaseComponents, desk: CaseDesk, new_maps: list[Any]) -> None:
    """Trust lines, span by span: each turn is a place in the model lane's queue, so nobody waits for all."""

    def lines_and_turn(found: tuple[dict[str, Any], str | None] | None) -> Updates:
        lines, turn = found or (gr.skip(), None)
        return {ui.trust: lines, ui.turn: turn or gr.skip()}

    def begin(request: gr.Request) -> Updates:
        return lines_and_turn(desk.trust.begin(request.session_hash))

    def look(event: gr.EventData, request: gr.Request) -> Updates:
        desk.trust.select(request.session_hash, event._data)
        return begin(request)

    def measure(request: gr.Request) -> Updates:
        return lines_and_turn(desk.trust.measure(request.session_hash))

    filled = [ui.trust, ui.turn]
    for event in new_maps:
        event.then(begin, None, filled, **AT_ONCE)
    ui.viewer.select(look, None, filled, **AT_ONCE, **LATEST_ONLY)
    ui.turn.change(measure, None, filled, **MODEL_LANE, **LATEST_ONLY)


def _placed(
    ui: CaseComponents, desk: CaseDesk, session_id: str, picture: Picture, examples: ExampleSet
) -> Updates:
    windows = picture.windows
    return {
        ui.ask_notice: None,
        ui.known: None,
        ui.gold: "",
        ui.notes: _facts(picture),
        ui.window_row: gr.Row(visible=True),
        ui.window: gr.Dropdown(
            choices=list(windows), value=windows[0] if windows else None, visible=bool(windows)
        ),
        ui.invert: False,
        ui.chips: list(examples.suggested(picture.modality)),
        ui.viewer: desk.blank(session_id),
        ui.shown_turn: _turns(desk, session_id),
        ui.status: {"text": "Picture ready. Ask a question about it."},
    }


def _turns(desk: CaseDesk, session_id: str) -> gr.Radio:
    """The conversation's turns to choose from; hidden while there is only one."""
    questions, shown = desk.turns(session_id)
    choices = [(f"{number + 1}. {text[:60]}", number) for number, text in enumerate(questions)]
    return gr.Radio(choices, value=shown if choices else None, visible=len(choices) > 1)


def _facts(picture: Picture) -> dict[str, Any]:
    image = picture.image
    facts = (
        f"{image.width} × {image.height} pixels",
        picture.modality,
        image.window.label if image.window else None,
    )
    return {"facts": ", ".join(fact for fact in facts if fact), "notes": list(image.notes)}


def _answers_of(ui: CaseComponents, state: PageState) -> Updates:
    return {ui.viewer: state.payload, ui.status: {"text": state.status, "busy": state.busy}}
