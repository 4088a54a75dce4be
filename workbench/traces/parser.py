"""The tolerant trace parser: any text in, a Trace with a stated rule out; never an exception.

Grammars: `<think>…</think><answer>…</answer>` (OpenMedReason, this project), a modality
tag with `<thinking>` (MediX-R1), free reasoning that ends "The answer is X" (MedSSR), a bare short answer
(OpenMedQ). All positions refer to the raw text, HTML-escaped tags included. Of several answers the last
complete one counts.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import replace

from workbench.traces.axes import label_sentences
from workbench.traces.grammar import TAG, Layout, Region, lay_out
from workbench.traces.phrases import find_phrase, tidy
from workbench.traces.resolve import bare_letter, resolve_option
from workbench.traces.steps import split_sentences
from workbench.traces.trace import Status, Step, Trace

SHORT_ANSWER_WORDS = 12
_IN_WORDS = ("the answer is", "answer label", "boxed", "letter is correct")
_UNENDED = "answer tag without an end"


def parse_trace(text: str, options: Sequence[str] = ()) -> Trace:
    """Parse any generated text. `options` lets an answer be resolved to a letter."""
    if not text.strip():
        return Trace("empty", "empty text")
    layout = _without_empty_thinking(text, lay_out(text))
    thinking = layout.thinking
    answer, rule = _tagged(text, layout)
    if rule == "answer tag inside the thinking":
        thinking = _without(thinking, layout.inside[-1][1])
    if answer is None and rule != _UNENDED and layout.shape != "open":
        answer, rule = _untagged(text, layout, options)
    if layout.shape == "none":
        thinking = _reasoning_before(text, layout, answer, rule)
    return _assemble(text, options, layout, thinking, answer, rule)


def _without_empty_thinking(text: str, layout: Layout) -> Layout:
    """A closed thinking block with nothing in it (Qwen3 with thinking off) is none: the rest counts."""
    if layout.shape != "closed" or any(
        c.isalnum() for region in layout.thinking for c in text[slice(*region)]
    ):
        return layout
    return replace(layout, shape="none", thinking=(), begin=layout.rest[0])


def _tagged(text: str, layout: Layout) -> tuple[Region | None, str]:
    if layout.answers:
        count = len(layout.answers)
        rule = "answer tag" if count == 1 else f"last of {count} answer tags"
        return tidy(text, layout.answers[-1]), rule
    if layout.unclosed:
        return tidy(text, layout.unclosed), _UNENDED
    if layout.unopened and tidy(text, layout.unopened):
        return tidy(text, layout.unopened), "answer tag without a start"
    if layout.inside:
        return tidy(text, layout.inside[-1][0]), "answer tag inside the thinking"
    return None, "no answer tag"


def _untagged(text: str, layout: Layout, options: Sequence[str]) -> tuple[Region | None, str]:
    """Answer in words after the thinking, else the text there, else in words within the thinking."""
    found = find_phrase(text, layout.rest)
    if found is None and layout.shape == "none":
        return _bare(text, layout, options)
    rest = None if found else tidy(text, layout.rest)
    if rest:
        return rest, "text after the thinking"
    if found is None and layout.thinking:
        found = find_phrase(text, layout.thinking[-1])
    return found or (None, "no answer")


def _bare(text: str, layout: Layout, options: Sequence[str]) -> tuple[Region | None, str]:
    """A whole text that is short, one sentence, or an option: a model that gives no reasoning."""
    region = tidy(text, (layout.begin, layout.end))
    if region is None:
        return None, "no answer"
    value = text[slice(*region)]
    short = len(value.split()) <= SHORT_ANSWER_WORDS and len(value) < 400 and len(split_sentences(value)) <= 1
    if short or (len(value) < 200 and resolve_option(value, options)):
        return region, "whole text"
    return None, "no answer"


def _reasoning_before(text: str, layout: Layout, answer: Region | None, rule: str) -> tuple[Region, ...]:
    """Reasoning of a text without thinking tags: up to the answer; a sentence that states it is kept."""
    if rule == "whole text":
        return ()
    end = layout.end
    if rule == "answer label" and answer:
        end = text.rfind("\n", 0, answer[0]) + 1 or answer[0]
    elif rule not in _IN_WORDS:
        tag = TAG.search(text, layout.begin)
        end = tag.start() if tag else end
    alone = rule in _IN_WORDS and len(split_sentences(text[layout.begin : end])) <= 1
    return () if alone or not text[layout.begin : end].strip() else ((layout.begin, end),)


def _without(regions: tuple[Region, ...], hole: Region) -> tuple[Region, ...]:
    out: list[Region] = []
    for start, end in regions:
        if start <= hole[0] and hole[1] <= end:
            out += [(start, hole[0]), (hole[1], end)]
        else:
            out.append((start, end))
    return tuple(out)


def _steps(text: str, regions: tuple[Region, ...]) -> tuple[Step, ...]:
    spans: list[Region] = []
    for begin, stop in regions:
        inner = TAG.sub(_masked, text[begin:stop])
        spans += [(begin + start, begin + end) for start, end in split_sentences(inner)]
    before = [0, *(end for _, end in spans)]
    lines = (
        (text[start:end], at == 0 or "\n" in text[before[at] : start])
        for at, (start, end) in enumerate(spans)
    )
    labelled = [(span, label) for span, label in zip(spans, label_sentences(lines), strict=True) if label]
    return tuple(
        Step(index, label[0], text[start:end], start, end, label[1])
        for index, ((start, end), label) in enumerate(labelled)
    )


def _masked(tag: re.Match[str]) -> str:
    """A tag between sentences parts them; one quoted in a sentence is a word of it."""
    before = tag.string[max(0, tag.start() - 8) : tag.start()].rstrip()[-1:]
    return ("x" if before and before not in ".!?。>" else "\n") * len(tag[0])


def _status(layout: Layout, steps: tuple[Step, ...], answer: Region | None, rule: str) -> Status:
    if rule == _UNENDED or (answer is None and layout.shape == "open"):
        return "truncated"
    if answer is None:
        return "no_answer"
    if not steps:
        return "no_trace"
    odd = (
        layout.shape in ("closing tag missing", "no opening tag", "open")
        or rule == "answer tag without a start"
    )
    return "recovered" if odd or (rule != "answer tag" and layout.shape != "none") else "ok"


def _assemble(
    text: str,
    options: Sequence[str],
    layout: Layout,
    thinking: tuple[Region, ...],
    answer: Region | None,
    rule: str,
) -> Trace:
    steps = _steps(text, thinking)
    said = text[slice(*answer)] if answer else None
    whole = layout.shape in ("closed", "none")
    return Trace(
        _status(layout, steps, answer, rule),
        rule if whole else f"{rule}; thinking: {layout.shape}",
        steps,
        layout.modality,
        "\n".join(text[slice(*region)].strip() for region in thinking),
        said,
        html.unescape(said) if said else None,
        _letter(said, options),
        answer[0] if answer else None,
        answer[1] if answer else None,
        html.unescape(html.unescape(layout.tag)) if layout.tag else None,
    )


def _letter(said: str | None, options: Sequence[str]) -> str | None:
    """Without options only "B", "(B) text" or "B: text" give a letter: "E. coli" is a name."""
    if said is None or options:
        return resolve_option(said, options)
    labelled = re.match(r"\(?([A-J])[):]\s", said)
    letter = labelled[1] if labelled else bare_letter(said)
    return letter if letter is not None and letter <= "J" else None
