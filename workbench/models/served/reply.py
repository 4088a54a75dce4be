"""From the chunks of a chat reply to its text, the pieces it came in, and their log probs where given.

Reasoning that a server sends apart from the content (`reasoning_content` of vLLM and llama.cpp, `reasoning`
of newer vLLM) is put in front of it in think tags, while it is streamed too. The tags belong to no piece.
"""

import codecs
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.models.answer import Finish

OPEN, CLOSE = "<think>", "</think>"
_FINISH: dict[str, Finish] = {
    "length": "length", "max_tokens": "length", "abort": "cut", "error": "cut", "content_filter": "cut",
}  # fmt: skip
_WHY_CUT = {"content_filter": "The server's content filter ended the answer."}
LONGEST_LINE = 4_000_000  # bytes of one event


class NotChat(Exception):
    """A reply that does not follow the chat format."""


class ToldError(Exception):
    """An error that the server tells of inside its reply: its code where it gave one, and its words."""

    def __init__(self, code: int | None, said: str) -> None:
        super().__init__(said)
        self.code, self.said = code, said


@dataclass(frozen=True)
class ChatReply:
    """A reply as far as it came: text, pieces and log probs as in `Answer`, why it ended, the seconds of the
    try that worked, and how many tries it took."""

    text: str = ""
    finish: Finish = "running"
    seconds: float = 0.0
    tries: int = 1
    offsets: tuple[tuple[int, int], ...] = ()
    logprobs: tuple[float, ...] = ()
    top_logprobs: tuple[Mapping[str, float], ...] = ()
    note: str = ""


