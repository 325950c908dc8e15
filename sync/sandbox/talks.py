"""OriginsAI calls of one agent and day: full elements with turns, latencies, timeline, tools and hang-up causes.

The nested forms are ours, made the way such records usually look; the vendor publishes none. Like Talkover's, a day's
draw depends on nothing but seed, tenant, agent and day. The talk is generic; no turn is from a real call.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import exp
from random import Random
from typing import Any

from sync.sandbox import brazil
from sync.sandbox.cast import Tenant, identity

Element = dict[str, Any]
_RINGING = brazil.Hours(brazil.RINGING)
_DIALLING = brazil.Hours(brazil.DIALLING)
_LOCAL = brazil.OFFSET
_GREETINGS = (
    "Olá, tudo bem? Aqui é a assistente virtual.",
    "Bom dia! Em que posso ajudar?",
    "Oi, obrigada por atender.",
)
_ANSWERS = (
    "Oi, tudo bem.", "Queria saber o horário de atendimento.", "Pode repetir, por favor?", "Sim, pode ser na quinta.",
    "Não recebi o boleto ainda.", "Prefiro de manhã.", "Estou dirigindo agora, pode ligar mais tarde?", "Certo.",
    "Já falei com vocês na semana passada.", "Quanto fica o plano anual?", "É só isso mesmo, obrigado.",
)  # fmt: skip
_REPLIES = (
    "Claro, vou verificar para você.", "Temos horário na quinta às dez da manhã. Posso confirmar?",
    "O atendimento vai das oito às dezoito, de segunda a sexta.", "Enviei a segunda via por mensagem agora mesmo.",
    "Entendi. Posso retornar no fim da tarde?", "O plano anual sai com dez por cento de desconto.",
    "Só um instante, estou consultando o sistema.", "Perfeito, ficou registrado.",
)  # fmt: skip
_GOODBYE = "Obrigada pelo contato. Tenha um ótimo dia!"
_CAUSES = (
    ("No Answer", "Carrier"),
    ("Busy Line", "Callee"),
    ("Rejected", "Callee"),
    ("Invalid Destination", "Carrier"),
)
_OUTCOMES = ("resolved", "scheduled", "callback requested", "no interest", "transferred")
_TOOLS = ("check_schedule", "send_invoice", "find_customer")


def day_elements(
    tenant: Tenant, agent: int, day: date, *, seed: int, per_day: float, now: datetime
) -> Iterator[Element]:
    """The day's elements up to ``now``, in the order they began."""
    rng = Random(f"{seed}/{tenant.name}/originsai/{agent}/{day}")  # noqa: S311
    hours = _DIALLING if agent == 8 else _RINGING
    starts = sorted(hours.draw(rng) for _ in range(round(per_day * brazil.volume(day) * (0.9 + 0.2 * rng.random()))))
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - _LOCAL
    for number, second in enumerate(starts):
        start = midnight + timedelta(seconds=second, milliseconds=rng.randrange(1000))
        element = _talk(rng, tenant, agent, start, number=number)
        if start <= now:
            yield _as_of(element, start, now)


def queued(tenant: Tenant, agent: int, count: int) -> Iterator[Element]:
    """Calls not placed yet: no id, almost nothing filled."""
    for number in range(count):
        empty: Element = dict.fromkeys(_KEYS)
        lists: Element = {name: [] for name in _LISTS}
        objects: Element = {name: {} for name in ("call_context", "call_quality", "call_insights", "audio_config")}
        yield {
            **empty,
            **lists,
            **objects,
            "call_agent_id": agent,
            "to_number": f"+551190{agent:02}00{number:03}",
            "call_status": "QUEUED",
            "call_direction": "outbound",
            "task_id": 900_000 + number,
            "call_triggered": False,
            "call_timeline": None,
            "org_id": tenant.org,
        }


_LISTS = ("stt_data", "llm_data", "tts_data", "call_transcription", "call_state_changes", "tool_data")
_KEYS = (
    "call_id", "call_agent_id", "stt_data", "llm_data", "tts_data", "call_transcription", "call_recording_url",
    "from_number", "to_number", "recording_id", "call_context", "call_status", "call_duration", "billed_duration",
    "initiation_time", "answer_time", "end_time", "hangup_cause_name", "hangup_source", "call_direction", "task_id",
    "call_state_changes", "call_triggered", "call_quality", "call_insights", "call_timeline", "tool_data",
    "audio_config", "org_id",
)  # fmt: skip


