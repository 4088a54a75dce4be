"""Token offsets: the ids are the truth, split characters and special tokens included."""

from workbench.models.generation import OffsetDecoder


def test_offsets_cover_the_text_without_gaps(tiny):
    text = "round 日本 spot 👩‍⚕️ left"
    decoder = OffsetDecoder(tiny.tokenizer)
    ids = tiny.tokenizer(text, add_special_tokens=False)["input_ids"]
    for token in ids:
        decoder.add(token)
    assert decoder.text == text
    assert decoder.offsets[0][0] == 0
    assert decoder.offsets[-1][1] == len(text)
    assert all(a[1] == b[0] for a, b in zip(decoder.offsets, decoder.offsets[1:], strict=False))
    assert any(start == end for start, end in decoder.offsets)  # bytes of an unfinished character


def test_special_tokens_get_empty_ranges(tiny):
    decoder = OffsetDecoder(tiny.tokenizer)
    for token in [
        *tiny.tokenizer("left", add_special_tokens=False)["input_ids"],
        tiny.tokenizer.eos_token_id,
    ]:
        decoder.add(token)
    assert decoder.text == "left"
    assert decoder.offsets[-1] == (4, 4)