class Events:
    """Bytes of a server-sent event stream → its data, one text an event. Lines end in LF or CR LF only: other
    line separators may stand unescaped inside a JSON string."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, part: bytes) -> Iterator[str]:
        """The data of the lines that are complete now. Raises NotChat for a line without end."""
        *lines, self._rest = (self._rest + part).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise NotChat("a line without end")
        for line in lines:
            name, colon, data = line.rstrip(b"\r").partition(b":")
            if colon and name in (b"data", b"error"):
                yield data.strip().decode("utf-8", "replace")

    def end(self) -> Iterator[str]:
        """What a last line without its end holds."""
        yield from self.add(b"\n")


class ReplyReader:
    """Collects the chunks of one reply; `done` once the server has said that it is complete."""

    def __init__(self) -> None:
        self.text, self.finish, self.done = "", "", False
        self._inside: str | None = None  # "reasoning" or "content", what was written last
        self._offsets: list[tuple[int, int]] = []
        self._logprobs: list[float | None] = []
        self._top: list[Mapping[str, float]] = []
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")

    def event(self, data: str) -> None:
        """Take one event of a stream. Raises NotChat and ToldError."""
        if data == "[DONE]":
            self.done = True
        elif data:
            self.chunk(_record(data))

    def whole(self, body: bytes) -> None:
        """Take a reply that came in one piece. Raises NotChat and ToldError."""
        record = _record(body.decode("utf-8", "replace"))
        if not record.get("choices"):
            _raise_told(record)
            raise NotChat("no choices")
        self.chunk(record)
        self.done = True

    def chunk(self, record: Mapping[str, Any]) -> None:
        """Take one chunk: a delta, or a whole message."""
        _raise_told(record)
        choices = record.get("choices")
        if not isinstance(choices, list):
            raise NotChat("no choices")
        if not choices:  # the last chunk may hold counts only
            return
        choice = choices[0]
        said = choice.get("delta") or choice.get("message") or {} if isinstance(choice, Mapping) else None
        if not isinstance(said, Mapping):
            raise NotChat("no message")
        apart = _text(said.get("reasoning_content")) or _text(said.get("reasoning"))
        parts = [("reasoning", apart), ("content", _text(said.get("content")))]
        spans = [self._write(kind, text) for kind, text in parts if text]
        self._place(_tokens(choice.get("logprobs")), spans)
        if isinstance(reason := choice.get("finish_reason"), str):
            self.finish = reason

    def reply(self, finish: Finish = "running", note: str = "") -> ChatReply:
        """What has come so far."""
        known = [value for value in self._logprobs if value is not None]
        given = len(known) == len(self._offsets)
        return ChatReply(
            self.text,
            finish,
            offsets=tuple(self._offsets),
            logprobs=tuple(known) if given else (),
            top_logprobs=tuple(self._top) if given and any(self._top) else (),
            note=note,
        )

    def ended(self) -> ChatReply:
        """The reply at its end, however that came about."""
        if not (self.finish or self.done):
            return self.broken("the stream broke off before its end")
        finish = _FINISH.get(self.finish, "stop")
        if finish == "cut":
            return self.reply(
                "cut", _WHY_CUT.get(self.finish, "The server gave up the answer before its end.")
            )
        if finish == "stop" and self._inside == "reasoning":
            self.text += CLOSE
        return self.reply(finish)

    def broken(self, why: str) -> ChatReply:
        """The reply as a torso."""
        return self.reply("cut", f"The answer is cut: {why}. What came is kept.")

    def _write(self, kind: str, text: str) -> tuple[int, str]:
        """Append text that the model wrote; (its start, itself)."""
        if kind == "reasoning" and self._inside is None:
            self.text += OPEN
        elif kind == "reasoning" and self._inside == "content":
            kind = "content"  # reasoning after the answer began can't be put in front of it any more
        elif kind == "content" and self._inside == "reasoning":
            self.text += CLOSE
        self._inside = kind
        start = len(self.text)
        self.text += text
        return start, text

    def _place(
        self, tokens: list[tuple[bytes, float | None, Mapping[str, float]]], spans: list[tuple[int, str]]
    ) -> None:
        """Cut new text into the tokens that wrote it; what no token explains is a piece without log p."""
        at = self._offsets[-1][1] if self._offsets else 0
        left = [(start, start + len(text)) for start, text in spans]
        for raw, logprob, top in tokens:
            written = self._bytes.decode(raw)
            found = next(((start, end) for start, end in left if end > start), None)
            size = 0
            if found is not None:
                ahead = self.text[found[0] : found[1]]
                size = next(
                    (len(form) for form in (written, written.strip()) if form and ahead.startswith(form)), 0
                )
                at = found[0] if size else at
            self._piece(at, at + size, logprob, top)
            if size:
                left = [(start + size if (start, end) == found else start, end) for start, end in left]
                at += size
        for start, end in left:
            if end > start:
                self._piece(start, end, None, {})

    def _piece(self, start: int, end: int, logprob: float | None, top: Mapping[str, float]) -> None:
        self._offsets.append((start, end))
        self._logprobs.append(logprob)
        self._top.append(top)


def _record(text: str) -> Mapping[str, Any]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotChat("not JSON") from error
    if not isinstance(record, Mapping):
        raise NotChat("no object")
    return record


def _raise_told(record: Mapping[str, Any]) -> None:
    error = record.get("error")
    if error is None and record.get("object") == "error":  # as older vLLM tells it
        error = record
    if (
        error is None and isinstance(record.get("code"), int) and "message" in record
    ):  # llama.cpp's error line
        error = record
    if not error:
        return
    code = error.get("code") if isinstance(error, Mapping) else None
    said = error.get("message") if isinstance(error, Mapping) else error
    raise ToldError(
        code if isinstance(code, int) else None, " ".join(str(said or "").split())[:200].rstrip(".")
    )


def _text(value: Any) -> str:
    """Text of a message field, given as a string or as a list of text parts."""
    if isinstance(value, list):
        parts = (part.get("text") for part in value if isinstance(part, Mapping))
        return "".join(part for part in parts if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _tokens(given: Any) -> list[tuple[bytes, float | None, Mapping[str, float]]]:
    """(bytes, log p, likeliest tokens in its place) of every token that a chunk tells of."""
    entries = given.get("content") if isinstance(given, Mapping) else None
    out = []
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping):
            continue
        out.append((_bytes(entry), _logprob(entry), _likeliest(entry.get("top_logprobs"))))
    return out


def _bytes(entry: Mapping[str, Any]) -> bytes:
    raw, text = entry.get("bytes"), entry.get("token")
    if isinstance(raw, list) and raw:
        try:
            return bytes(raw)
        except (ValueError, TypeError):
            pass
    return text.encode("utf-8", "replace") if isinstance(text, str) else b""


def _logprob(entry: Mapping[str, Any]) -> float | None:
    value = entry.get("logprob")
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable and value <= 0 else None


def _likeliest(given: Any) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for entry in given if isinstance(given, list) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("token"), str):
            value = _logprob(entry)
            if value is not None:
                found.setdefault(entry["token"], value)
    return found
