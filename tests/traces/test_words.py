from workbench.traces import locate_tokens, parse_trace, split_words, token_span


def _offsets(*pieces: str) -> list[tuple[int, int]]:
    out, at = [], 0
    for piece in pieces:
        out.append((at, at + len(piece)))
        at += len(piece)
    return out


def test_sub_words_make_one_word_and_repeats_stay_apart():
    pieces = ["pneum", "othorax", " no", " pneum", "othorax", "."]
    words = split_words("".join(pieces), _offsets(*pieces))
    assert [(w.text, w.token_start, w.token_end) for w in words] == [
        ("pneumothorax", 0, 2),
        ("no", 2, 3),
        ("pneumothorax.", 3, 6),
    ]
    assert [w.glue for w in words] == ["", " ", " "]


def test_tags_are_not_words():
    pieces = ["<CT_SCAN>", "<think>", "dark", "</think>", "<answer>", "liver", "</answer>", ""]
    words = split_words("".join(pieces), _offsets(*pieces))
    assert [(w.text, w.token_start) for w in words] == [("dark", 2), ("liver", 5)]


def test_ideographs_stand_alone_and_split_bytes_join():
    text = "左肺 👩‍⚕️ ok"
    offsets = [(0, 0), (0, 1), (1, 2), (2, 3), (3, 3), (3, 3), (3, 8), (8, 11)]
    words = split_words(text, offsets)
    assert [w.text for w in words] == ["左", "肺", "👩‍⚕️", "ok"]
    assert (words[2].token_start, words[2].token_end) == (6, 7)


def test_no_offsets_no_words():
    assert split_words("something", []) == ()


def test_a_token_belongs_to_a_span_with_more_than_half_of_its_characters():
    offsets = [(0, 4), (4, 8), (8, 12), (12, 12)]
    assert token_span(offsets, 4, 8) == (1, 2)
    assert token_span(offsets, 3, 11) == (1, 3)
    assert token_span(offsets, 6, 8) == (1, 2)  # no token has more than half: the one that shares
    assert token_span(offsets, 12, 12) is None


def test_steps_get_tokens():
    pieces = ["<think>", "One", " dark", ".", " So", " two", ".", "</think>", "<answer>", "x", "</answer>"]
    trace = locate_tokens(parse_trace("".join(pieces)), _offsets(*pieces))
    assert [(s.text, s.token_start, s.token_end) for s in trace.steps] == [
        ("One dark.", 1, 4),
        ("So two.", 4, 7),
    ]


def test_an_answer_of_one_letter_keeps_the_token_that_holds_it():
    pieces = ["The", " answer", " is", " B", "."]
    trace = parse_trace("".join(pieces))
    assert token_span(_offsets(*pieces), trace.answer_start, trace.answer_end) == (3, 4)


def test_a_step_keeps_a_one_letter_word_but_no_half_of_its_neighbour():
    pieces = ["<think>", "Dark", ".", " A", " spot", ".\n", "左。右", "。", "</think>"]
    trace = locate_tokens(parse_trace("".join(pieces)), _offsets(*pieces))
    assert [(s.text, s.token_start, s.token_end) for s in trace.steps] == [
        ("Dark.", 1, 3),
        ("A spot.", 3, 6),
        ("左。", 6, 7),
        ("右。", 7, 8),
    ]


def test_tokens_that_share_one_character():
    text = "<think>😀 ok</think>"
    offsets = [(0, 7), (7, 8), (7, 8), (7, 8), (8, 11), (11, 19)]
    words = split_words(text, offsets)
    assert [(w.text, w.token_start, w.token_end) for w in words] == [("😀", 1, 4), ("ok", 4, 5)]
    step = locate_tokens(parse_trace(text), offsets).steps[0]
    assert (step.token_start, step.token_end) == (1, 5)


def test_a_tag_leaves_one_space_between_words():
    pieces = ["<think>", "dark.", "</think>", "<answer>", "left", "</answer>"]
    words = split_words("".join(pieces), _offsets(*pieces))
    assert [(w.text, w.glue) for w in words] == [("dark.", ""), ("left", " ")]
