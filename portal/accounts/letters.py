"""Mails to people as holders of an account, who may belong to no tenant or to several: rows of the outbox."""

from functools import partial

from django.db import transaction

from portal.outbox import post
from portal.outbox.render import Rendered
from portal.outbox.tasks import enqueue_platform


def put_letter(mail: Rendered, *, to: str, reference: str, conduct: post.Conduct) -> None:
    """Write the mail down, in the active language; it leaves soon after the transaction is committed."""
    message = post.put(
        tenant_id=None,
        to=to,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        headers={"Auto-Submitted": "auto-generated"},
        reference=reference,
        conduct=conduct,
    )
    transaction.on_commit(partial(enqueue_platform, message.pk))
