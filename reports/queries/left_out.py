"""Which environments are not in a figure, because their vendor does not tell what it is made of."""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reports.definitions.metrics import Metric
from reports.queries.answer import Answer


def environments_left_out(metrics: Iterable[Metric], providers: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """By the key of each metric that some of the environments can be measured by, the names of the others.

    ``providers`` are the vendors of the environments by their names. What none of them tells is not measurable at all.
    """
    left_out = {}
    for metric in metrics:
        names = tuple(sorted(name for name, provider in providers.items() if provider not in metric.vendors))
        if 0 < len(names) < len(providers):
            left_out[metric.key] = names
    return left_out


def left_out_lines(answer: Answer) -> tuple[str, ...]:
    """``OriginsAI is not in: Callbacks received, Callbacks answered``; a line for the figures that lack the same."""
    labels: dict[tuple[str, ...], list[str]] = {}
    for metric in answer.columns:
        if names := answer.left_out.get(metric.key):
            labels.setdefault(names, []).append(str(metric.label))
    return tuple(
        ngettext("%(names)s is not in: %(figures)s", "%(names)s are not in: %(figures)s", len(names))
        % {"names": ", ".join(names), "figures": ", ".join(figures)}
        for names, figures in labels.items()
    )


def left_out_of(answer: Answer, key: str) -> str:
    """``OriginsAI is not in this figure.``; "" where every environment is."""
    names = answer.left_out.get(key, ())
    if not names:
        return ""
    return _("Not in this figure: %(names)s.") % {"names": ", ".join(names)}
