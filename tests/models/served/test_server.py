"""An endpoint as a model, against a real local server that limits, fails, hangs up and talks nonsense."""

import base64
import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.bench.chat_fakes import Body, FakeServer, Fault, Rule, completion, said, serving
from tests.bench.fakes import sided_items
from tests.waiting import HANG_SECONDS
from workbench.bench.asking.runner import run_bench
from workbench.bench.store.results import read_results
from workbench.errors import UserFacing
from workbench.imaging import from_array
from workbench.models.answer import Decoding, Question, Turn
from workbench.models.catalogue import load_catalogue
from workbench.models.loading import load_model
from workbench.models.served import ChatServer, EndpointDown, NoAnswer, Patience, ServedModel, connect
from workbench.models.served.address import without_secrets
from workbench.models.served.faults import retry_after
from workbench.settings import Settings

ASKED = [{"role": "user", "content": "Hello?"}]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def server_for(fake: FakeServer, clock: Clock, **patience: float) -> ChatServer:
    return ChatServer(
        fake.url, "served", patience=Patience(**patience), sleep=clock.sleep, clock=lambda: clock.now
    )


def first_fail(*faults: Fault) -> Rule:
    """These faults one after the other, then an answer."""
    left = list(faults)
    return lambda body: left.pop(0) if left else "fine"


@pytest.fixture
def clock() -> Iterator[Clock]:
    yield Clock()


def picture() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (5, 7, 3), np.uint8)


def test_a_picture_and_a_question_arrive_as_they_are() -> None:
    with serving(lambda body: "<think>Bright.</think><answer>left</answer>") as fake:
        model = connect(fake.url)
        question = Question("Which side?", ("left", "right"), "short")
        prompt = model.prepare(question, from_array(picture()))
        (answer,) = model.generate_batch([prompt], Decoding(64, 0.5, 0.9, 7))
        (body,) = fake.requests
    image, text = body["messages"][0]["content"]
    head, _, data = image["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(np.array(Image.open(io.BytesIO(base64.b64decode(data)))), picture())
    assert text["text"] == "Which side?\nA. left\nB. right\nAnswer with a single word or short phrase."
    assert {name: body[name] for name in ("model", "max_tokens", "temperature", "top_p", "seed")} == {
        "model": "served", "max_tokens": 64, "temperature": 0.5, "top_p": 0.9, "seed": 7,
    }  # fmt: skip
    assert answer.text.startswith("<think>") and answer.finish == "stop" and answer.ids == ()
    assert (
        prompt.image_size == (7, 5)
        and model.name == "served"
        and model.prepare(question, None).image_size is None
    )


def test_several_pictures_and_an_earlier_turn_arrive_in_order() -> None:
    with serving(lambda body: "left") as fake:
        model = connect(fake.url)
        question = Question("And now?", (), "short", (Turn("Which side?", "left", 1, ("left", "right")),))
        prompt = model.prepare(question, (from_array(picture()), from_array(255 - picture())))
        model.generate_batch([prompt], Decoding(4))
        (body,) = fake.requests
    first, said, last = body["messages"]
    assert [part["type"] for part in first["content"]] == [part["type"] for part in last["content"]]
    assert [part["type"] for part in last["content"]] == ["image_url", "text"]
    assert (said["role"], said["content"]) == ("assistant", "left")
    assert first["content"][1]["text"].startswith("Which side?\nA. left\nB. right")
    data = last["content"][0]["image_url"]["url"].partition(",")[2]
    assert np.array_equal(np.array(Image.open(io.BytesIO(base64.b64decode(data)))), 255 - picture())
    assert prompt.image_sizes == ((7, 5), (7, 5))


def test_a_model_of_the_catalogue_is_asked_in_its_own_template() -> None:
    catalogue = load_catalogue(Settings().models_dir)
    own = next(card for card in catalogue.values() if card.templates["trace"].system)
    with serving(lambda body: "left") as fake:
        model = load_model(f"{fake.url}#{own.location}", settings=Settings())
        model.generate(model.prepare(Question("Which side?"), None))
        (body,) = fake.requests
    system, user = body["messages"]
    assert (system["role"], system["content"]) == ("system", own.templates["trace"].system)
    assert "Which side?" in user["content"]


def test_no_key_of_this_machine_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_this_machine")
    with serving(lambda body: "fine") as fake:
        ChatServer(fake.url, "served").ask(ASKED, max_tokens=1)
        ChatServer(fake.url, "served", "my-key").ask(ASKED, max_tokens=1)
        assert fake.keys == ["", "Bearer my-key"]


def test_reasoning_sent_apart_and_cut_answers() -> None:
    replies = [completion("left", reasoning_content="It is bright."), completion("and so", "length")]
    with serving(lambda body: Fault(200, replies.pop(0))) as fake:
        model = connect(fake.url, concurrency=1)
        prompts = [model.prepare(Question(text), None) for text in ("one", "two")]
        first, second = model.generate_batch(prompts)
    assert first.text == "<think>It is bright.</think>left" and first.finish == "stop"
    assert (second.text, second.finish) == ("and so", "length")


def test_a_rate_limit_is_waited_for_and_uses_up_no_try(clock: Clock) -> None:
    limits = [Fault(429, headers={"retry-after": "7"}) for _ in range(5)]
    with serving(first_fail(*limits)) as fake:
        reply = server_for(fake, clock, attempts=2).ask(ASKED, max_tokens=1)
    assert reply.text == "fine" and reply.tries == 6 and clock.slept == [7.0] * 5


def test_a_limit_of_zero_seconds_makes_no_storm(clock: Clock) -> None:
    with serving(lambda body: Fault(429, headers={"retry-after": "0"})) as fake:
        with pytest.raises(EndpointDown, match=r"429.*what was answered so far is kept"):
            server_for(fake, clock, first_wait=1.0, in_all=10.0).ask(ASKED, max_tokens=1)
        assert len(fake.requests) == 11


def test_a_limit_longer_than_our_patience_ends_at_once(clock: Clock) -> None:
    with serving(lambda body: Fault(429, headers={"retry-after": "3600"})) as fake:
        server = server_for(fake, clock)
        for _ in range(2):
            with pytest.raises(EndpointDown, match="3600 s"):
                server.ask(ASKED, max_tokens=1)
        assert len(fake.requests) == 1 and clock.slept == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, b"oops"),
        Fault(503),
        Fault(hang_up=True),
        Fault(200, b"not json"),
        Fault(200, b"[]"),
        Fault(200, b'{"choices": []}'),
        Fault(200, b'{"choices": [{"message": {"role": "assistant", "content": null}}]}'),
        Fault(200, b"{}"),
    ],
)
def test_what_may_pass_is_tried_again_with_longer_waits(clock: Clock, fault: Fault) -> None:
    with serving(first_fail(fault, fault)) as fake:
        assert server_for(fake, clock).ask(ASKED, max_tokens=1).tries == 3
    assert clock.slept == [1.0, 2.0]
    with serving(lambda body: fault) as fake:
        with pytest.raises(NoAnswer, match="in 3 tries"):
            server_for(fake, clock).ask(ASKED, max_tokens=1)
        assert len(fake.requests) == 3


