"""How long each answer of the agent took, stage by stage: hearing (STT), thinking (LLM), speaking (TTS)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from reports.queries.calls.payload_parts import Parts
from reports.web.call.times import offset
from reports.web.call.words import key_word
from reports.web.shared.charts import BarRow, Bars, Stripe, bars

MOST_ANSWERS = 100
STAGES: Mapping[str, tuple[str, str]] = {"stt": ("s2", "STT"), "llm": ("s1", "LLM"), "tts": ("s3", "TTS")}


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of the agent: the turn it is, and the milliseconds of each stage."""

    turn: int | None
    stages: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.stages.values())


@dataclass(frozen=True, slots=True)
class Waterfall:
    """``placed``: whether each answer's turn is known. ``makers`` and ``tokens`` are words beside the figures."""

    bars: Bars
    sentence: str
    legend: Sequence[tuple[str, str]]
    placed: bool
    shown: int
    count: int
    makers: Sequence[tuple[str, str]]


def answers(parts: Parts, latencies: Mapping[str, Sequence[float]] | None) -> list[Answered]:
    """The answers of the agent with the latencies of each.

    Where a stage tells as many latencies as there are turns of its side, they are those of these turns: a person's are
    heard (STT), an agent's thought and spoken (LLM, TTS). Otherwise they stand by their number alone.
    """
    by_stage = {stage: list(values) for stage, values in (latencies or {}).items() if stage in STAGES and values}
    if not by_stage:
        return []
    agents = [number for number, turn in enumerate(parts.transcript, 1) if turn.side == "agent"]
    people = [number for number, turn in enumerate(parts.transcript, 1) if turn.side == "person"]
    placed = all(len(values) == len(people if stage == "stt" else agents) for stage, values in by_stage.items())
    if not placed:
        count = max(map(len, by_stage.values()))
        return [Answered(None, _at(by_stage, dict.fromkeys(by_stage, place))) for place in range(count)]
    answered = []
    for place, number in enumerate(agents):
        since = agents[place - 1] if place else 0
        heard = [at for at, person in enumerate(people) if since < person < number]
        places = {"llm": place, "tts": place} | ({"stt": heard[-1]} if heard else {})
        answered.append(Answered(number, _at(by_stage, places)))
    return answered


def waterfall(
    parts: Parts,
    latencies: Mapping[str, Sequence[float]] | None,
    started: datetime,
    *,
    shown: int,
) -> Waterfall | None:
    """The answers one under the other, each stage after the one before; None where the vendor tells no latencies.

    Turns up to ``shown`` are on the page, and the answers link to them.
    """
    answered = answers(parts, latencies)
    if not answered:
        return None
    stages = [stage for stage in STAGES if (latencies or {}).get(stage)]
    rows = []
    for place, answer in enumerate(answered[:MOST_ANSWERS], 1):
        turn = parts.transcript[answer.turn - 1] if answer.turn else None
        href = f"#turn-{answer.turn}" if answer.turn and answer.turn <= shown else ""
        note = offset(turn.at, started) if turn else ""
        rows.append(BarRow(figures.decimal(place), _stripes(answer), _cells(answer, stages), href=href, note=note))
    headings = (_("Answer"), *(STAGES[stage][1] for stage in stages), _("Together"))
    return Waterfall(
        bars=bars(rows, headings if len(stages) > 1 else headings[:-1]),
        sentence=_sentence(answered, latencies or {}, stages),
        legend=[STAGES[stage] for stage in stages],
        placed=answered[0].turn is not None,
        shown=len(rows),
        count=len(answered),
        makers=_makers(parts),
    )


def _at(by_stage: Mapping[str, Sequence[float]], places: Mapping[str, int]) -> dict[str, float]:
    return {
        stage: by_stage[stage][places[stage]]
        for stage in STAGES
        if stage in by_stage and stage in places and places[stage] < len(by_stage[stage])
    }


def _stripes(answer: Answered) -> tuple[Stripe, ...]:
    stripes, end = [], 0.0
    for stage, length in answer.stages.items():
        kind, name = STAGES[stage]
        stripes.append(Stripe(kind, end, length, title=f"{name} {figures.value(length, 'ms')}"))
        end += length
    return tuple(stripes)


def _cells(answer: Answered, stages: Sequence[str]) -> tuple[str, ...]:
    cells = [figures.value(answer.stages.get(stage), "ms") for stage in stages]
    return (*cells, figures.value(answer.total, "ms")) if len(stages) > 1 else tuple(cells)


def _sentence(answered: Sequence[Answered], latencies: Mapping[str, Sequence[float]], stages: Sequence[str]) -> str:
    slowest = max(answered, key=lambda answer: answer.total)
    text = ngettext("%(n)s answer.", "%(n)s answers.", len(answered)) % {"n": figures.decimal(len(answered))}
    if len(answered) > 1:
        text += " " + _("The slowest is number %(place)s with %(time)s.") % {
            "place": figures.decimal(answered.index(slowest) + 1),
            "time": figures.value(slowest.total, "ms"),
        }
    medians = [f"{STAGES[stage][1]} {figures.value(median(latencies[stage]), 'ms')}" for stage in stages]
    return text + " " + _("Medians: %(values)s.") % {"values": ", ".join(medians)}


def _makers(parts: Parts) -> list[tuple[str, str]]:
    """What each stage says of itself: models and tokens."""
    makers = []
    for stage, (_kind, name) in STAGES.items():
        details = parts.stages.get(stage)
        if details is None:
            continue
        words = [*details.makers, *(f"{key_word(key)} {figures.decimal(n)}" for key, n in details.tokens.items())]
        if words:
            makers.append((name, " · ".join(words)))
    return makers
