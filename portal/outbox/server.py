"""The mail server of this portal: whether there is one, what to say where there is none, and a mail to try it."""

import re
from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.outbox import post
from portal.outbox.models import Letter, Message, PlatformMessage, State
from portal.outbox.refusals import DIED, FOLDER, UNWRITABLE
from portal.outbox.render import letter
from portal.tenants.brand import RINGBOOK, address_of, look_of
from portal.tenants.models.tenants import Tenant

NOWHERE = {
    "portal.outbox.folder.FolderBackend": gettext_lazy(
        "This portal has no mail server: mails reach nobody and go to a folder on its host. An administrator can name a"
        " server in EMAIL_URL."
    ),
    "django.core.mail.backends.console.EmailBackend": gettext_lazy(
        "This portal has no mail server: mails reach nobody and go to the output of its processes. An administrator can"
        " name a server in EMAIL_URL."
    ),
}
MOST_TESTS, TESTS_WITHIN = 5, timedelta(hours=1)
_TEST = "test:"
_WITH_CODE = re.compile(r"[2-5][0-9][0-9] ")
# What rows keep where no server answered: the name of an error, or a word of ours.
_SILENCE = {
    "ConnectionRefusedError": gettext_lazy("Nothing listens at the address of the mail server."),
    "gaierror": gettext_lazy("The name of the mail server is not known."),
    "TimeoutError": gettext_lazy("The mail server did not answer in time."),
    "ConnectionResetError": gettext_lazy("The mail server closed the connection without an answer."),
    "SMTPServerDisconnected": gettext_lazy("The mail server closed the connection without an answer."),
    "SMTPNotSupportedError": gettext_lazy("The mail server does not offer the encryption or sign-in that is set."),
    "SSLError": gettext_lazy("The encrypted connection to the mail server failed."),
    "SSLCertVerificationError": gettext_lazy("The certificate of the mail server is not valid for its name."),
    FOLDER: gettext_lazy("The folder that mails are written to takes none. The portal's log says why."),
    UNWRITABLE: gettext_lazy("The mail could not be written: its address or its subject holds what no mail may."),
    DIED: gettext_lazy("It was handed over, and no answer came: it may have arrived."),
}


class TooManyTests(Exception):
    """Enough test mails were sent within the hour."""


def leaves() -> bool:
    """Whether mails leave this portal, rather than lie where nobody gets them."""
    return settings.EMAIL_BACKEND not in NOWHERE


def promise(sentence: str) -> str:
    """A sentence that says that a mail is on its way; where none leaves, what happens instead."""
    return sentence if leaves() else str(NOWHERE[settings.EMAIL_BACKEND])


def troubles(tenant: Tenant | None = None) -> list[str]:
    """What keeps mails from people, or the links in them from opening, in sentences."""
    if not leaves():
        return [promise("")]
    address = settings.BASE_URL if tenant is None else address_of(tenant)
    if not _is_loopback(urlsplit(address).hostname or ""):
        return []
    text = _("Links in mails lead to %(address)s, which opens on the portal's own host only.") % {"address": address}
    return [f"{text} {_('An administrator can set BASE_URL to the address that people use.')}"]


def send_test(to: str, tenant: Tenant | None) -> Letter:
    """Put a mail into the outbox that only tries the way; the wall of its tenant must be open. What the server answers
    is in the row, by :func:`result`. Raises :class:`TooManyTests`."""
    if tests(tenant).filter(created_at__gt=Now() - TESTS_WITHIN).count() >= MOST_TESTS:
        raise TooManyTests
    look = RINGBOOK if tenant is None else look_of(tenant)
    subject = _("Test mail from %(portal)s") % {"portal": look.name}
    mail = letter(subject, [_("If you read this, mails from this portal reach you.")], None, look=look)
    return post.put(
        tenant_id=None if tenant is None else tenant.pk,
        to=to,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        headers={"Auto-Submitted": "auto-generated"},
        reference=f"{_TEST}{uuid4()}",
        conduct=post.Conduct(urgent=True),
    )


def tests(tenant: Tenant | None) -> QuerySet[Any]:
    """The test mails of a tenant, or the platform's."""
    rows = PlatformMessage.objects.all() if tenant is None else Message.objects.filter(tenant=tenant)
    return rows.filter(reference__startswith=_TEST)


def result(message: Letter) -> str:
    """What became of a message, in a sentence."""
    if message.state == State.SENT:
        return answer(message.last_reply) if message.last_reply else promise(_("The mail server took the mail."))
    if message.state == State.SUPPRESSED:
        return _("It was not sent, because the address is paused.")
    if message.state == State.UNKNOWN:
        return _("It was handed over, and no answer came: it may have arrived.")
    if not message.last_reply:
        return _("It waits to be sent. Reload this page in some seconds; if it still waits then, no worker is running.")
    if message.state == State.FAILED:
        return answer(message.last_reply)
    return f"{answer(message.last_reply)} {_('It is retried automatically.')}"


def answer(reply: str) -> str:
    """What the mail server answered, with code and words, or that it did not answer."""
    return _("The mail server answered: “%(reply)s”") % {"reply": reply} if _WITH_CODE.match(reply) else said(reply)


def said(reply: str) -> str:
    """What a row keeps as the answer to a mail: the server's words as they came, or why there are none."""
    if not reply or _WITH_CODE.match(reply):
        return reply
    return str(_SILENCE.get(reply, _("The mail server did not answer.")))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
