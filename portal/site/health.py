"""Is it alive, is it ready, how is it doing: three addresses for machines.

``/livez`` says that a web process answers and asks nothing else. ``/readyz`` tries the database, the broker and each
queue's heartbeat, and names what failed without saying how. ``/metrics`` has a few gauges in Prometheus' text form, for
the same machine, for whoever knows METRICS_TOKEN, or for a signed-in administrator only.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import Count, F, Min, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.django_inside import unlogged
from portal.outbox.models import Message, PlatformMessage
from portal.proxies import is_from_here
from portal.site.models import Heartbeat
from portal.site.schedules import QUEUES
from portal.site.wrongs.work import check_broker, silent_queues
from portal.tenants import wall
from portal.tenants.database import OUTAGES, explain_to_operator
from portal.tenants.guards import is_administrator
from sync.models.runs import Run, Window, WindowState

logger = logging.getLogger("ringbook.health")


@never_cache
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    checks = {name: _passes(name, check) for name, check in CHECKS.items()}
    ready = all(checks.values())
    words = {name: "ok" if passed else "failed" for name, passed in checks.items()}
    answer = JsonResponse({"status": "ready" if ready else "not ready", "checks": words}, status=200 if ready else 503)
    return answer if ready else unlogged(answer)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not (is_from_here(request) or _knows_token(request) or is_administrator(request)):
        raise PermissionDenied
    with wall.every_tenant("gauges for the operator"):
        lines = [line for gauge in (_heartbeats, _runs, _windows, _messages) for line in gauge()]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")


# --- what /readyz tries -----------------------------------------------------------------------------------------------


def check_database() -> bool:
    """Raises OperationalError."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


def _queues() -> bool:
    """Beat ticked, the broker carried and a worker of every queue wrote, all in the last minutes."""
    return not silent_queues(timezone.now())


LOG_SECONDS = 60.0
_logged: dict[str, float] = {}  # when each check was last said to fail
CHECKS: dict[str, Callable[[], bool]] = {"database": check_database, "broker": check_broker, "queues": _queues}


def _passes(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except OUTAGES as error:
        _log(name, explain_to_operator(error) or str(error))
    except Exception:
        logger.exception("The check %r of /readyz failed.", name)
    return False


def _log(name: str, trouble: str) -> None:
    """One line a minute for each check: probes ask every few seconds for as long as an outage lasts."""
    now = time.monotonic()
    if now - _logged.get(name, -LOG_SECONDS) >= LOG_SECONDS:
        _logged[name] = now
        logger.error("The check %r of /readyz failed: %s", name, trouble)


# --- what /metrics tells ----------------------------------------------------------------------------------------------


def _heartbeats() -> Iterator[str]:
    yield from _head("ringbook_queue_heartbeat_age_seconds", "Seconds since a worker of the queue was last seen.")
    now = timezone.now()
    for beat in Heartbeat.objects.filter(queue__in=QUEUES).order_by("queue"):
        age = (now - beat.at).total_seconds()
        yield f'ringbook_queue_heartbeat_age_seconds{{queue="{beat.queue}"}} {age:.1f}'


def _runs() -> Iterator[str]:
    yield from _head("ringbook_runs_last_day", "Runs begun in the last 24 hours, by state.")
    recent = Run.objects.filter(started_at__gte=timezone.now() - timedelta(days=1))
    for state, count in recent.order_by("state").values_list("state").annotate(Count("id")):
        yield f'ringbook_runs_last_day{{state="{state}"}} {count}'


def _windows() -> Iterator[str]:
    yield from _head("ringbook_windows", "Windows by state.")
    for state, count in Window.objects.order_by("state").values_list("state").annotate(Count("id")):
        yield f'ringbook_windows{{state="{state}"}} {count}'
    yield from _head("ringbook_oldest_due_window_age_seconds", "How long the longest waiting window has been due.")
    # Days before the history are nobody's to read, though a person may have.
    of_history = Q(day=None) | Q(day__gte=F("environment__connection__since"))
    due = Window.objects.exclude(state=WindowState.COMPLETE).filter(of_history, next_attempt_at__lte=timezone.now())
    oldest = due.aggregate(oldest=Min("next_attempt_at"))["oldest"]
    age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    yield f"ringbook_oldest_due_window_age_seconds {age:.1f}"


def _messages() -> Iterator[str]:
    yield from _head("ringbook_messages", "Messages in the outbox, by state.")
    counted: Counter[str] = Counter()
    for kind in (Message, PlatformMessage):
        rows = kind._default_manager.order_by("state").values_list("state")
        counted.update(dict(rows.annotate(Count("id"))))
    for state, count in sorted(counted.items()):
        yield f'ringbook_messages{{state="{state}"}} {count}'


def _head(name: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} gauge"


def _knows_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "")
    return bool(settings.METRICS_TOKEN) and constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}")
