"""Who stands on a list: put there, asked whether he agrees, kept and taken away. The wall must be open."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.outbox import post
from portal.outbox.models import Letter
from portal.outbox.render import Button, Rendered, letter
from portal.outbox.text import normalised, one_line
from portal.tenants.brand import look_of
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership
from reports.mail import links
from reports.mail.readers import Reader
from reports.mail.rights import Author, stands, unwelcome

MOST_READERS = 50


class NotListed(ValueError):
    """What cannot be a list of addresses; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is to stand: on the list of a row, among readers of a kind."""

    kind: type[Reader]
    read: Any

    @property
    def rows(self) -> Any:
        return self.kind.rows().filter(**{self.kind.OF: self.read})


def addresses(given: Any, author: Author, stood: Collection[str]) -> tuple[str, ...]:
    """The addresses of a list, or of a text with commas, semicolons, spaces or line ends between them, each once, that
    somebody may put on a list where some stood before. Raises :class:`NotListed`."""
    found = []
    for text in listed(given):
        try:
            found.append(normalised(text))
        except ValidationError:
            text = one_line(text, limit=80)
            raise NotListed(_("“%(text)s” is not an e-mail address.") % {"text": text}) from None
    readers = tuple(dict.fromkeys(found))
    if len(readers) > MOST_READERS:
        raise NotListed(_("One mail goes to at most %(most)s addresses.") % {"most": MOST_READERS})
    if not author.manages and set(readers) - {author.email}:
        raise NotListed(_("You may have mails sent to yourself only, %(email)s.") % {"email": author.email})
    if refused := unwelcome(address for address in readers if address not in stood):
        raise NotListed(_("Your company has no mails sent to the domain of %(email)s.") % {"email": refused[0]})
    return readers


def listed(value: Any) -> list[str]:
    """The elements of a list, or of a text with commas, semicolons, spaces or line ends between them."""
    if isinstance(value, str):
        value = value.replace(",", " ").replace(";", " ").split()
    if not isinstance(value, list | tuple):
        return [] if value is None else [str(value)]
    return [str(item).strip() for item in value if str(item).strip()]


def add(
    place: Place, email: str, author: Author, *, language: str, grant: Grant | None = None, name: str = ""
) -> Reader:
    """Add a reader. A member counts as confirmed and reads by the membership; anybody else is asked first by mail, and
    reads by ``grant``: as much as the author sees, no numbers, unless another is given. Somebody who left is not added
    back, but by himself."""
    email = normalised(email)
    membership = Membership.objects.select_related("user").filter(user__email=email, user__is_active=True).first()
    standing: dict[str, Any] = {
        "as_member": membership is not None,
        "user": membership.user if membership else None,
        "added_as": author.added_as,
        "added_by": author.user,
        "added_key": author.key,
    }
    with transaction.atomic():
        if membership is None:
            standing["grant"] = grant or author.rights.make_grant(author.tenant)
        reader, is_new = place.kind.rows().get_or_create(
            tenant_id=place.read.tenant_id,
            email=email,
            **{place.kind.OF: place.read},
            defaults={
                "name": name or (membership.user.name if membership else ""),
                "language": language,
                "confirmed_at": timezone.now() if membership else None,
                **standing,
            },
        )
        if not is_new:
            _take_back(reader, standing | {"language": language}, author)
        if reader.confirmed_at is None:
            invite(reader)
    return reader


def keep(
    place: Place, to: Sequence[str], author: Author, *, language_of: Callable[[str], str]
) -> tuple[list[int], bool]:
    """Make the readers those of a list of addresses. The keys of those who were taken away, and whether anything
    changed at all."""
    rows = {row.email: row for row in place.rows.filter(removed_at=None)}
    gone = [row.pk for email, row in rows.items() if email not in to]
    place.kind.rows().filter(pk__in=gone).update(removed_at=timezone.now())
    # An outside address whose voucher has gone is vouched for by whoever keeps it on the list now.
    stale = [email for email, row in rows.items() if email in to and not row.as_member and not stands(row)]
    back = [email for email, row in rows.items() if email == author.email and row.left_at is not None]
    new = [email for email in to if email not in rows]
    changed = [email for email in dict.fromkeys((*new, *stale, *back)) if email in to]
    for email in changed:
        add(place, email, author, language=language_of(email))
    return gone, bool(gone or changed)


def invite(reader: Reader) -> Letter:
    """Put the question whether the reader agrees into the outbox; once, however often it is called."""
    with translation.override(reader.tongue):
        mail = consent_asked(reader)
        return post.put(
            tenant_id=reader.tenant_id,
            to=reader.email,
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            headers={"Auto-Submitted": "auto-generated"},
            reference=f"invitation:{reader.public_id}",
            conduct=post.Conduct(urgent=True),
        )


def consent_asked(reader: Reader) -> Rendered:
    """The mail that asks an outside address whether it agrees, in the active language."""
    tenant = reader.tenant
    return letter(
        _("%(tenant)s: confirm “%(name)s”") % {"tenant": tenant.name, "name": reader.read.name},
        [reader.offer()],
        Button(_("Yes, send it to me"), links.address(reader, links.CONFIRM)),
        small=[_("If you do nothing, you get no further mail. The link is good for thirty days.")],
        look=look_of(tenant),
    )


def _take_back(reader: Reader, standing: dict[str, Any], author: Author) -> None:
    """A reader who was there before: with the standing of today. An outside address that agreed has agreed."""
    changes = standing | {"removed_at": None}
    if reader.email == author.email:
        changes["left_at"] = None
    if standing["as_member"]:
        changes["confirmed_at"] = timezone.now()
    elif reader.as_member:  # a member then, a stranger now
        changes["confirmed_at"] = None
    for name, value in changes.items():
        setattr(reader, name, value)
    reader.save(update_fields=list(changes))
