"""Many environments at once: each line of a file is tested as the form for one would test it, then those chosen saved.

Between the two pages the lines travel sealed in the browser: for one person of one company, and for half an hour.
Nothing of a file is kept here, and no token is shown.
"""

import json
import time
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from portal.lib.outward.trials import TESTS
from portal.tenants.models.tenants import Tenant
from portal.vault import VaultError, seal, unseal
from sync.bulk_file import Line, WrongFile, described
from sync.connection_acts import By, add_tested
from sync.connections import (
    TRIAL_SECONDS,
    ConnectionRefused,
    Description,
    check_access,
    explain,
    is_token_shared,
    prepared,
)
from sync.history import Estimate, days_to_read, estimate
from sync.models.connections import Connection
from sync.providers import registry
from sync.providers.access import Access
from sync.providers.errors import UpstreamError

GOOD_FOR = 1800.0  # seconds
_AT_ONCE = 8
_PLACE = "connections.many"


@dataclass(slots=True)
class Candidate:
    """A line with what is known of it. ``problem`` is one sentence, or "" where it can be saved."""

    line: Line
    description: Description | None = None
    access: Access | None = None
    problem: str = ""
    shared: bool = False  # another connection uses its token
    made: Connection | None = None

    @property
    def name(self) -> str:
        return self.line.values.get("name", "")[:120]

    @property
    def needed(self) -> Estimate | None:
        """What its history asks of the vendor."""
        if self.description is None:
            return None
        provider = registry.get(self.description.provider)
        days = days_to_read(self.description.since)
        return estimate(provider, self.description.settings, settings.UPSTREAM_RATE_PER_MINUTE, days)


def tested(tenant: Tenant, lines: Sequence[Line]) -> list[Candidate]:
    """Each line with what speaks against it, the vendor's own answer included. The wall must be open.

    Raises :class:`WrongFile` while another file of the company is tested.
    """
    if not cache.add(_busy(tenant), True, TRIAL_SECONDS + 15):
        raise WrongFile(_("Another file of this company is being tested. Try again in a minute."))
    try:
        candidates = _read(tenant, lines)
        with TESTS.take(tenant.pk, seconds=TRIAL_SECONDS):
            _ask([each for each in candidates if not each.problem])
    finally:
        cache.delete(_busy(tenant))
    return candidates


def add(tenant: Tenant, lines: Sequence[Line], chosen: Collection[int], by: By) -> list[Candidate]:
    """Test the chosen lines again, and save and read those that pass; the others stay what they are, with the reason.

    One that fails keeps no other from being saved.
    """
    candidates = tested(tenant, [line for line in lines if line.number in chosen])
    for each in candidates:
        if each.problem or each.description is None or each.access is None:
            continue
        try:
            each.made = add_tested(tenant, each.description, each.access, by)
        except ConnectionRefused as error:
            each.problem = str(error)
    return candidates


def sealed(tenant: Tenant, user_id: int, lines: Sequence[Line]) -> str:
    """The lines as the browser carries them to the next page."""
    carried = {"until": time.time() + GOOD_FOR, "lines": [[line.number, line.values] for line in lines]}
    return seal(json.dumps(carried), _PLACE, tenant.pk, user_id)


def opened(tenant: Tenant, user_id: int, text: str) -> list[Line]:
    """What :func:`sealed` made for the same person in the same company. Raises :class:`WrongFile`."""
    try:
        carried = json.loads(unseal(text, _PLACE, tenant.pk, user_id).reveal())
        lines = [Line(number, values) for number, values in carried["lines"]]
    except (VaultError, ValueError, KeyError, TypeError):
        lines = []
    if not lines or carried["until"] < time.time():
        raise WrongFile(_("The file was read too long ago. Choose it again."))
    return lines


def _busy(tenant: Tenant) -> str:
    return f"connections-many:{tenant.pk}"


def _read(tenant: Tenant, lines: Sequence[Line]) -> list[Candidate]:
    candidates, names, tokens = [], set(), set()
    for line in lines:
        each = Candidate(line)
        candidates.append(each)
        try:
            description = described(line)
            if description.name in names:
                raise ConnectionRefused(_("Another line of the file has this name."))
            each.access = prepared(tenant, description)
        except ConnectionRefused as error:
            each.problem = str(error)
            continue
        except UpstreamError as error:
            each.problem = explain(error)
            continue
        token = (description.provider, description.token)
        each.description, each.shared = description, token in tokens or is_token_shared(*token)
        names.add(description.name)
        tokens.add(token)
    return candidates


def _ask(candidates: Sequence[Candidate]) -> None:
    """Ask the vendors, some at once. Nothing of the database is touched beside this thread."""
    crew = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="connections")
    try:
        asked: list[Future[None]] = [crew.submit(copy_context().run, _check, each) for each in candidates]
        wait(asked, timeout=TRIAL_SECONDS)
        for each, answer in zip(candidates, asked, strict=True):
            each.problem = _outcome(answer)
    finally:
        crew.shutdown(wait=False, cancel_futures=True)


def _check(each: Candidate) -> None:
    if each.description is not None and each.access is not None:
        check_access(registry.get(each.description.provider), each.access)


def _outcome(answer: Future[None]) -> str:
    if not answer.done():
        return _("There was no time to test this line. Choose the file again with fewer lines.")
    error = answer.exception()
    if error is None:
        return ""
    if isinstance(error, UpstreamError):
        return explain(error)
    raise error
