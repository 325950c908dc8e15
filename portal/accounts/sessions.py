"""Django's sessions in the database, as rows that a person can read and end.

A session ends a week after sign-in, or when nobody used it for ``SESSION_IDLE_MINUTES``. The row that is gone is a
browser signed out, from its next request on.
"""

import hashlib
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db import OperationalError, transaction
from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.models import Session, Way
from portal.audit.record import address_of
from portal.lib.browsers import browser_of
from portal.tenants.models.people import User

logger = logging.getLogger("ringbook.accounts")

_SEEN_EVERY = timedelta(minutes=1)
_FACTS = "signed_in"  # in the session's data: what its row says of it


class SessionStore(db.SessionStore):
    """Looked up by the hash of the cookie. ``SESSION_ENGINE`` names this module."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        now = timezone.now()
        idle = now - timedelta(minutes=settings.SESSION_IDLE_MINUTES)
        row = Session.objects.filter(
            session_key=_stored(self.session_key), expire_date__gt=now, seen_at__gt=idle
        ).first()
        if row is None:
            self._session_key = None
        elif row.seen_at < now - _SEEN_EVERY:
            _note_seen(row, now)
        return row

    def exists(self, session_key: str | None) -> bool:
        return Session.objects.filter(session_key=_stored(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row: Any = super().create_model_instance(data)
        facts = data.get(_FACTS, {})
        now = timezone.now()
        row.session_key = _stored(row.session_key)
        row.user_id = data.get(SESSION_KEY)
        row.begun_at = datetime.fromtimestamp(facts["at"], UTC) if facts else now
        row.seen_at = now
        row.expire_date = min(row.expire_date, row.begun_at + timedelta(seconds=settings.SESSION_COOKIE_AGE))
        row.address, row.browser, row.way = facts.get("address"), facts.get("browser", ""), facts.get("way", "")
        return row  # type: ignore[no-any-return]

    @classmethod
    def clear_expired(cls) -> None:
        """With those of visitors that nobody used for as long as opens nothing any more: any page may begin one. Those
        of people say for their week when somebody was last here."""
        super().clear_expired()
        idle = timezone.now() - timedelta(minutes=settings.SESSION_IDLE_MINUTES)
        Session.objects.filter(user=None, seen_at__lt=idle).delete()

    def delete(self, session_key: str | None = None) -> None:
        Session.objects.filter(session_key=_stored(session_key or self.session_key)).delete()


def note_sign_in(request: HttpRequest) -> None:
    """Say in the session when, whence and with what it began; whoever signs in sweeps away what has ended."""
    request.session[_FACTS] = {
        "at": timezone.now().timestamp(),
        "address": address_of(request),
        "browser": browser_of(request.META.get("HTTP_USER_AGENT", "")),
    }
    SessionStore.clear_expired()


def note_way(request: HttpRequest, way: Way) -> None:
    """Say how its person signed in."""
    request.session[_FACTS] = request.session.get(_FACTS, {}) | {"way": str(way)}


def sessions_of(user: User) -> list[Session]:
    """A person's open sessions, the one used last first."""
    now = timezone.now()
    idle = now - timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    return list(Session.objects.filter(user=user, expire_date__gt=now, seen_at__gt=idle).order_by("-seen_at"))


def last_seen(ids: Iterable[int]) -> dict[int, datetime]:
    """When each of these people was last here, as far as their sessions are still kept. One query."""
    rows = Session.objects.filter(user_id__in=list(ids)).order_by().values_list("user_id")
    return {user_id: seen for user_id, seen in rows.annotate(Max("seen_at")) if user_id is not None}


def is_own(session: Session, request: HttpRequest) -> bool:
    """Whether the request came by this session."""
    return session.session_key == _stored(request.session.session_key)


def end_session(user: User, key: str) -> bool:
    """End one of a person's sessions; False for another's, and for one that is not there."""
    return bool(Session.objects.filter(user=user, session_key=key).delete()[0])


def end_sessions(user: User, *, but: HttpRequest | None = None) -> int:
    """End all of a person's sessions, or all but the one that a request came by; how many."""
    rows = Session.objects.filter(user=user)
    if but is not None:
        rows = rows.exclude(session_key=_stored(but.session.session_key))
    return rows.delete()[0]


def _stored(session_key: str | None) -> str:
    return hashlib.sha256((session_key or "").encode()).hexdigest()


def _note_seen(row: Session, now: datetime) -> None:
    try:
        with transaction.atomic():
            Session.objects.filter(pk=row.pk, seen_at=row.seen_at).update(seen_at=now)
    except OperationalError:  # a busy database costs the note, never the answer
        logger.info("the use of a session was not noted")
