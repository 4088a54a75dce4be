"""A served model as a column: streamed, stopped, cut; options, maps and interventions as far as honest."""

import math
import re
import threading
from collections import deque

import numpy as np
import pytest

import workbench as wb
from tests.bench.chat_fakes import Body, Fault, Rule, Stream, delta, said, serving, token
from tests.waiting import until
from workbench import explain
from workbench.cases.column import Column, run_case
from workbench.errors import UserFacing
from workbench.explain import interventions
from workbench.imaging import from_array
from workbench.models.answer import Question
from workbench.models.served import NoAnswer, ServedModel, WeightsElsewhere, connect
from workbench.settings import Settings

TRACE = "<think>The spot is bright. It is on the left.</think><answer>left</answer>"
IMAGE = from_array(np.random.default_rng(3).integers(0, 200, (6, 8, 3), np.uint8))
SIDES = Question("Which side?", ("left", "right"))


def streamed(text: str) -> Stream:
    words = text.replace(" ", "\0 ").split("\0")
    return Stream([*(delta(word, tokens=[token(word, -0.25)]) for word in words), delta(None, "stop")])


def answered(rule: Rule, question: Question = SIDES, **how: object) -> tuple[Column, list[Body]]:
    with serving(rule) as fake:
        column = last(connect(f"{fake.url}#m", **how), question)
        return column, fake.requests


def last(model: ServedModel, question: Question = SIDES) -> Column:
    return deque(run_case(model, IMAGE, question), maxlen=1)[0]


def test_words_arrive_one_by_one_in_the_same_trace() -> None:
    stream = Stream([delta("<think>It is"), delta(" bright.</think>"), delta("left", "stop")], holds=1)
    with serving(lambda body: stream) as fake:
        columns = run_case(connect(f"{fake.url}#m"), IMAGE, SIDES)
        first = next(column for column in columns if column.case is not None)
        assert (first.status, first.answer.text) == ("streaming", "<think>It is")  # the rest is not sent yet
        stream.go.set()
        column = deque(columns, maxlen=1)[0]
        assert fake.requests[0]["stream"] is True and fake.requests[0]["logprobs"] is True
    assert column.status == "done" and column.answer.ids == () == column.answer.logprobs
    assert [step.text for step in column.trace.steps] == ["It is bright."]
    assert column.case.final_answer == "left"
    assert [word.text for word in column.words] == [
        "It",
        "is",
        "bright.",
        "left",
    ]


@pytest.mark.parametrize("how", ["stop", "close"])
def test_stopping_closes_the_connection(how: str) -> None:
    stop, stream = threading.Event(), Stream([delta("It"), delta(" is")], holds=1)
    with serving(lambda body: stream) as fake:
        columns = run_case(connect(f"{fake.url}#m"), IMAGE, SIDES, stop=stop)
        next(column for column in columns if column.case is not None)
        if how == "close":
            columns.close()
        else:
            stop.set()
            column = deque(columns, maxlen=1)[0]
            assert column.status == "cancelled" and column.answer.text == "It"
        until(stream.gone.is_set, "the server to find nobody listening")


def test_a_stream_that_breaks_off_is_kept_and_marked() -> None:
    column, requests = answered(lambda body: Stream([delta("<think>It is")], cut=True))
    assert column.status == "done" and column.answer.finish == "cut" and column.answer.text == "<think>It is"
    assert "cut: the stream broke off" in column.message and len(requests) == 1


def test_silence_after_some_words_keeps_them_and_silence_alone_says_what_to_do() -> None:
    stream = Stream([delta("It"), delta(" is")], holds=1)
    column, _ = answered(lambda body: stream, timeout=0.3)
    assert column.answer.finish == "cut" and column.answer.text == "It" and "nothing came" in column.message
    column, _ = answered(lambda body: Stream([delta("It")], holds=0), timeout=0.3)
    assert column.status == "failed" and "--timeout" in column.message and isinstance(column.fault, NoAnswer)


