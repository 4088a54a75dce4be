"""Judging by a language model behind any OpenAI-compatible server.

Protocols, each for one thing to judge: "single" asks once at temperature 0. "rounds" is MediX-R1's: three
replies at temperature 0 in one conversation, the model asked to check itself in between; its votes depend on
each other (arXiv 2602.23363). "votes" asks three times apart, at temperature 0.7 with seeds 0, 1, 2.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from workbench.bench.judging.log import JudgeLog, judgement_key
from workbench.bench.judging.prompts import (
    CHECK_AGAIN,
    VERSION,
    answer_prompt,
    preference_prompt,
    unit_prompt,
)
from workbench.bench.judging.rule_judge import JUDGES, Judge
from workbench.bench.judging.votes import Verdict, Vote, read_vote, settle
from workbench.bench.questions.units import Unit
from workbench.bench.store.results import Result
from workbench.errors import UserFacing
from workbench.models.served.connecting import open_server
from workbench.models.served.faults import NoAnswer
from workbench.models.served.server import ChatServer
from workbench.traces import Trace

Protocol = Literal["single", "votes", "rounds"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
UNIT_FIELDS = {"presence": range(0, 3), "correctness": range(-1, 2)}
ANSWER_FIELDS = {"score": range(0, 2)}
PREFERENCE_FIELDS = {"preferred": range(-1, 2)}
N_VOTES, VOTE_TEMPERATURE, MAX_TOKENS = 3, 0.7, 512
_PROTOCOL_WORDS = {
    "single": "asked once at temperature 0",
    "votes": f"majority (median) of {N_VOTES} independent replies at temperature {VOTE_TEMPERATURE}",
    "rounds": f"majority (median) of {N_VOTES} rounds in one conversation in which it checks itself",
}


class JudgeFailed(UserFacing):
    """The judge's replies hold too few verdicts to settle on one."""


class LLMJudge:
    """A served model that grades rubric units (as a `rule_judge.Judge`) and final answers.

    Every prompt and reply goes on record, and what is on record is not asked for again; with `again`, replies
    that hold no verdict are, once a run, and with other seeds.
    """

    def __init__(
        self,
        server: ChatServer,
        protocol: Protocol = "single",
        log: JudgeLog | None = None,
        *,
        again: bool = False,
    ) -> None:
        if protocol not in PROTOCOLS:
            raise UserFacing(f"There is no judge protocol {protocol!r}.", f"Use {', '.join(PROTOCOLS)}.")
        self._server, self._protocol, self.again = server, protocol, again
        self._asked_again: set[str] = set()
        self.log = JudgeLog() if log is None else log  # an empty log is falsy
        self.id = f"llm:{server.model}/{protocol}/prompt-{VERSION}"
        self.protocol = (
            f"Language model judge {server.model} at {server.public_url}, {_PROTOCOL_WORDS[protocol]}, "
            f"prompt version {VERSION} of this project; not comparable with scores of another judge or "
            "prompt."
        )

    @property
    def address(self) -> tuple[str, str]:
        """`ChatServer.address` of the judging model."""
        return self._server.address

    def score(self, unit: Unit, trace: Trace) -> tuple[int, int]:
        """(presence, correctness) of a unit in a trace. Raises JudgeFailed, NoAnswer or EndpointDown."""
        if not trace.steps:
            return 0, 0
        verdict = self.unit_verdict(unit, trace)
        if verdict.value is None:
            raise _failed(self.id, verdict)
        presence, correctness = verdict.value
        return presence, correctness if presence else 0

    def unit_verdict(self, unit: Unit, trace: Trace) -> Verdict:
        """The votes on a unit: (presence, correctness) each."""
        return self._asked(unit_prompt(unit, trace), UNIT_FIELDS, {"kind": "unit", "unit_id": unit.unit_id})

    def answer_verdict(
        self, question: str, options: tuple[str, ...], *, gold: str, gold_letter: str | None, given: str
    ) -> Verdict:
        """The votes on a given answer: (1,) right, (0,) wrong. An empty answer is wrong without asking."""
        if not given.strip():
            return Verdict((0,), ((0,),), ())
        prompt = answer_prompt(question, options, gold=gold, gold_letter=gold_letter, given=given)
        return self._asked(prompt, ANSWER_FIELDS, {"kind": "answer"})

    def preference_verdict(
        self, question: str, options: tuple[str, ...], *, gold: str, one: str, two: str
    ) -> Verdict:
        """The votes on two responses shown in this order: (-1,) first better, (1,) second, (0,) neither."""
        prompt = preference_prompt(question, options, gold=gold, one=one, two=two)
        return self._asked(prompt, PREFERENCE_FIELDS, {"kind": "preference"})

    def _asked(self, prompt: str, fields: dict[str, range], entry: dict[str, Any]) -> Verdict:
        key = judgement_key(self.id, prompt)
        replies = self.log.replies(key)
        if replies is not None:
            known = _settled(replies, fields)
            if known.value is not None or not self.again or key in self._asked_again:
                return known
        self._asked_again.add(key)
        replies = self._replies(prompt, N_VOTES * self.log.times(key))
        votes = [read_vote(reply, fields) for reply in replies]
        self.log.add(key, {"judge": self.id, **entry, "prompt": prompt, "votes": votes}, replies)
        return _settled(replies, fields)

    def _replies(self, prompt: str, seed: int) -> tuple[str, ...]:
        """Replies drawn with seeds from `seed` up: asked again, a judge must not just say the same."""
        if self._protocol == "votes":
            seeds = range(seed, seed + N_VOTES)
            return tuple(self._ask([_user(prompt)], VOTE_TEMPERATURE, one) for one in seeds)
        turns, replies = [_user(prompt)], []
        for _ in range(1 if self._protocol == "single" else N_VOTES):
            replies.append(self._ask(turns, 0.0, seed))
            turns += [{"role": "assistant", "content": replies[-1]}, _user(CHECK_AGAIN)]
        return tuple(replies)

    def _ask(self, messages: list[dict[str, Any]], temperature: float, seed: int) -> str:
        reply = self._server.ask(messages, max_tokens=MAX_TOKENS, temperature=temperature, seed=seed)
        if reply.finish == "cut":
            raise NoAnswer(f"The judge's reply was cut. {reply.note}")
        return reply.text


