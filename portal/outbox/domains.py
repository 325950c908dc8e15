"""To which domains a company has mails sent. The wall must be open."""

import re
from collections.abc import Iterable, Sequence

from django.db import transaction

from portal.outbox.models import MailDomain
from portal.outbox.pace import domain_of

MOST = 50
_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")


class NoDomain(ValueError):
    """What is no domain as it is written in an address."""


def domains() -> list[str]:
    """Those that are named; none where the company has no such rule."""
    return list(MailDomain.objects.order_by("domain").values_list("domain", flat=True))


def beyond(addresses: Iterable[str], named: Sequence[str] | None = None) -> list[str]:
    """Those that no mail may go to, unless they are members'. A domain beneath one that is named is another one.

    ``named`` are :func:`domains`, where they were looked up already.
    """
    named = domains() if named is None else named
    return [address for address in addresses if domain_of(address) not in named] if named else []


def keep(tenant_id: int, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Name the domains, from the next mail on; those of before and of now. Raises :class:`NoDomain` with the first
    that is none."""
    wanted = sorted({name.strip().lower().removeprefix("@") for name in names if name.strip()})
    if len(wanted) > MOST:
        raise NoDomain(str(len(wanted)))
    for name in wanted:
        if not _DOMAIN.fullmatch(name):
            raise NoDomain(name)
    with transaction.atomic():
        was = domains()
        MailDomain.objects.exclude(domain__in=wanted).delete()
        new = [MailDomain(tenant_id=tenant_id, domain=name) for name in wanted if name not in was]
        MailDomain.objects.bulk_create(new, ignore_conflicts=True)
    return was, wanted
