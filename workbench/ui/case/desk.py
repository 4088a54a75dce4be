"""What happens on the case screen, without the screen: takes and returns plain data."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from workbench import explain, imaging
from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.models.answer import Decoding, Mode, Question
from workbench.models.served.elsewhere import weights_elsewhere
from workbench.settings import Settings
from workbench.traces import MODALITIES
from workbench.ui import boundary
from workbench.ui.case.examples import Example, drawn_lesion
from workbench.ui.case.intake import MOST_BYTES, MOST_PICTURES, Picture, picture_of, take_upload, with_window
from workbench.ui.case.known import gold_for, remarks
from workbench.ui.case.stream import stream_pair
from workbench.ui.case.trust_queue import TrustQueue
from workbench.ui.services import ROLES, Services, model_line
from workbench.ui.sessions import Live, NoMap, Run, Session, Sessions
from workbench.viewer.payload import png_data_url, turns_payload, viewer_payload

MODES: tuple[Mode, ...] = get_args(Mode)
HIGHEST_TEMPERATURE = 2.0
EXPLAINABLE = ("done", "cancelled")
LONGEST_ANSWER = 4096  # tokens that a visitor may ask for where the owner sets no limit
MOST_TURNS = 8
TEXT_METHOD = "text_occlusion"  # in place of a heat map where there is no picture
WORDS_HINT = "The words of the question and the steps are coloured instead."
NOT_LOADED = "No model is loaded here. Load one on the Models tab."
PARAM_SLOTS = 2  # how many settings of a map method the screen has room for


@dataclass(frozen=True)
class PageState:
    """One state of the page: the viewer's payload, the status line, and whether something is under way."""

    payload: dict[str, Any]
    status: str
    busy: bool = False


@dataclass(frozen=True)
class QuestionForm:
    """The form as the visitor filled it in; nothing of it is trusted yet."""

    question: str
    options: str = ""
    mode: str = "trace"
    max_new_tokens: float = 0
    temperature: float = 0.0
    seed: float = 0
    gold: str = ""
    without: bool = False
    recover: bool = False


