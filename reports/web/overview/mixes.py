"""How calls ended: the mix of their statuses and the side on which they ended over time, and the vendors' causes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.definitions.ended_by import SIDE_LABELS, Side, side_of
from reports.definitions.filters import NONE, guarded
from reports.definitions.labels import STATUS_LABELS
from reports.definitions.metrics import METRICS
from reports.queries.answer import Answer
from reports.web.shared.behind import calls_where
from reports.web.shared.charts import HALF, BarRow, Bars, Look, Series, Stripe, bars, columns
from reports.web.shared.selection import Selection
from reports.web.shared.times import Time, room_for
from reports.web.shared.trend import Drawing
from sync.taxonomy import Status

MIX = ("attempts",)
CAUSES = ("attempts",)
_MOST_STATUSES = 6
_MOST_CAUSES = 12
_KINDS: dict[str, str] = {
    Status.COMPLETED: "s1",
    Status.NO_ANSWER: "s2",
    Status.BUSY: "s3",
    Status.FAILED: "s6",
    "voicemail": "s4",
    Status.ANSWERED: "s5",
}
_SIDE_KINDS: dict[str, str] = {
    Side.PERSON: "s2",
    Side.NETWORK: "s4",
    Side.OURS: "s3",
    Side.VENDOR: "s6",
    Side.UNKNOWN: "s7",
}

Counts = dict[str, dict[str, int]]  # by the second word, then by time


def _counts(answer: Answer) -> Counts:
    counts: Counts = {}
    for row in answer.rows:
        amount = row.cells["attempts"].value
        if amount and row.key[0]:
            counts.setdefault(row.key[1] or "", {})[row.key[0]] = round(amount)
    return counts


@dataclass(frozen=True, slots=True)
class _Counted:
    """One part of a mix: how many calls of each row of time, and the filter that leaves just these."""

    kind: str
    label: str
    by_time: Mapping[str, int]
    filters: Mapping[str, object]

    @property
    def total(self) -> int:
        return sum(self.by_time.values())

    def series(self, times: Sequence[Time]) -> Series:
        return Series(
            self.kind,
            self.label,
            tuple(float(self.by_time.get(time.key, 0)) for time in times),
            tuple(time.calls(**self.filters) if self.by_time.get(time.key) else "" for time in times),
        )

    def shares(self, times: Sequence[Time], totals: Mapping[str, int]) -> Series:
        """As shares of each row of time, in words with both."""
        counts = [self.by_time.get(time.key, 0) for time in times]
        wholes = [totals.get(time.key, 0) for time in times]
        values = tuple(100 * n / whole if whole else None for n, whole in zip(counts, wholes, strict=True))
        words = tuple(
            figures.NO_BASE if share is None else f"{figures.value(share, 'percent')} ({figures.decimal(n)})"
            for share, n in zip(values, counts, strict=True)
        )
        return replace(self.series(times), values=values, said=words)


def status_mix(answer: Answer, times: Sequence[Time]) -> Drawing:
    """The share of each status; the rarest are drawn together."""
    counts = _counts(answer)
    statuses = [status for status in _KINDS if status in counts]
    statuses += sorted(set(counts) - set(statuses), key=lambda status: -sum(counts[status].values()))
    drawn = statuses if len(statuses) <= _MOST_STATUSES else statuses[: _MOST_STATUSES - 1]
    parts = [
        _Counted(_KINDS.get(word, "s7"), str(STATUS_LABELS.get(word, word)), counts[word], {"status": word})
        for word in drawn
    ]
    if rest := statuses[len(drawn) :]:
        parts.append(_Counted("s7", _("others"), _together(counts[word] for word in rest), {"status": rest}))
    totals = _together(counts.values())
    sentence = ""
    if parts:
        most, whole = max(parts, key=lambda part: part.total), sum(totals.values())
        sentence = _("Most often: %(status)s (%(share)s of %(n)s calls).") % {
            "status": most.label,
            "share": figures.value(100 * most.total / whole, "percent"),
            "n": figures.decimal(whole),
        }
    slots = [time.slot(time.calls()) for time in times]
    plot = columns(
        slots, [part.shares(times, totals) for part in parts], Look(unit="percent", room=room_for(times, HALF))
    )
    return Drawing("statuses", _("Status mix"), plot, sentence)


def _together(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for by_time in counts:
        totals.update(by_time)
    return totals


def sides_over_time(answer: Answer, times: Sequence[Time]) -> Drawing:
    """Calls that did not end normally, by the side on which they ended; those not over yet are left out."""
    counts = _counts(answer)
    parts = [
        _Counted(kind, str(SIDE_LABELS[word]), counts[word], {"side": word})
        for word, kind in _SIDE_KINDS.items()
        if word in counts
    ]
    title = _("On whose side calls ended")
    if not parts:
        return Drawing("sides", title, note=_("Every call that is over ended normally."))
    most = max(parts, key=lambda part: part.total)
    sentence = _("%(n)s calls did not end normally; most often it was %(side)s (%(most)s).") % {
        "n": figures.decimal(sum(part.total for part in parts)),
        "side": most.label,
        "most": figures.decimal(most.total),
    }
    slots = [time.slot(time.calls(side=list(_SIDE_KINDS))) for time in times]
    look = Look(room=room_for(times, HALF))
    return Drawing("sides", title, columns(slots, [part.series(times) for part in parts], look), sentence)


def causes(answer: Answer, selection: Selection) -> Bars | None:
    """The vendors' words for the end of a call, most frequent first, with the side each points to; calls without one
    come last. None where no vendor gave any.
    """
    counted = {row.key[0] or "": row.cells["attempts"].value or 0.0 for row in answer.rows}
    whole = sum(counted.values())
    given = sorted((cause for cause in counted if cause and counted[cause]), key=lambda cause: -counted[cause])
    if not given:
        return None

    def row(cause: str) -> BarRow:
        side = side_of(cause, "") if cause else ""
        kind = "s1" if side == Side.NORMAL else _SIDE_KINDS.get(side, "s7")
        return BarRow(
            label=cause or _("no cause given"),
            note=str(SIDE_LABELS[side]) if side else "",
            stripes=(Stripe(kind, 0, counted[cause]),) if cause else (),
            cells=(figures.decimal(counted[cause]), figures.value(100 * counted[cause] / whole, "percent")),
            href=calls_where(selection, {"cause": guarded(cause) if cause else NONE}),
        )

    shown = [*given[:_MOST_CAUSES], *([""] if counted.get("") else [])]
    return bars([row(cause) for cause in shown], (_("Cause and side"), METRICS["attempts"].label, _("Share")))
