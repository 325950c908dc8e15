"""The figures of a period, arranged for a page. Nothing here counts: every number is a cell as it came."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from portal.formats import figures
from reports.definitions.metrics import METRICS, Metric
from reports.queries.answer import Answer, Cell
from reports.queries.highlights import LOOKED_AT
from reports.queries.left_out import left_out_lines
from reports.web.shared.behind import behind
from reports.web.shared.frame import Choices
from reports.web.shared.selection import Selection

LEAD = LOOKED_AT
GROUPS: tuple[tuple[str | Promise, tuple[str, ...]], ...] = (
    (
        gettext_lazy("Outcome"),
        ("connected", "no_answer_rate", "busy_rate", "failed_rate", "missed_rate", "open_calls", "unresolved_calls"),
    ),
    (
        gettext_lazy("Conversation"),
        (
            "median_duration",
            "p90_duration",
            "short_call_share_3s",
            "short_connected_share_3s",
            "short_call_share_6s",
            "short_connected_share_6s",
            "engaged_share",
        ),
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


def answerable(keys: Iterable[str]) -> tuple[str, ...]:
    """The keys that this release answers."""
    return tuple(key for key in keys if key in METRICS)


SUMMARY = answerable((*LEAD, *(key for _title, keys in GROUPS for key in keys)))
# What has to walk the calls of a period one by one, and for how many days it is asked at most.
WALKED, MOST_WALKED_DAYS = frozenset({"peak_concurrency"}), 31


def askable(keys: Iterable[str], days: int) -> tuple[str, ...]:
    """The keys to ask for a period of so many days."""
    return tuple(key for key in answerable(keys) if days <= MOST_WALKED_DAYS or key not in WALKED)


@dataclass(frozen=True, slots=True)
class Figure:
    """``currency`` is known for money only; ``cell`` is None where the vendors in view cannot measure; ``fit`` is a
    class of the style sheet for its column on narrow screens; ``href`` leads to the calls behind it; ``words`` stand in
    the place of a value that was not asked for.
    """

    metric: Metric
    cell: Cell | None
    currency: str = ""
    fit: str = ""
    href: str = ""
    words: str = ""


def figure_text(figure: Figure) -> str:
    """A figure's value, or the words that stand in its place."""
    if figure.words:
        return figure.words
    if figure.cell is None:
        return figures.NO_BASE
    if figure.cell.small:
        return gettext("n too small")
    return figures.value(figure.cell.value, figure.metric.unit, currency=figure.currency)


def _up_to_days() -> str:
    return gettext("up to %(n)s days") % {"n": figures.decimal(MOST_WALKED_DAYS)}


@dataclass(frozen=True, slots=True)
class Group:
    title: str | Promise
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    lead: tuple[Figure, ...]
    groups: tuple[Group, ...]
    unmeasured: tuple[Metric, ...]
    left_out: tuple[str, ...] = ()  # which environments are not in which figures


def summary(answer: Answer, selection: Selection, shown: Choices) -> Summary:
    """The figures of the period: the lead, the rest in groups, and what the vendors in view cannot tell."""
    providers = shown.providers

    def measured(key: str) -> bool:
        return not providers or not METRICS[key].vendors or bool(providers & set(METRICS[key].vendors))

    def figure(key: str) -> Figure:
        if not measured(key):
            return Figure(METRICS[key], None)
        words = "" if key in answer.totals else _up_to_days()
        href = behind(key, selection, shown)
        return Figure(METRICS[key], answer.totals.get(key), shown.currency, href=href, words=words)

    groups = [Group(title, tuple(figure(key) for key in answerable(keys) if measured(key))) for title, keys in GROUPS]
    return Summary(
        lead=tuple(figure(key) for key in answerable(LEAD)),
        groups=tuple(group for group in groups if group.figures),
        unmeasured=tuple(METRICS[key] for key in SUMMARY if key not in LEAD and not measured(key)),
        left_out=left_out_lines(answer),
    )