class CaseDesk:
    """The main job for every open page: take a picture, ask both models, explain the answers."""

    def __init__(self, services: Services, sessions: Sessions, upload_folder: Path) -> None:
        self.services, self.sessions, self.upload_folder = services, sessions, upload_folder
        self.trust = TrustQueue(services, sessions)

    def upload(self, session_id: str, path: str | None) -> Picture:
        """Take the file a browser sent. Raises UserFacing; the picture on the page then stays."""
        picture = take_upload(path, self.upload_folder, imaging.load_image)
        self.place(session_id, picture)
        return picture

    def example(self, session_id: str, example: Example) -> Picture:
        """Put a case of the gallery on the page."""
        image = imaging.load_image(example.file())
        lesion = drawn_lesion(example, image.pixels)
        picture = picture_of(
            image, modality=example.modality, alt=example.alt, lesion=lesion, source="the gallery"
        )
        self.place(session_id, picture, (example.question, example.answer))
        return picture

    def place(
        self,
        session_id: str,
        picture: Picture | None,
        filled: tuple[str, str] = ("", ""),
        more: Sequence[Picture] = (),
    ) -> None:
        """Put a picture (or none) and those after it on the page; answers about others are dropped.

        `filled` is the question that comes with it, and its right answer.
        """
        page = self.sessions.of(session_id)
        page.forget_answers()
        page.picture, page.filled = picture, filled
        page.more = list(more)

    def state_modality(self, session_id: str, kind: str) -> PageState | None:
        """Note what a person says the picture is; the answers on the page are checked against it at once.

        None where there is no answer to show anew. Raises UserFacing for an unknown kind.
        """
        if kind not in MODALITIES.values():
            raise UserFacing("That kind of picture is not known.", "Choose one from the list.")
        page = self.sessions.of(session_id)
        page.picture = replace(self._picture(session_id), modality=kind, modality_source="you")
        if page.run is None or not page.live.columns:
            return None
        pair = self.services.pair(page.run.replaced)
        return PageState(self._payload(page, page.run.case_id, pair), _verdict(page.live))

    def add_picture(self, session_id: str, path: str | None) -> tuple[Picture, dict[str, Any]]:
        """Take a further picture of the same case; it goes with the next question, answers stay.

        Returns it and the viewer's payload. Raises UserFacing without a first one, and for one too many.
        """
        picture = take_upload(path, self.upload_folder, imaging.load_image)
        page = self.sessions.of(session_id)
        if page.picture is None:
            raise UserFacing("There is no first picture yet.", "Drop an image on the page first.")
        if len(page.more) + 1 >= MOST_PICTURES:
            raise UserFacing(f"A case has at most {MOST_PICTURES} pictures.", "Clear the page to begin anew.")
        if sum(one.bytes for one in (page.picture, *page.more, picture)) > MOST_BYTES:
            raise UserFacing("The pictures of this case are too large together.", "Add a smaller one.")
        page.more.append(picture)
        return picture, self._payload(page, page.run.case_id if page.run else _new_id())

    def follow_up(self, session_id: str, text: str) -> tuple[str, PageState]:
        """Open a run that follows on the last turn's answers; returns its ticket for `answer`.

        Pictures, way of answering and decoding are kept; pictures added since go with it. Raises UserFacing
        while no model has finished an answer.
        """
        page = self.sessions.of(session_id)
        asked = self.services.settings.checked_question(str(text or ""))
        page.keep_turn()
        if not page.turns:
            raise UserFacing("There is no answer yet to follow on.", "Ask a question first.")
        if len(page.turns) >= MOST_TURNS:
            raise UserFacing(f"A conversation has at most {MOST_TURNS} turns.", "Ask anew.")
        last = page.turns[-1]
        columns = last.live.columns
        finished = {
            role: column.case.next_question(asked)
            for role, column in columns.items()
            if column.status in EXPLAINABLE and column.case is not None
        }
        if not finished or _writing(last.live):
            raise UserFacing("The models have not answered yet.", "Wait until they have, then follow on.")
        picture, more = (None, ()) if last.run.picture is None else (page.picture, tuple(page.more))
        run = Run(
            _new_id(), picture, Question(asked, (), last.run.question.mode), last.run.decoding, more, finished
        )
        page.next_turn(run)
        return run.case_id, self._waiting(page, run)

    def turns(self, session_id: str) -> tuple[list[str], int]:
        """The questions of the conversation on the page, and the number of the one that is looked at."""
        page = self.sessions.of(session_id)
        page.keep_turn()
        return [past.run.question.text for past in page.turns], page.turn

    def look_at(self, session_id: str, number: int) -> PageState:
        """Show another turn of the conversation with its own maps. Raises UserFacing."""
        page = self.sessions.of(session_id)
        if _writing(page.live):
            raise UserFacing("The models are answering.", "Wait until they have.")
        page.keep_turn()
        if not 0 <= number < len(page.turns):
            raise UserFacing("There is no such turn.", "Choose one from the list.")
        page.look_at(number)
        pair = self.services.pair(page.run.replaced)
        return PageState(self._payload(page, page.run.case_id, pair), _verdict(page.live))

    def rewindow(self, session_id: str, label: str | None, invert: bool) -> Picture:
        """The same picture in another grey window; the models see it so from the next question on."""
        picture = self._picture(session_id)
        picture = with_window(picture, label, invert, imaging.rewindow)
        page = self.sessions.of(session_id)
        self.place(session_id, picture, page.filled, page.more)
        return picture

    def blank(self, session_id: str) -> dict[str, Any]:
        """The viewer's payload of a page without answers."""
        return self._payload(self.sessions.of(session_id), _new_id())

    def ask(self, session_id: str, form: QuestionForm) -> tuple[str, PageState]:
        """Check the form and open a run; returns its ticket for `answer`. Raises UserFacing."""
        picture = self._asked_about(session_id, form)
        question, decoding = self._checked(form)
        page = self.sessions.of(session_id)
        page.forget_answers()
        gold = gold_for(form.gold, question, page.filled)
        more = () if picture is None else tuple(page.more)
        page.run = Run(_new_id(), picture, question, decoding, more, gold=gold)
        return page.run.case_id, self._waiting(page, page.run)

    def answer(
        self, session_id: str, ticket: str, method: str, slots: Sequence[float | None] = ()
    ) -> Iterator[PageState]:
        """Stream both answers, then their maps. Ends both generations when it is closed.

        `slots` hold the values of the method's settings in the order it declares them.
        """
        page = self.sessions.of(session_id)
        run = page.run
        if run is None or run.case_id != ticket or run.replaced.is_set():
            return
        try:
            yield self._waiting(page, run)
            pair = self.services.pair(run.stop)
            for live in stream_pair(self.services.engine, pair, run):
                if _moved_on(page, run):
                    return
                page.live = live
                yield PageState(
                    self._payload(page, run.case_id, pair), "The models are answering.", busy=True
                )
            yield from self._explained(page, run, pair, method, slots)
        except UserFacing as fault:
            if not _moved_on(page, run):
                page.live = Live({}, dict.fromkeys(ROLES, str(fault)))
                yield PageState(self._payload(page, run.case_id), str(fault))
        finally:
            run.stop.set()

    def explain(
        self, session_id: str, method: str, slots: Sequence[float | None] = ()
    ) -> Iterator[PageState]:
        """Maps by another method for the answers on the page; nothing is generated again."""
        page = self.sessions.of(session_id)
        if page.run is not None and page.live.columns:
            pair = self.services.pair(page.run.replaced)
            yield from self._explained(page, page.run, pair, method, slots)

    def method_params(self, method: str) -> tuple[Any, ...]:
        """The settings a method declares, at most as many as the screen has room for; none if unknown.

        Methods that run the model are shown at their defaults.
        """
        spec = self.services.engine.methods().get(method)
        return spec.params[:PARAM_SLOTS] if spec and spec.is_shared else ()

    def stop(self, session_id: str) -> None:
        """Ask the generation of this page, if any, to end at the next token; what is written stays.

        The stream itself says when it has stopped: a message from here could arrive after its last word.
        """
        run = self.sessions.of(session_id).run
        if run is not None:
            run.stop.set()

    def _explained(
        self,
        page: Session,
        run: Run,
        pair: Mapping[str, Any],
        method: str,
        slots: Sequence[float | None],
    ) -> Iterator[PageState]:
        page.forget_maps()
        declared = self.method_params(method)
        params = {param.name: int(value or 0) for param, value in zip(declared, slots, strict=False)}
        for role, column in page.live.columns.items():
            if column.status not in EXPLAINABLE or not column.answer.text:
                continue
            if weights_elsewhere(pair[role]) is None:
                yield PageState(
                    self._payload(page, run.case_id, pair), f"Computing the {role} heat maps.", busy=True
                )
            if _moved_on(page, run):
                return
            if not column.case.images or method in explain.TEXT_METHODS:
                self._map_text(page, run, role, column.case, method)
                continue
            found = self._maps(column.case, method, params)
            if not _moved_on(page, run):
                page.maps[role] = found
        if not _moved_on(page, run):
            yield PageState(self._payload(page, run.case_id, pair), _verdict(page.live))

    def _map_text(self, page: Session, run: Run, role: str, case: AnsweredCase, method: str) -> None:
        """Which words carried which: by the chosen text method, or the causal one in place of a heat map."""
        name = method if method in explain.TEXT_METHODS else TEXT_METHOD
        found, none = None, NoMap("This method scores words and not places of the picture.", WORDS_HINT)
        try:
            found = self.services.engine.text_maps(case, name, run.replaced)
        except Exception as fault:  # the answer is still worth showing then
            said = boundary.sentence_for(fault)
            none = NoMap(said["message"], said["hint"])
        if _moved_on(page, run):
            return
        if found is not None:
            page.text_maps[role] = found
        if found is None or case.images:
            page.maps[role] = none

    def _maps(self, case: AnsweredCase, method: str, params: Mapping[str, int]) -> Any:
        """A MapSet, or why there is none: the answer is still worth showing then."""
        try:
            return self.services.engine.case_maps(case, method, params)
        except Exception as fault:
            said = boundary.sentence_for(fault)
            return NoMap(said["message"], said["hint"])

    def _payload(self, page: Session, case_id: str, pair: Mapping[str, Any] | None = None) -> dict[str, Any]:
        live, pair = page.live, pair or {}
        columns = {role: live.columns.get(role) for role in ROLES}
        # An answer stays that of the model that gave it, whatever was loaded in its place since.
        answered = {role: column.case.model for role, column in columns.items() if column and column.case}
        shown = dict(pair) | answered
        computed = {role: maps for role, maps in page.maps.items() if not isinstance(maps, NoMap)}
        payload = viewer_payload(
            case_id,
            self._image_payload(page, shown, columns),
            columns,
            computed,
            titles={role: f"{role.capitalize()}: {model.label}" for role, model in shown.items()},
            subtitles={role: model_line(model) for role, model in shown.items()},
            images=[picture.payload for picture in _shown(page)],
            text_maps=page.text_maps,
        )
        for column in payload["columns"]:
            role = column["key"]
            if page.run is not None and (asked := page.run.question_of(role)) is not None:
                column |= turns_payload(asked)
            if isinstance(refusal := page.maps.get(role), NoMap):
                column["maps"] = {"refused": refusal.reason, "hint": refusal.hint}
            column |= remarks(page, live.columns.get(role))
            if role in live.failures:
                column |= {"status": "failed", "message": live.failures[role]}
            elif pair and live.columns.get(role) is None:
                column |= (
                    {"status": "waiting"} if role in pair else {"status": "failed", "message": NOT_LOADED}
                )
        return payload

    def _image_payload(
        self, page: Session, pair: Mapping[str, Any], columns: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """The picture's payload; "what the model saw" is added once a model has prepared it."""
        shown = _shown(page)
        if not shown:
            return None
        for number, picture in enumerate(shown):
            payload = picture.payload
            if payload["seen"] is not None:
                continue
            for role, column in columns.items():
                prompt = None if column is None else column.prompt
                if role not in pair or prompt is None or len(prompt.image_positions) == 0:
                    continue
                if number == 0 or number < len(prompt.image_sizes):
                    seen = pair[role].seen(prompt, number) if number else pair[role].seen(prompt)
                    payload["seen"] = None if seen is None else png_data_url(seen)
                    break
        return shown[0].payload

    def _waiting(self, page: Session, run: Run) -> PageState:
        state = self.services.state
        message = state.message if state.phase == "loading" else "Waiting for the models."
        payload = self._payload(page, run.case_id)
        for column in payload["columns"]:
            column |= {"status": "waiting", "message": message}
        return PageState(payload, message, busy=True)

    def _asked_about(self, session_id: str, form: QuestionForm) -> Picture | None:
        """The picture of a question; None where it is asked without one, knowingly or of text-only models."""
        models = self.services.state.models
        if form.without or (models and not any(model.takes_image for model in models.values())):
            return None if form.without else self.sessions.of(session_id).picture
        if self.sessions.of(session_id).picture is None:
            raise UserFacing(
                "There is no picture yet.",
                "Drop an image on the page, pick an example, or tick “Without a picture”.",
            )
        return self._picture(session_id)

    def _picture(self, session_id: str) -> Picture:
        picture = self.sessions.of(session_id).picture
        if picture is None:
            raise UserFacing("There is no picture yet.", "Drop an image on the page, or pick an example.")
        return picture

    def _checked(self, form: QuestionForm) -> tuple[Question, Decoding]:
        settings = self.services.settings
        text = settings.checked_question(str(form.question or ""))
        options = settings.checked_options(
            [line for line in str(form.options or "").splitlines() if line.strip()]
        )
        if form.mode not in MODES:
            raise UserFacing("That way of answering is not known.", "Choose one from the list.")
        longest = int(_within(form.max_new_tokens, 0, longest_answer(settings), "The longest answer"))
        decoding = Decoding(
            max_new_tokens=longest or settings.max_new_tokens or 0,
            temperature=_within(form.temperature, 0.0, HIGHEST_TEMPERATURE, "The temperature"),
            seed=int(_within(form.seed, 0, 2**31 - 1, "The seed")),
            recover=True if form.recover else None,
        )
        return Question(text, options, form.mode), decoding


def longest_answer(settings: Settings) -> int:
    """The most tokens that a visitor may ask for."""
    return settings.max_new_tokens or LONGEST_ANSWER


def _moved_on(page: Session, run: Run) -> bool:
    """Whether the page shows something else by now: another question, or another turn."""
    return run.replaced.is_set() or page.run is not run


def _shown(page: Session) -> tuple[Picture, ...]:
    """The pictures of the page; none of a question that was asked without one."""
    without = page.run is not None and page.run.picture is None
    return () if page.picture is None or without else (page.picture, *page.more)


def _writing(live: Live) -> bool:
    """Whether a model is still to write; one that failed won't."""
    states = (column.status for role, column in live.columns.items() if role not in live.failures)
    return any(status in ("waiting", "streaming") for status in states)


def _verdict(live: Live) -> str:
    states = {column.status for column in live.columns.values()}
    if live.failures or "failed" in states:
        return "Finished, but not every model could answer; its column says why."
    return "Stopped. What was written is kept." if "cancelled" in states else "Finished."


def _within(value: float | None, low: float, high: float, what: str) -> float:
    if value is None or not low <= value <= high:  # NaN fails this too
        raise UserFacing(f"{what} must be from {low:g} to {high:g}.", "Correct it under Decoding.")
    return float(value)


def _new_id() -> str:
    return secrets.token_hex(8)