def _talk(rng: Random, tenant: Tenant, agent: int, start: datetime, *, number: int) -> Element:
    word = identity(tenant.name, "originsai", agent, start.isoformat(), number)
    outbound = agent == 8
    here = f"+551120000{700 + agent}"
    there = brazil.mobile(rng, (start.date().toordinal() % 199 * 25_000 + agent * 1000 + number) * 2)
    answered = rng.random() < (0.55 if outbound else 0.93)
    ring = 3 + rng.random() * (20 if outbound else 4)
    talk = min(max(round(80 * exp(rng.gauss(0, 0.7)), 2), 2), 3600.0) if answered else 0
    picked = start + timedelta(seconds=ring)
    ended = picked + timedelta(seconds=float(talk))
    stamp = _with_offset if agent == 7 else _in_utc
    said = _turns(rng, picked, max(2, min(int(talk / 9), 14))) if answered else []
    turns = [{"role": role, "content": text, "timestamp": stamp(moment)} for moment, role, text in said]
    cause, source = ("Normal Hangup", rng.choice(("Caller", "Callee", "API"))) if answered else rng.choice(_CAUSES)
    states = [("INITIATED", start)] + ([("ANSWERED", picked)] if answered else []) + [("ENDED", ended)]
    asked = [moment for moment, role, _ in said if role == "user"]
    uses = rng.choice((0, 0, 1, 1, 2)) if answered else 0
    tools = [_tool(rng, stamp(asked[min(place, len(asked) - 1)])) for place in range(uses)]
    return {
        "call_id": word,
        "call_agent_id": agent,
        "stt_data": [
            {"latency_ms": _latency(rng, 240), "provider": "stt-a"} for turn in turns if turn["role"] == "user"
        ],
        "llm_data": [
            {
                "latency_ms": _latency(rng, 620),
                "model": "model-b",
                "prompt_tokens": 600 + rng.randrange(900),
                "completion_tokens": 12 + rng.randrange(60),
            }
            for turn in turns
            if turn["role"] == "assistant"
        ],
        "tts_data": [
            {"latency_ms": _latency(rng, 180), "characters": len(turn["content"])}
            for turn in turns
            if turn["role"] == "assistant"
        ],
        "call_transcription": turns,
        "call_recording_url": f"https://recordings.example.com/{tenant.name}/{word}.mp3" if answered else None,
        "from_number": here if outbound else there,
        "to_number": there if outbound else here,
        "recording_id": f"rec-{word[:8]}" if answered else None,
        "call_context": {"customer_name": brazil.person(rng), "language": "pt-BR", "source": "crm"},
        "call_status": "ANSWERED" if answered else "FAILED",
        "call_duration": talk,
        "billed_duration": -(-int(talk) // 6) * 6 if answered else 0,
        "initiation_time": stamp(start),
        "answer_time": stamp(picked) if answered else None,
        "end_time": stamp(ended),
        "hangup_cause_name": cause,
        "hangup_source": source,
        "call_direction": "outbound" if outbound else "inbound",
        "task_id": rng.randrange(100_000, 900_000) if outbound else None,
        "call_state_changes": [{"state": state, "timestamp": stamp(moment)} for state, moment in states],
        "call_triggered": outbound,
        "call_quality": {"mos": round(4.4 - rng.random() * 0.9, 2), "jitter_ms": round(rng.random() * 22, 1)}
        if answered
        else {},
        "call_insights": {
            "summary": "Conversa curta em português.",
            "sentiment": rng.choice(("positive", "neutral", "neutral", "negative")),
            "outcome": rng.choice(_OUTCOMES),
        }
        if answered
        else {},
        "call_timeline": [{"event": state.lower(), "timestamp": stamp(moment)} for state, moment in states],
        "tool_data": tools,
        "audio_config": {"codec": "PCMU", "sample_rate": 8000, "noise_reduction": True},
        "org_id": tenant.org,
    }


def _as_of(element: Element, start: datetime, now: datetime) -> Element:
    """The element as it stands at ``now``: calls of the last minutes are not over yet."""
    length = 25 + float(element["call_duration"])
    if (now - start).total_seconds() >= length:
        return element
    nothing = {"call_recording_url": None, "recording_id": None, "end_time": None, "hangup_cause_name": None}
    return {
        **element,
        **nothing,
        "hangup_source": None,
        "call_status": "INITIATED",
        "call_duration": None,
        "billed_duration": None,
        "answer_time": None,
        "call_state_changes": element["call_state_changes"][:1],
        "call_timeline": None,
    }


def _turns(rng: Random, picked: datetime, count: int) -> list[tuple[datetime, str, str]]:
    """Moment, role and text of each turn."""
    moment = picked + timedelta(seconds=1)
    turns = [(moment, "assistant", rng.choice(_GREETINGS))]
    for number in range(count):
        moment += timedelta(seconds=2 + rng.random() * 6)
        asks = number % 2 == 0
        turns.append((moment, "user" if asks else "assistant", rng.choice(_ANSWERS if asks else _REPLIES)))
    turns.append((moment + timedelta(seconds=3), "assistant", _GOODBYE))
    return turns


def _tool(rng: Random, asked_at: str) -> Element:
    """A tool used for what a person asked then."""
    name = rng.choice(_TOOLS)
    tool_use = {"name": name, "arguments": {"attempt": 1}, "timestamp": asked_at}
    if rng.random() < 0.08:
        return {**tool_use, "error": "timeout", "duration_ms": 5000}
    return {**tool_use, "result": {"ok": True}, "duration_ms": _latency(rng, 350)}


def _latency(rng: Random, median: float) -> float:
    return round(median * exp(rng.gauss(0, 0.35)), 1)


def _with_offset(moment: datetime) -> str:
    return f"{(moment + _LOCAL).replace(tzinfo=None).isoformat(' ', 'seconds')}-03:00"


def _in_utc(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat('T', 'milliseconds')}Z"
