"""The figures of a period, arranged for a page. Nothing here counts: every number is a cell as it came."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from reports.metrics import METRICS, Metric
from reports.queries.answer import Answer, Cell

LEAD = ("attempts", "connect_rate", "average_duration", "talk_minutes", "unique_contacts", "callbacks_received")
GROUPS: tuple[tuple[str | Promise, tuple[str, ...]], ...] = (
    (
        gettext_lazy("Outcome"),
        ("connected", "no_answer_rate", "busy_rate", "failed_rate", "missed_rate", "open_calls", "unresolved_calls"),
    ),
    (
        gettext_lazy("Conversation"),
        ("median_duration", "p90_duration", "short_call_share_3s", "short_call_share_6s", "engaged_share"),
    ),
    (gettext_lazy("Contacts"), ("reach_rate", "attempts_per_contact")),
    (
        gettext_lazy("Callbacks, as the vendor counts them"),
        ("callbacks_answered", "callback_answer_rate", "callbacks_unmatched"),
    ),
    (gettext_lazy("Cost and load"), ("billed_minutes", "estimated_cost", "peak_concurrency")),
    (gettext_lazy("Answering"), ("time_to_answer", "service_level")),
    (
        gettext_lazy("Latency"),
        (
            "stt_latency_p50",
            "stt_latency_p95",
            "llm_latency_p50",
            "llm_latency_p95",
            "tts_latency_p50",
            "tts_latency_p95",
        ),
    ),
)


def asked(keys: Iterable[str]) -> tuple[str, ...]:
    """The keys that this release answers."""
    return tuple(key for key in keys if key in METRICS)


SUMMARY = asked((*LEAD, *(key for _title, keys in GROUPS for key in keys)))


@dataclass(frozen=True, slots=True)
class Figure:
    """``currency`` is known for money only; ``cell`` is None where the vendors in view cannot measure; ``fit`` is a
    class of the style sheet for its column on narrow screens.
    """

    metric: Metric
    cell: Cell | None
    currency: str = ""
    fit: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    title: str | Promise
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    lead: tuple[Figure, ...]
    groups: tuple[Group, ...]
    unmeasured: tuple[Metric, ...]


def summary(answer: Answer, providers: frozenset[str], *, currency: str = "") -> Summary:
    """The figures of the period: the lead, the rest in groups, and what the vendors in view cannot tell."""

    def measured(key: str) -> bool:
        return not providers or not METRICS[key].vendors or bool(providers & set(METRICS[key].vendors))

    def figure(key: str) -> Figure:
        return Figure(METRICS[key], answer.totals.get(key) if measured(key) else None, currency)

    groups = [Group(title, tuple(figure(key) for key in asked(keys) if measured(key))) for title, keys in GROUPS]
    return Summary(
        lead=tuple(figure(key) for key in asked(LEAD)),
        groups=tuple(group for group in groups if group.figures),
        unmeasured=tuple(METRICS[key] for key in SUMMARY if key not in LEAD and not measured(key)),
    )