def test_many_failures_in_a_row_are_a_dead_server(clock: Clock) -> None:
    broken = {"now": True}
    with serving(lambda body: Fault(500) if broken["now"] else "fine") as fake:
        server = server_for(fake, clock, attempts=2, failures=3)
        for _ in range(2):
            with pytest.raises(NoAnswer):
                server.ask(ASKED, max_tokens=1)
        broken["now"] = False
        assert server.ask(ASKED, max_tokens=1).text == "fine"  # the row is broken
        broken["now"] = True
        for kind in (NoAnswer, NoAnswer, EndpointDown):
            with pytest.raises(kind):
                server.ask(ASKED, max_tokens=1)
        asked = len(fake.requests)
        with pytest.raises(EndpointDown):
            server.ask(ASKED, max_tokens=1)
        assert len(fake.requests) == asked


@pytest.mark.parametrize(
    ("status", "kind"), [(401, EndpointDown), (404, EndpointDown), (400, NoAnswer), (413, NoAnswer)]
)
def test_a_refusal_is_not_tried_again(clock: Clock, status: int, kind: type[UserFacing]) -> None:
    with serving(lambda body: Fault(status, b'{"error": "too long"}')) as fake:
        server = server_for(fake, clock, failures=1)
        with pytest.raises(UserFacing, match=str(status)) as caught:
            server.ask(ASKED, max_tokens=1)
        assert isinstance(caught.value, kind) and len(fake.requests) == 1 and clock.slept == []


def test_nobody_is_listening(clock: Clock) -> None:
    with serving(lambda body: "fine") as fake:
        server = server_for(fake, clock)
    with pytest.raises(EndpointDown, match="can't be reached"):
        server.ask(ASKED, max_tokens=1)
    assert clock.slept == [1.0, 2.0]
    with pytest.raises(EndpointDown, match="does not say which models"):
        connect(fake.url)


