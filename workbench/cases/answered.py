"""The answered case: one model, one prompt, one image, one answer and its trace, in one immutable object.

Everything that looks at an answer takes it: maps, metrics, interventions, the screens, the command line, the
benchmark and the library.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench import cases, explain
from workbench.cases.words import Word, case_words
from workbench.explain import interventions
from workbench.explain.sheet import Sheet
from workbench.models.answer import Answer, Decoding, Mode, Prompt, Question, Turn
from workbench.models.conversation import Images, as_pictures
from workbench.traces import Contradiction, ModalityCheck, check_modality, contradictions
from workbench.traces.read import read_trace
from workbench.traces.trace import Trace

if TYPE_CHECKING:
    from workbench.cases.votes import Votes
    from workbench.explain import HeatMap, Refusal, Span, TextMap, Trust
    from workbench.imaging.medical_image import MedicalImage
    from workbench.models.session import LoadedModel


RECOVERED = "asked again for a letter"  # the rule of a trace whose answer came from the recovery pass


@dataclass(frozen=True, eq=False)
class AnsweredCase:
    """What `model` wrote when it was asked `prompt` about `images`.

    `images` holds every picture of the conversation in order, none for a question without one (it may be
    given as None or a single picture); `trace` is the parsed answer with its token spans;
    `option_probabilities` has one entry an option of the question, None where they were not measured. While
    an answer is written, each new token makes a new case. The case keeps its model in memory.
    """

    model: "LoadedModel"
    prompt: Prompt
    images: "tuple[MedicalImage, ...]"
    answer: Answer
    trace: Trace
    option_probabilities: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", as_pictures(self.images))

    @classmethod
    def of(cls, model: "LoadedModel", prompt: Prompt, images: Images, answer: Answer) -> "AnsweredCase":
        """The case of an answer whose trace is still to be read."""
        return cls(model, prompt, images, answer, answer_trace(answer, prompt.question.options))

    @property
    def image(self) -> "MedicalImage | None":
        """The first picture; None for a question without one."""
        return self.images[0] if self.images else None

    @cached_property
    def sheet(self) -> Sheet:
        """All pictures on one sheet, for what changes them patch by patch; ValueError without a picture."""
        return Sheet.of(self.images)

    @property
    def turn(self) -> Turn:
        """The question with its answer, as the earlier turn of a question that follows."""
        asked = self.question
        brought = len(self.images) - asked.earlier_pictures
        return Turn(asked.text, self.answer.text, brought, asked.options, asked.mode)

    def next_question(self, text: str, options: Sequence[str] = (), mode: Mode | None = None) -> Question:
        """A question that follows on this answer; it goes with `images` and any new pictures after them."""
        history = (*self.question.history, self.turn)
        return Question(text, tuple(options), mode or self.question.mode, history)

    @property
    def question(self) -> Question:
        """What was asked, with its options."""
        return self.prompt.question

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """Display words of the answer, each with its tokens and the step it stands in."""
        return case_words(self.answer, self.trace)

    @property
    def final_answer(self) -> str | None:
        """The final answer as text, None when the parser found none."""
        return self.trace.answer_text if self.trace.answer_text is not None else self.trace.answer_raw

    @cached_property
    def contradictions(self) -> tuple[Contradiction, ...]:
        """Words of the reasoning that disagree with the answer; see `traces.contradictions`."""
        return contradictions(self.trace, self.question.options, self.question.text)

    def modality_check(self, known: str | None = None, source: str = "you") -> ModalityCheck:
        """The answer's modality tag against the kind of picture `known`; by default what the file says."""
        if known:
            return check_modality(self.trace, known, source)
        stated = self.image.modality if self.image else None
        return check_modality(self.trace, stated, "the file")

    def span(self, key: "str | Span") -> "Span":
        """The part of the answer called `answer`, `all`, `step:K`, `word:K` or `token:K`, counted from 0.

        Raises UserFacing for another name and for a part that this answer does not have.
        """
        return explain.resolve_span(key, self) if isinstance(key, str) else key

    def explain(self, method: str, span: "str | Span" = "answer", **params: int | str) -> "HeatMap | Refusal":
        """What in the image carried a part of the answer, by a method of `wb.explain.METHODS`.

        Raises UserFacing for an unknown method or span.

        >>> import workbench as wb
        >>> model, image = wb.load_model("tuned"), wb.example("chest-effusion")
        >>> case = wb.ask(model, image, "What abnormality is shown?")
        >>> heat_map = case.explain("attention_mean", span="answer")
        >>> heat_map.span.label, heat_map.values.shape
        ('pleural effusion', (144,))
        >>> case.explain("attention_head", layer=99)
        Refusal(reason='This model has no layer 99.', hint='Choose a whole number from 0 to 3.')
        """
        return explain.explain(self, self.span(span), method, params)

    def explain_text(
        self, span: "str | Span" = "answer", method: str = "text_occlusion"
    ) -> "TextMap | Refusal":
        """Which words of the question and which earlier steps carried a part of the answer.

        By a method of `wb.explain.TEXT_METHODS`; with and without a picture. Raises UserFacing for an unknown
        method or span.

        >>> import workbench as wb
        >>> model, image = wb.load_model("tuned"), wb.example("chest-effusion")
        >>> case = wb.ask(model, image, "What abnormality is shown?")
        >>> found = case.explain_text("answer")
        >>> [unit.text for unit in found.units[:4]]
        ['What', 'abnormality', 'is', 'shown?']
        >>> wb.explain.text_trust(case, found).orders
        19
        """
        return explain.explain_text(self, self.span(span), method)

    def measure(self, heat_map: "HeatMap", *metrics: str, **given: Any) -> "Mapping[str, Any]":
        """Scores of a map of this case by name, by metrics of `wb.explain.METRICS`; see `explain.measure`.

        >>> import workbench as wb
        >>> model, image = wb.load_model("tuned"), wb.example("chest-effusion")
        >>> case = wb.ask(model, image, "What abnormality is shown?")
        >>> heat_map = case.explain("attention_mean", span="answer")
        >>> found = case.measure(heat_map, "random_token")["random_token"]
        >>> -1 <= found.value <= 1
        True
        """
        return explain.measure(self, heat_map, metrics, **given)

    def trust(self, heat_map: "HeatMap | Refusal") -> "Trust":
        """How far a map of this case can be believed, measured on this very answer; see `metrics.trust`."""
        return explain.trust(self, heat_map)

    def intervene(self, change: str, **given: Any) -> Any:
        """Change the image or the reasoning and look again; see `interventions.intervene`.

        >>> import workbench as wb
        >>> model, image = wb.load_model("tuned"), wb.example("chest-effusion")
        >>> case = wb.ask(model, image, "What abnormality is shown?")
        >>> case.intervene("blank").effect.answer < 0  # the words got less probable
        True
        """
        return interventions.intervene(self, change, **given)

    def follow_up(self, question: str, images: Any = (), **how: Any) -> "AnsweredCase":
        """The model's answer to a question that follows: the pictures and the turns so far are kept.

        `images` are further pictures, one or several, as in `wb.ask`; so is `how`. Raises UserFacing.

        >>> import workbench as wb
        >>> model, image = wb.load_model("tuned"), wb.example("chest-effusion")
        >>> case = wb.ask(model, image, "What abnormality is shown?", mode="short")
        >>> case.follow_up("Which side?").question.history[0].answer == case.answer.text
        True
        """
        from workbench import library  # it imports this module

        return library.follow_up(self, question, images, **how)

    def votes(self, count: int = 4, sampling: Decoding | None = None) -> "Votes":
        """The question answered `count` times more, drawn at random, and what the answers say together.

        `sampling` is temperature 0.6, top-p 0.95, top-k 20 unless given. Raises UserFacing for what can't be
        drawn.

        >>> import workbench as wb
        >>> model, image = wb.load_model("tuned"), wb.example("chest-effusion")
        >>> case = wb.ask(model, image, "Is there an effusion?", options=["yes", "no"])
        >>> votes = case.votes(2)
        >>> sum(bar.count for bar in votes.bars) + votes.vote.invalid
        2
        """
        (votes,) = deque(cases.draw_votes(self, count, sampling), maxlen=1)
        return votes

    def __str__(self) -> str:
        return cases.case_text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return cases.case_html(self)


def answer_trace(answer: Answer, options: tuple[str, ...]) -> Trace:
    """The trace of an answer; one that was recovered (`cases.recovery`) says so."""
    trace = read_trace(answer.text, answer.offsets, options)
    return replace(trace, status="recovered", rule=RECOVERED) if answer.recovered else trace
