"""Chunks of a chat reply → text, pieces and log probs: by hand, with what real servers do."""

import json

import pytest

from tests.bench.chat_fakes import delta, token
from workbench.models.served.reply import ChatReply, Events, NotChat, ReplyReader, ToldError


def read(*chunks: dict) -> ChatReply:
    reader = ReplyReader()
    for chunk in chunks:
        reader.event(json.dumps(chunk))
    reader.event("[DONE]")
    return reader.ended()


def pieces(reply: ChatReply) -> list[str]:
    return [reply.text[start:end] for start, end in reply.offsets]


def test_text_without_log_probs_keeps_the_pieces_it_came_in_and_invents_nothing() -> None:
    reply = read(delta("The left"), delta(" lung."), delta(None, "stop"))
    assert reply.text == "The left lung." and reply.finish == "stop"
    assert pieces(reply) == ["The left", " lung."] and reply.logprobs == () == reply.top_logprobs


def test_a_chunk_of_several_tokens_is_cut_at_them() -> None:
    reply = read(
        delta("The left", tokens=[token("The", -0.5), token(" left", -0.25)]), delta("", "length", [])
    )
    assert pieces(reply) == ["The", " left"] and reply.logprobs == (-0.5, -0.25) and reply.finish == "length"


def test_special_tokens_have_empty_ranges_and_split_characters_belong_to_the_last_byte() -> None:
    first, second = (dict(token("", -0.1), bytes=[byte]) for byte in "é".encode())
    end = token("<|im_end|>", -0.01)
    reply = read(delta("", tokens=[first]), delta("é", tokens=[second]), delta("", "stop", tokens=[end]))
    assert pieces(reply) == ["", "é", ""] and reply.logprobs == (-0.1, -0.1, -0.01)


def test_one_piece_without_log_prob_leaves_the_answer_without_any() -> None:
    assert read(delta("a", tokens=[token("a", -1)]), delta("b")).logprobs == ()
    odd = read(delta("other words", tokens=[token("a", -1)]))
    assert odd.logprobs == () and "".join(pieces(odd)) == "other words"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_sent_apart_is_put_in_front_and_its_tokens_stay_its_own(name: str) -> None:
    reply = read(
        delta(None, tokens=[token("It", -0.5)], **{name: "It"}),
        delta(None, tokens=[token(" is.", -0.25)], **{name: " is."}),
        delta(None, tokens=[token("</think>", -0.125)]),
        delta("Yes", "stop", tokens=[token("Yes", -1.0)]),
    )
    assert reply.text == "<think>It is.</think>Yes"
    assert pieces(reply) == ["It", " is.", "", "Yes"] and reply.logprobs == (-0.5, -0.25, -0.125, -1.0)


def test_reasoning_that_is_cut_stays_open_and_reasoning_alone_is_closed() -> None:
    assert read(delta(None, "length", reasoning_content="It is")).text == "<think>It is"
    assert read(delta(None, "stop", reasoning_content="It is")).text == "<think>It is</think>"


def test_why_it_ended() -> None:
    for reason, finish in (
        ("eos_token", "stop"),
        ("length", "length"),
        ("abort", "cut"),
        ("content_filter", "cut"),
    ):
        assert read(delta("a", reason)).finish == finish
    reader = ReplyReader()
    reader.chunk(delta("half a"))
    torso = reader.ended()
    assert (torso.text, torso.finish) == ("half a", "cut") and "broke off" in torso.note


def test_lines_end_where_the_protocol_says() -> None:
    events, text = Events(), json.dumps(delta("a\u2028b"), ensure_ascii=False)
    raw = f": ping\r\nevent: x\ndata: {text}\r\n\ndata:[DONE]".encode()
    found = [data for at in range(len(raw)) for data in events.add(raw[at : at + 1])] + list(events.end())
    assert found == [text, "[DONE]"]


@pytest.mark.parametrize(
    "data", ["{", "[]", "3", '{"choices": 3}', '{"choices": [3]}', '{"choices": [{"delta": 3}]}']
)
def test_what_is_no_chunk(data: str) -> None:
    with pytest.raises(NotChat):
        ReplyReader().event(data)


def test_an_error_inside_a_reply() -> None:
    with pytest.raises(ToldError) as told:
        ReplyReader().event('{"error": {"message": "too\\nlong.", "code": 400}}')
    assert (told.value.code, told.value.said) == (400, "too long")


def test_impossible_log_probs_are_none() -> None:
    for value in (float("nan"), 0.5, None, "x", True):
        assert read(delta("a", tokens=[dict(token("a", 0.0), logprob=value)])).logprobs == ()
    assert read(delta("a", tokens=[token("a", -9999.0)])).logprobs == (-9999.0,)