def test_a_silent_server_is_given_up_at_once(clock: Clock) -> None:
    release = threading.Event()
    with serving(lambda body: "late" if release.wait(HANG_SECONDS) else "never") as fake:
        server = ChatServer(fake.url, "served", patience=Patience(silence=0.2), sleep=clock.sleep)
        with pytest.raises(NoAnswer, match=r"in 1 try: nothing came for 0 s.*--timeout"):
            server.ask(ASKED, max_tokens=1)
        assert len(fake.requests) == 1 and clock.slept == []
        release.set()


def test_a_batch_is_asked_at_once_and_answered_in_order() -> None:
    together = threading.Barrier(4, timeout=HANG_SECONDS)

    def rule(body: Body) -> str:
        together.wait()
        return said(body).split("\n")[0]

    with serving(rule) as fake:
        model = connect(fake.url, concurrency=4)
        prompts = [model.prepare(Question(f"q{n}"), None) for n in range(8)]
        assert [answer.text for answer in model.generate_batch(prompts)] == [f"q{n}" for n in range(8)]
        assert fake.busiest == 4


def test_each_prompt_may_have_a_seed_of_its_own() -> None:
    with serving(lambda body: f"seed {body['seed']}") as fake:
        model = connect(fake.url, concurrency=2)
        prompts = [model.prepare(Question("same"), None) for _ in range(3)]
        decodings = [Decoding(temperature=0.7, seed=seed) for seed in (5, 6, 7)]
        answers = model.generate_batch(prompts, decodings)
    assert [answer.text for answer in answers] == ["seed 5", "seed 6", "seed 7"]
    assert [answer.decoding for answer in answers] == decodings


def test_a_poisoned_prompt_costs_the_others_nothing(clock: Clock) -> None:
    with serving(lambda body: Fault(500) if "poison" in said(body) else "fine") as fake:
        model = ServedModel(server_for(fake, clock, attempts=2))
        prompts = [model.prepare(Question(text), None) for text in ("a", "poison", "b")]
        with pytest.raises(NoAnswer):
            model.generate_batch(prompts)
        asked = len(fake.requests)
        assert asked == 4
        assert [model.generate_batch([prompts[n]])[0].text for n in (0, 2)] == ["fine", "fine"]
        with pytest.raises(NoAnswer):
            model.generate_batch([prompts[1]])
        assert len(fake.requests) == asked  # all three came from what was kept
        model.generate_batch([prompts[0]])
        assert len(fake.requests) == asked + 1  # and only once


def test_a_run_over_an_endpoint_and_taking_it_up_again(tmp_path: Path, clock: Clock) -> None:
    items = sided_items(tmp_path / "items")
    broken = {"now": True}

    def rule(body: Body) -> str | Fault:
        data = body["messages"][0]["content"][0]["image_url"]["url"].partition(",")[2]
        pixels = np.array(Image.open(io.BytesIO(base64.b64decode(data))))
        side = "left" if pixels[0, 0, 0] > pixels[0, -1, 0] else "right"
        if broken["now"] and side == "right" and "spot" in said(body):
            return Fault(500)
        return f"<think>It is bright on the {side} side.</think><answer>{side}</answer>"

    with serving(rule) as fake:
        model = ServedModel(server_for(fake, clock, attempts=2, failures=99), name="served")
        lines = read_results(run_bench(items, [model], tmp_path / "out"))
        failed = [line for line in lines if line.error]
        assert len(lines) == 12 and len(failed) == 3 and all("500" in line.error for line in failed)
        assert all(line.correct for line in lines if not line.error)
        broken["now"] = False
        before = len(fake.requests)
        lines = read_results(run_bench(items, [model], tmp_path / "out", retry_failed=True))
        assert len(fake.requests) == before + 3 and sum(line.correct is True for line in lines) == 12
    assert lines[0].revision == f"not stated by {fake.url}"


def test_which_model_and_where() -> None:
    with serving(lambda body: "fine", models=("a", "b")) as fake:
        assert connect(f"{fake.url}#b").name == "b"
        assert connect(fake.url.removesuffix("/v1") + "/#b").server.ask(ASKED, max_tokens=1).text == "fine"
        with pytest.raises(UserFacing, match="offers 2 models: a, b"):
            connect(fake.url)
    for ref in ("localhost:8000", "ftp://x/v1", "http://"):
        with pytest.raises(UserFacing, match="no address"):
            connect(ref)


def test_addresses_are_shown_without_secrets() -> None:
    assert without_secrets("https://me:pw@host:8443/v1?key=s#m") == "https://host:8443/v1"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("soon", None), ("", None), (None, None),
     ("Sat, 21 Nov 2026 10:00:30 GMT", 30.0), ("Sat, 21 Nov 2026 09:00:00 GMT", 0.0)],
)  # fmt: skip
def test_retry_after_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, datetime(2026, 11, 21, 10, tzinfo=UTC)) == seconds