def judge_answers(results: Iterable[Result], judge: LLMJudge) -> dict[str, Verdict]:
    """Result key → the judge's verdict on its final answer; failed results are left out.

    The judge sees the question, the gold answer and the final answer, neither the trace nor the model's name.
    Raises NoAnswer or EndpointDown; what was judged before that is on record and is not asked for again.
    """
    return {
        result.key: judge.answer_verdict(
            result.question,
            result.options,
            gold=result.gold,
            gold_letter=result.gold_letter,
            given=result.answer or "",
        )
        for result in results
        if not result.error
    }


def open_judge(
    ref: str,
    protocol: Protocol = "single",
    *,
    key: str | None = None,
    folder: Path | None = None,
    again: bool = False,
    **patience: Any,
) -> Judge:
    """The judge of a name in JUDGES, or of "URL#model", with its record in `folder`.

    `again` as in LLMJudge; `patience` (`timeout`, `tries`, `tell`) as in `served.open_server`.
    Raises UserFacing for anything else (EndpointDown where the server can't be reached).
    """
    if ref in JUDGES:
        return JUDGES[ref]
    if "://" not in ref:
        raise UserFacing(
            f"There is no judge named {ref!r}.",
            f"Known judges: {', '.join(JUDGES)}; or name a server: http://host:8000/v1#model.",
        )
    return LLMJudge(open_server(ref, key, **patience), protocol, JudgeLog(folder), again=again)


def _settled(replies: Sequence[str], fields: dict[str, range]) -> Verdict:
    return settle([read_vote(reply, fields) for reply in replies], replies)


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _failed(judge: str, verdict: Verdict) -> JudgeFailed:
    valid = sum(vote is not None for vote in verdict.votes)
    return JudgeFailed(
        f"The judge {judge} gave {valid} usable verdicts in {len(verdict.votes)} replies.",
        "Its replies are in the judge's record.",
    )


__all__ = ["JudgeFailed", "LLMJudge", "Protocol", "Verdict", "Vote", "judge_answers", "open_judge"]
