"""Setting destinations up and changing them, as audited acts: how they are reached, and by which key a server is known.

A server's key is looked up when the destination is made, shown by its fingerprint, and confirmed by a person who
compared it. The wall must be open.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import CHANGED, Changes, may_keep
from portal.lib.outward.addresses import read_base
from portal.lib.outward.errors import Unreachable
from portal.obstacles import in_words
from reports.handover import access, places
from reports.handover.handing import NotTaken
from reports.handover.models import LONGEST_FOLDER, LONGEST_NAME, Destination, ExportSchedule, PlaceKind
from reports.handover.reading import WishReader
from reports.handover.telling import tell_of_suspension
from reports.mail.preview import TooMany
from reports.mail.rights import Author
from reports.queries.question import QuestionError

MOST_DESTINATIONS = 50
LONGEST_SECRET, LONGEST_KEY = 1000, 20_000
KEPT = "•••"  # stands where a secret is, and leaves it as it is
SECRETS = ("secret", "private_key")
SERVER = frozenset({"kind", "host", "port"})  # another server has another key
# What decides where files go. A new password or secret opens the same account, so it is not among them.
WHERE = SERVER | {"bucket", "region", "folder", "login", "private_key", "host_key"}


class InUse(Exception):
    """A schedule puts its files there; the text says so."""


@dataclass(frozen=True, slots=True)
class DestinationPlan:
    """``secret`` and ``private_key`` are :data:`KEPT` where they stay; else what is to be kept, or empty."""

    name: str = ""
    kind: str = PlaceKind.SFTP.value
    host: str = ""
    port: int = 22
    bucket: str = ""
    region: str = ""
    folder: str = ""
    login: str = ""
    secret: str = ""
    private_key: str = ""

    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in PLACE_FIELDS if name not in SECRETS}


PLACE_FIELDS = tuple(each.name for each in fields(DestinationPlan))


def place_plan_of(destination: Destination) -> DestinationPlan:
    """The plan by which a destination stands, without its secrets."""
    values: dict[str, Any] = {name: getattr(destination, name) for name in PLACE_FIELDS if name not in SECRETS}
    held = Destination.objects.filter(pk=destination.pk)
    return DestinationPlan(**values | {name: _shown(held, name) for name in SECRETS})


def read_place(values: Mapping[str, Any], *, before: Destination | None = None) -> DestinationPlan:
    """The plan that ``values`` make, of a new destination or of one that stands. Raises QuestionError."""
    stands = place_plan_of(before) if before is not None else DestinationPlan()
    reader = _PlaceReader(values, stands, PLACE_FIELDS)
    plan = reader.plan()
    if before is not None and _leads_elsewhere(before, plan) and KEPT in (plan.secret, plan.private_key):
        # A secret goes to the server that it was given for, and to no other.
        reader.errors["secret"] = _("Another server or user needs its secret entered again.")
    if reader.errors:
        raise QuestionError(reader.errors)
    return plan


def create_place(plan: DestinationPlan, author: Author) -> Destination:
    """A new destination; the key of its server is looked up, and waits to be confirmed. Raises TooMany, and NotTaken
    where the server does not answer: then nothing is kept."""
    if Destination.objects.filter(removed_at=None).count() >= MOST_DESTINATIONS:
        raise TooMany(_("A company has at most %(most)s destinations of files.") % {"most": MOST_DESTINATIONS})
    seen = places.shown_key(plan.host, plan.port) if plan.kind == PlaceKind.SFTP else ""
    with transaction.atomic():
        row = Destination(
            tenant=author.tenant,
            creator=author.user if author.key is None else None,
            key=author.key,
            seen_key=seen,
            secret=plan.secret,
            private_key=plan.private_key,
            **plan.columns(),
        )
        row.save()
        author.note("destination.added", about_place(row), _moved(dict.fromkeys(plan.columns()), plan.columns()))
    return row


def change_place(destination: Destination, plan: DestinationPlan, author: Author) -> None:
    """Make it what the plan says. Another server has to be confirmed anew, and so does each schedule where files go
    elsewhere now. Raises NotTaken and PermissionDenied."""
    access.demand_change_of_place(destination, author)
    changed = _differences(destination, plan)
    if changed.keys() & SERVER:
        changed["host_key"] = ""
        changed["seen_key"] = places.shown_key(plan.host, plan.port) if plan.kind == PlaceKind.SFTP else ""
    if changed:
        _write(destination, changed, author, "destination.changed")


def look_again(destination: Destination, author: Author) -> None:
    """Look up the key by which the server shows itself now; where it is another one, it waits to be confirmed. Raises
    NotTaken and PermissionDenied."""
    access.demand_change_of_place(destination, author)
    seen = places.shown_key(destination.host, destination.port)
    destination.seen_key = "" if seen == destination.host_key else seen
    destination.save(update_fields=["seen_key"])


def confirm(destination: Destination, shown: str, author: Author) -> bool:
    """Take the key that waits as the server's, if ``shown`` is its fingerprint; whether it was. Raises
    PermissionDenied."""
    row = Destination.objects.get(pk=destination.pk)
    access.demand_change_of_place(row, author)
    if not row.seen_key or fingerprint(row.seen_key) != shown.strip():
        return False
    _write(destination, {"host_key": row.seen_key, "seen_key": ""}, author, "destination.confirmed")
    return True


def remove_place(destination: Destination, author: Author) -> None:
    """It is used no more, and its secrets are forgotten. Raises InUse and PermissionDenied."""
    access.demand_change_of_place(destination, author)
    with transaction.atomic():
        if ExportSchedule.objects.filter(destination=destination, removed_at=None).exists():
            raise InUse(_("A schedule puts its files there. Change or remove that one first."))
        destination.secret = destination.private_key = ""
        destination.removed_at = timezone.now()
        destination.save(update_fields=["secret", "private_key", "removed_at"])
        author.note("destination.removed", about_place(destination))


def try_place(destination: Destination, author: Author) -> None:
    """Write a small file there and take it away again. Raises NotTaken and PermissionDenied."""
    access.demand_change_of_place(destination, author)
    author.note("destination.tried", about_place(destination))
    places.check(destination)


def _write(destination: Destination, changed: dict[str, Any], author: Author, action: str) -> None:
    """Write what changed, with the values before and after, and suspend the schedules whose files go elsewhere now."""
    with transaction.atomic():
        # A schedule that is put on it at this moment comes before or after, not between.
        row = Destination.objects.select_for_update().get(pk=destination.pk)
        access.demand_change_of_place(row, author)
        was = {name: getattr(row, name) for name in changed}
        for name, value in changed.items():
            setattr(destination, name, value)
        destination.save(update_fields=list(changed))
        author.note(action, about_place(destination), _moved(was, changed))
        first_key = changed.keys() == {"host_key", "seen_key"} and not was["host_key"]
        if changed.keys() & WHERE and not first_key:
            _suspend(destination, author)


def _suspend(destination: Destination, author: Author) -> None:
    now = timezone.now()
    rows = ExportSchedule.objects.filter(destination=destination, removed_at=None)
    for schedule in rows.select_related("grant", "tenant").order_by("id"):
        schedule.suspended_at = now
        schedule.save(update_fields=["suspended_at"])
        author.note("schedule.suspended", {"schedule": str(schedule.public_id)} | about_place(destination))
        tell_of_suspension(schedule)


def _differences(destination: Destination, plan: DestinationPlan) -> dict[str, Any]:
    changed = {name: value for name, value in plan.columns().items() if getattr(destination, name) != value}
    stands = place_plan_of(destination)
    kept = {name: (KEPT, getattr(stands, name)) for name in SECRETS}
    return changed | {name: value for name in SECRETS if (value := getattr(plan, name)) not in kept[name]}


def _moved(was: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """Before and after, as the audit keeps it: keys of servers by their fingerprints, neither secrets nor names."""
    pairs: dict[str, Any] = {name: (None, CHANGED) for name in (*SECRETS, "name") if name in now}
    if "host_key" in now:
        pairs["host_key"] = (fingerprint(was["host_key"]), fingerprint(now["host_key"]))
    for name in now.keys() - pairs.keys() - {"seen_key"}:
        pairs[name] = tuple(value if may_keep(value) else CHANGED for value in (was[name], now[name]))
    return pairs


def fingerprint(host_key: str) -> str:
    """Of a key as OpenSSH writes it: what ``ssh-keygen -l`` shows, with its kind; "" for none."""
    kind, _blank, content = host_key.partition(" ")
    if not content:
        return ""
    digest = hashlib.sha256(base64.b64decode(content)).digest()
    return f"{kind} SHA256:{base64.b64encode(digest).decode('ascii').rstrip('=')}"


def about_place(destination: Destination) -> dict[str, str | int]:
    return {"destination": str(destination.public_id), "kind": destination.kind}


def _shown(rows: Any, name: str) -> str:
    """Dots for a secret that there is: it need not open for that."""
    return "" if rows.filter(**{name: ""}).exists() else KEPT


def _leads_elsewhere(before: Destination, plan: DestinationPlan) -> bool:
    return any(getattr(before, name) != getattr(plan, name) for name in ("kind", "host", "port", "login"))


class _PlaceReader(WishReader):
    def plan(self) -> DestinationPlan:
        kind = self.choice("kind", PlaceKind.values)
        if lack := places.lack(kind):
            self.errors["kind"] = lack
        sftp = kind == PlaceKind.SFTP
        plan = DestinationPlan(
            name=self.line("name", LONGEST_NAME, needed=_("Give the destination a name.")),
            kind=kind,
            host=self._host(sftp=sftp),
            port=self.whole("port", 1, 65535) if sftp else 22,
            bucket="" if sftp else self.line("bucket", 255, needed=_("Name the bucket.")),
            region="" if sftp else self.line("region", 60),
            folder=self._folder(sftp=sftp),
            login=self.line("login", 255, needed=_("Name the user, or the id of the access key.")),
            secret=self._secret("secret", LONGEST_SECRET),
            private_key=self._secret("private_key", LONGEST_KEY) if sftp else "",
        )
        if not plan.secret and not plan.private_key:
            self.errors.setdefault("secret", _("Give the password or secret, or a private key."))
        if plan.private_key not in ("", KEPT) and KEPT not in plan.secret:
            self._demand_readable(plan)
        return plan

    def _host(self, *, sftp: bool) -> str:
        host = self.line("host", 255, needed=_("Name the server."))
        try:
            if host and sftp:
                read_base(f"https://{host}", allow_private=True)
                if set(host) & set("/?#@:"):
                    self.errors["host"] = _("This is the name or address of a server alone.")
            elif host:
                read_base(host, allow_private=settings.UPSTREAM_ALLOW_PRIVATE)
        except Unreachable as refusal:
            self.errors["host"] = in_words(refusal.detail)
        return host

    def _folder(self, *, sftp: bool) -> str:
        folder = self.line("folder", LONGEST_FOLDER)
        if ".." in folder.split("/") or "\\" in folder:
            self.errors["folder"] = _("A folder is written with slashes, and without “..”.")
        return folder.rstrip("/") if sftp and folder != "/" else folder.strip("/") if not sftp else folder

    def _secret(self, name: str, longest: int) -> str:
        given = str(self.given(name) or "").replace("\r\n", "\n")
        text = given if name == "private_key" else given.strip("\n")
        if len(text) > longest:
            self.errors[name] = _("This has at most %(most)s characters.") % {"most": longest}
        return text if text.strip() else ""

    def _demand_readable(self, plan: DestinationPlan) -> None:
        try:
            places.demand_readable(plan.private_key, plan.secret)
        except NotTaken:
            self.errors["private_key"] = _("This is no private key, or the password does not open it.")