def test_what_is_waited_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.models.served.server.FIRST_NOTICE", 0.05)
    stream = Stream([delta("left", "stop")], holds=0)
    with serving(lambda body: stream) as fake:
        columns = run_case(connect(f"{fake.url}#m"), IMAGE, SIDES)
        told = next(column for column in columns if column.message)
        assert told.status == "waiting" and "Waiting for 127.0.0.1" in told.message and "60 s" in told.message
        stream.go.set()
        assert deque(columns, maxlen=1)[0].message == ""


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(401, b'{"error": "no s3cret"}'), r"does not accept the key.*\[key\].*--key-file"),
        (Fault(403), "forbids the request"),
        (Fault(200, b"<!doctype html><p>hi"), "sent a web page.*/v1"),
        (Fault(308, headers={"location": "http://else/v1?t=s3cret"}), "to http://else/v1 .*nothing"),
        (Fault(200, b"garbage"), "not in the chat format"),
        (Fault(200, b'{"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}'), "is empty"),
        (Fault(404), r"no model named 'm'.*It offers: served"),
        (Stream(["{broken"]), "not in the chat format"),
        (Stream([{"error": {"message": "out of memory", "code": 500}}]), "out of memory"),
        (Stream([], cut=True), "broke off"),
    ],
)  # fmt: skip
def test_every_fault_is_one_sentence(
    fault: Fault | Stream, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.models.served.server.Patience.first_wait", 0.0)
    with serving(lambda body: fault) as fake:
        column = last(connect(f"{fake.url}#m", "s3cret", tries=1))
    assert column.status == "failed" and column.case is None
    assert re.search(words, column.message) and "s3cret" not in column.message


def test_a_server_that_knows_no_log_probs_is_asked_without_them_and_that_is_remembered() -> None:
    def rule(body: Body) -> str | Fault:
        return Fault(422, b'{"detail": "extra field"}') if "logprobs" in body else "left"

    with serving(rule) as fake:
        model = connect(f"{fake.url}#m")
        assert last(model).answer.text == last(model).answer.text == "left"
        assert [("logprobs" in body, "top_logprobs" in body) for body in fake.requests] == [
            (True, True), (True, False), (False, False), (False, False),
        ]  # fmt: skip


def test_options_are_compared_only_where_the_server_told_all_of_them() -> None:
    def rule(likeliest: dict[str, float]) -> Rule:
        return lambda body: Stream(
            [delta("<answer>", tokens=[token("<answer>", -0.5)]),
             delta("A", tokens=[token("A", -0.1, **likeliest)]),
             delta("</answer>", "stop", tokens=[token("</answer>", -0.5)])]
        )  # fmt: skip

    column, _ = answered(rule({"A": math.log(0.6), "B": math.log(0.2), "C": math.log(0.1)}))
    assert column.option_probabilities == pytest.approx((0.75, 0.25))
    assert answered(rule({"A": math.log(0.6), " B": math.log(0.2)}))[0].option_probabilities is None
    assert answered(lambda body: streamed(TRACE))[0].option_probabilities is None


def test_what_needs_weights_is_refused_with_one_reason() -> None:
    with serving(lambda body: streamed(TRACE)) as fake:
        model = wb.load_model(f"{fake.url}#m", settings=Settings())
        case = wb.ask(model, IMAGE, "Which side?", options=["left", "right"])
        found = case.explain("occlusion")
        assert isinstance(found, wb.Refusal) and "weights are elsewhere" in found.reason and found.hint
        assert wb.cases.case_maps(case, "attention_mean").refused == found
        assert explain.compare(case, model, model, [case.span("answer")], "attention_mean") == found
        assert case.intervene("block", region=(0, 0, 4, 4)).refused == found
        for attempt in (
            lambda: case.intervene("delete", step=1),
            lambda: explain.gather_evidence(model, case.prompt, case.answer),
            lambda: model.teacher_force(case.prompt, ()),
            lambda: model.tokenizer,
        ):
            with pytest.raises(WeightsElsewhere) as fault:
                attempt()
            assert fault.value.message == found.reason
        assert "left" in str(case) and "weights are elsewhere" in case._repr_html_()


def test_asking_again_works_through_the_server() -> None:
    def rule(body: Body) -> Stream:
        asked_blank = "A. right" in said(body) or len(fake.requests) > 1
        return streamed(TRACE.replace("left</answer>", "right</answer>") if asked_blank else TRACE)

    with serving(rule) as fake:
        case = wb.ask(connect(f"{fake.url}#m"), IMAGE, "Which side?", options=["left", "right"])
        for change, given in (
            ("blank", {}),
            ("noise", {}),
            ("other", {"other": IMAGE}),
            ("remove", {"region": (0, 0, 4, 4)}),
        ):
            found = case.intervene(change, **given)
            assert found.refused is None and found.effect is None and found.regenerated.same_answer is False
            assert interventions.finding_of(case, found).label
        shuffled = case.intervene("shuffle options")
        assert shuffled.original == "left" and shuffled.shuffles[0].chosen == "right"
        pictures = [body["messages"][0]["content"][0]["image_url"]["url"] for body in fake.requests]
        assert len(set(pictures[:4])) == 3 and pictures[0] == pictures[3]  # itself, blank, noise, itself


def test_a_question_without_a_picture_says_so() -> None:
    with serving(lambda body: streamed(TRACE)) as fake:
        case = wb.ask(connect(f"{fake.url}#m"), None, "Which side?")
        assert isinstance(fake.requests[0]["messages"][0]["content"], str)
        assert "no picture" in case.intervene("blank").refused.reason


def test_a_model_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserFacing, match="does not send pictures"):
        wb.load_model("base", settings=Settings(public=True, base="http://one/v1#m"))
    assert wb.load_model("base", settings=Settings(base="http://one/v1#m")).served_at == "one"
    monkeypatch.setenv("WORKBENCH_KEY", "k-of-one")
    model = wb.load_model("http://one/v1#m")
    assert model.server._key == "k-of-one" and "k-of-one" not in repr(vars(model)) + repr(model.server)
