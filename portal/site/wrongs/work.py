"""What is wrong with the work of Ringbook itself: queues, mails, column files, erasures. All tenants must be open."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min
from django.utils.translation import gettext as _
from redis import Redis
from redis.exceptions import RedisError

from portal.outbox.models import Message, PlatformMessage, State
from portal.privacy.models import Erasure
from portal.site.celery import app as celery_app
from portal.site.models import Heartbeat
from portal.site.schedules import QUEUES
from portal.site.wrongs.wrong import Kind, Wrong, listed
from reports.mail.models import Delivery, DeliveryState
from sync.models.changes import DirtyDay

SILENT_AFTER = timedelta(minutes=3)
LOOKED_BACK = timedelta(days=7)  # what failed longer ago is history
LATE = timedelta(hours=1)  # for what takes minutes
MANY = 5  # mails of a company: one that its server refuses for good is for the company to see
_LOST = (State.FAILED, State.UNKNOWN)


def found(now: datetime) -> Iterator[Wrong]:
    yield from _broker()
    yield from _queues(now)
    yield from _mails(now)
    yield from _reports(now)
    yield from _columns(now)
    yield from _erasures(now)


def silent_queues(now: datetime) -> dict[str, datetime | None]:
    """The queues that no worker serves, and when one was last seen."""
    seen = dict(Heartbeat.objects.values_list("queue", "at"))
    return {queue: seen.get(queue) for queue in QUEUES if queue not in seen or now - seen[queue] > SILENT_AFTER}


def check_broker() -> bool:
    """Raises RedisError or OSError when it does not answer."""
    url = celery_app.conf.broker_url.replace("redis+socket://", "unix://", 1)
    with Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as broker:
        return bool(broker.ping())


def _broker() -> Iterator[Wrong]:
    try:
        check_broker()
    except (RedisError, OSError):
        yield Wrong(
            Kind.QUEUES, "broker", _("The broker doesn't answer. Start Redis, or the portal where it brings its own"
            " broker."), "REDIS_URL" if settings.REDIS_URL else "", alarming=True,
        )  # fmt: skip


def _queues(now: datetime) -> Iterator[Wrong]:
    for queue, since in silent_queues(now).items():
        yield Wrong(
            Kind.QUEUES, f"queue:{queue}", _("No worker is seen: start workers and beat, as “manage.py serve” does."),
            queue, since=since, alarming=True,
        )  # fmt: skip


def _mails(now: datetime) -> Iterator[Wrong]:
    lost = Message.objects.filter(state__in=_LOST, created_at__gte=now - LOOKED_BACK).order_by()
    for tenant, name, count, since in lost.values_list("tenant_id", "tenant__name").annotate(
        Count("pk"), Min("created_at")
    ):
        yield Wrong(
            Kind.MAILS, f"mails:{tenant}", _("Mails failed, or nobody knows whether they arrived"), name, count, since,
            listed("outbox_message", state__in="failed,unknown", tenant__id__exact=tenant), _("Look and send again"),
            alarming=count >= MANY,
        )  # fmt: skip
    own = PlatformMessage.objects.filter(state__in=_LOST, created_at__gte=now - LOOKED_BACK)
    count = own.count()
    if count:
        yield Wrong(
            Kind.MAILS, "mails:platform", _("Mails to people about their accounts failed"), "", count,
            own.aggregate(since=Min("created_at"))["since"],
            listed("outbox_platformmessage", state__in="failed,unknown"), _("Look and send again"),
            alarming=count >= MANY,
        )  # fmt: skip
    yield from _waiting(now)


def _waiting(now: datetime) -> Iterator[Wrong]:
    """Mails that were tried and wait for the server, or that nobody tried."""
    old = {"state__in": (State.PENDING, State.SENDING), "created_at__lt": now - LATE}
    kinds = (Message._default_manager, PlatformMessage._default_manager)
    told = [rows.filter(**old).aggregate(count=Count("pk"), since=Min("created_at")) for rows in kinds]
    count, moments = sum(each["count"] for each in told), [each["since"] for each in told if each["since"]]
    if count:
        yield Wrong(
            Kind.MAILS, "mails:waiting", _("Mails wait for more than an hour: the mail server takes none, or no worker"
            " sends them."), "", count, min(moments), listed("outbox_message", state__exact="pending"),
            _("See what it answers"), alarming=True,
        )  # fmt: skip


def _reports(now: datetime) -> Iterator[Wrong]:
    failed = Delivery.objects.filter(state=DeliveryState.FAILED, due_at__gte=now - LOOKED_BACK).order_by()
    for tenant, name, count, since in failed.values_list("tenant_id", "tenant__name").annotate(
        Count("pk"), Min("due_at")
    ):
        yield Wrong(
            Kind.MAILS, f"reports:{tenant}", _("Scheduled mails could not be made"), name, count, since,
            listed("reports_mail_delivery", state__exact="failed", tenant__id__exact=tenant), _("Look and make again"),
            alarming=count >= MANY,
        )  # fmt: skip


def _columns(now: datetime) -> Iterator[Wrong]:
    rows = DirtyDay.objects.filter(since__lt=now - LATE, tenant__active=True).order_by()
    for tenant, name, count, since in rows.values_list("tenant_id", "tenant__name").annotate(Count("pk"), Min("since")):
        yield Wrong(
            Kind.COLUMNS, f"columns:{tenant}", _("Days whose column files are not made; pages are slow until then"),
            name, count, since, listed("reports_columns_columnledger", tenant__id__exact=tenant), _("Look and make"),
            alarming=now - since >= 6 * LATE,
        )  # fmt: skip


def _erasures(now: datetime) -> Iterator[Wrong]:
    rows = Erasure.objects.filter(done_at=None, asked_at__lt=now - LATE).order_by()
    for tenant, name, count, since in rows.values_list("tenant_id", "tenant__name").annotate(
        Count("pk"), Min("asked_at")
    ):
        yield Wrong(
            Kind.ERASURES, f"erasures:{tenant}", _("Persons whose data are still to be erased"), name, count, since,
            listed("privacy_erasure", done="no", tenant__id__exact=tenant), _("Look and do now"), alarming=True,
        )  # fmt: skip
