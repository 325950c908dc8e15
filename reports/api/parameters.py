"""The parameters of the API, each described once: those of filters by their declarations, the others here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.filters import FILTERS
from reports.definitions.labels import Words
from reports.definitions.metrics import METRICS
from reports.definitions.spans import SPANS
from reports.files.as_csv import DIALECTS
from reports.queries.calls.orders import MOST_SORTED, ORDERINGS
from reports.queries.question import COMPARED, DEFAULT_METRICS

PAGE_SIZE, MOST_PER_PAGE = 100, 500
PAGING = ("cursor", "page_size", "count")
ALWAYS = ("tenant",)
OF_CALLS = ("date_from", "date_to", "zone")  # beside the filters
_DAY = {"type": "string", "format": "date"}
_IDS = {"type": "array", "items": {"type": "string", "format": "uuid"}}


@dataclass(frozen=True, slots=True)
class Parameter:
    schema: dict[str, Any]
    meaning: Words = ""
    values: Mapping[str, str] = field(default_factory=dict)  # that stand in the meaning

    def __str__(self) -> str:
        return str(self.meaning) % self.values if self.values else str(self.meaning)


PARAMETERS: dict[str, Parameter] = {
    "date_from": Parameter(_DAY, _("The first day.")),
    "date_to": Parameter(_DAY, _("The last day, included.")),
    "zone": Parameter({"type": "string"}, _("A time zone such as America/Sao_Paulo; the company's by default.")),
    "changed_since": Parameter(
        {"type": "string", "format": "date-time"}, _("Only calls that changed here since then.")
    ),
    "ordering": Parameter(
        {"type": "string", "enum": list(ORDERINGS)},
        _(
            "By time or by a column; after a dash from the newest, the largest or the last. Calls that say nothing "
            "come last. By a column at most %(most)s calls can be sorted; by number, own number, cause and vendor's id "
            "only where numbers are seen."
        ),
        {"most": f"{MOST_SORTED:,}"},
    ),
    "metrics": Parameter(
        {"type": "array", "items": {"type": "string", "enum": list(METRICS)}, "default": list(DEFAULT_METRICS)},
        _("Keys of metrics, separated by commas."),
    ),
    "by": Parameter(
        {"type": "array", "items": {"type": "string", "enum": list(DIMENSIONS)}},
        _("Up to all of: %(keys)s."),
        {"keys": ", ".join(DIMENSIONS)},
    ),
    "compare": Parameter(
        {"type": "string", "enum": list(COMPARED), "default": COMPARED[0]},
        _("With the aligned period before, with the same days of the year before, or not."),
    ),
    "compare_from": Parameter(_DAY, _("The first day of another period to compare with.")),
    "compare_to": Parameter(_DAY, _("Its last day, included; by default it is as long.")),
    "period": Parameter(
        {"type": "string", "enum": list(SPANS)},
        _(
            "A period by name, which moves on with the days, in the place of dates. The last days and months end with "
            "yesterday; the last week, the last month and the 12 full months are whole ones of the calendar."
        ),
    ),
    "day": Parameter(_DAY, _("A day of the period that is meant; the last whole one by default.")),
    "subscription": Parameter(_IDS, _("Ids of scheduled mails, separated by commas.")),
    "schedule": Parameter(_IDS, _("Ids of export schedules, separated by commas.")),
    "dialect": Parameter(
        {"type": "string", "enum": list(DIALECTS), "default": "csv"}, _("What the file is to be opened with.")
    ),
    "tenant": Parameter({"type": "string"}, _("The company, for a signed-in member of several.")),
    "cursor": Parameter({"type": "string"}, _("From the page before.")),
    "page_size": Parameter(
        {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": PAGE_SIZE},
        _("From 1 to 500, 100 by default."),
    ),
    "count": Parameter({"type": "boolean", "default": False}, _("Whether to count all.")),
}


class ReaderSchema(AutoSchema):
    """Takes the parameters that a view knows from the view itself."""

    def get_override_parameters(self) -> list[Any]:
        """Those of reading; what only changes something takes its body alone."""
        names: tuple[str, ...] = self.view.parameters()  # type: ignore[attr-defined]  # a ReaderView
        reads = self.method == "GET" or self.view.http_method_names == ["post"]
        return [_described(name) for name in (*(names if reads else ()), *ALWAYS)]


def _described(name: str) -> OpenApiParameter:
    filtering = FILTERS.get(name)
    described = PARAMETERS[name] if filtering is None else Parameter(filtering.schema(), filtering.meaning)
    several = described.schema["type"] == "array"
    return OpenApiParameter(
        name,
        described.schema,
        OpenApiParameter.QUERY,
        description=str(described),
        explode=False if several else None,
        style="form" if several else None,
    )
