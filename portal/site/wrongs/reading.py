"""What is wrong with reading: tokens, vendors, streams, gaps, quarantine. All tenants must be open."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.site.wrongs.wrong import Kind, Wrong, listed
from sync.freshness import overdue
from sync.models.connections import Connection, ConnectionState
from sync.models.quarantine import OPEN, Quarantine
from sync.models.runs import STREAMS, Gap
from sync.standing import Kind as Stands
from sync.standing import Standing, standings

LONG = timedelta(hours=1)  # for how long a connection fails before anybody is written to
GROWTH = 20  # elements set aside within a day that nobody could read
_READ = (Stands.WORKING, Stands.GAPS, Stands.UNTESTED)
_STREAMS = {str(stream): words for stream, words in STREAMS}


def found(now: datetime) -> Iterator[Wrong]:
    rows = Connection.objects.filter(environment__retired_at=None, tenant__active=True).defer("token")
    connections = list(rows.select_related("tenant", "environment").order_by("pk"))
    by_connection = standings(connections)
    for connection in connections:
        yield from _failing(connection, by_connection[connection.pk], now)
    read = [connection for connection in connections if by_connection[connection.pk].kind in _READ]
    yield from _stale(read, now)
    yield from _gaps()
    yield from _quarantine(now)


def whose(connection: Connection) -> str:
    return f"{connection.tenant.name} · {connection.environment.name}"


def _failing(connection: Connection, standing: Standing, now: datetime) -> Iterator[Wrong]:
    page = reverse("admin:sync_connection_change", args=[connection.pk])
    if connection.state == ConnectionState.REJECTED:
        yield Wrong(
            Kind.TOKENS, f"token:{connection.pk}", _("The vendor rejects the token."), whose(connection),
            since=standing.since, link=page, act=_("Give it a new token"), alarming=True,
        )  # fmt: skip
    elif standing.kind == Stands.SEALED:
        yield Wrong(
            Kind.TOKENS, f"token:{connection.pk}", standing.why, whose(connection),
            link=page, act=_("Give it a new token"), alarming=True,
        )  # fmt: skip
    elif standing.kind == Stands.FAILING:
        what = f"{', '.join(standing.streams)}: {standing.why}" if standing.streams else standing.why
        yield Wrong(
            Kind.FAILING, f"failing:{connection.pk}", what, whose(connection), since=standing.since,
            link=page, act=_("Look and test"), alarming=standing.since is not None and now - standing.since >= LONG,
        )  # fmt: skip


def _stale(connections: list[Connection], now: datetime) -> Iterator[Wrong]:
    late = overdue(connections, now - timedelta(hours=settings.STALE_HOURS))
    for connection in connections:
        if connection.environment_id not in late:
            continue
        since, streams = late[connection.environment_id]
        names = ", ".join(str(_STREAMS.get(stream, stream)) for stream in sorted(streams))
        yield Wrong(
            Kind.STALE, f"stale:{connection.pk}", _("Not read: %(streams)s") % {"streams": names or _("nothing yet")},
            whose(connection), count=len(streams) or 1, since=since,
            link=reverse("admin:sync_connection_read", args=[connection.pk]), act=_("Read again now"), posted=True,
            alarming=True,
        )  # fmt: skip


def _gaps() -> Iterator[Wrong]:
    rows = Gap.objects.filter(closed_at=None, tenant__active=True).order_by()
    for tenant, name, count, since in rows.values_list("tenant_id", "tenant__name").annotate(
        Count("pk"), Min("opened_at")
    ):
        yield Wrong(
            Kind.GAPS, f"gaps:{tenant}", _("Windows that could not be read whole"), name, count, since,
            listed("sync_gap", open="yes", tenant__id__exact=tenant), _("Look and read again"),
        )  # fmt: skip


def _quarantine(now: datetime) -> Iterator[Wrong]:
    rows = Quarantine.objects.filter(OPEN, tenant__active=True).order_by()
    new = Count("pk", filter=Q(first_seen_at__gte=now - timedelta(days=1)))
    for tenant, name, count, since, recent in rows.values_list("tenant_id", "tenant__name").annotate(
        Count("pk"), Min("first_seen_at"), recent=new
    ):
        yield Wrong(
            Kind.QUARANTINE, f"quarantine:{tenant}", _("Elements that could not be understood"), name, count, since,
            listed("sync_quarantine", state="open", tenant__id__exact=tenant), _("Look, read again or accept"),
            alarming=recent >= GROWTH,
        )  # fmt: skip
