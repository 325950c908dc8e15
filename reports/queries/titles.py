"""What a question about figures is called where nobody named it, in the active language."""

from collections.abc import Sequence

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from reports.definitions.catalogue import CATALOGUE
from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.metrics import METRICS


def report_title(metrics: Sequence[str], by: Sequence[str]) -> str:
    """The ready-made report's name, else what is asked in words."""
    for ready in CATALOGUE.values():
        if (ready.metrics, ready.by) == (tuple(metrics), tuple(by)):
            return str(ready.label)
    labels = [str(METRICS[key].label) for key in metrics]
    names = ", ".join(labels[:2]) + (_(" and %(n)s more") % {"n": len(labels) - 2} if len(labels) > 2 else "")
    groups = ", ".join(str(DIMENSIONS[key].label) for key in by)
    return str(_("%(metrics)s by %(by)s") % {"metrics": names, "by": groups} if groups else capfirst(names))
