"""Invite somebody into a tenant, as an administrator at the console."""

import os
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from portal.accounts.invitations import Invitee, invite
from portal.accounts.members import NotPossible, add_member, add_person, find_person, give_password
from portal.outbox import server
from portal.outbox.text import normalised
from portal.tenants import wall
from portal.tenants.command import DONE, find_tenant, identifier
from portal.tenants.command import Command as BaseCommand
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from portal.tenants.models.tenants import Environment, Tenant
from portal.tenants.rights import Holding, Rights
from reports.queries.agents import agents
from reports.queries.scope import Scope

PASSWORD = "RINGBOOK_MEMBER_PASSWORD"  # noqa: S105  # the variable's name


class Command(BaseCommand):
    help = f"Invite a member by mail; where {PASSWORD} holds a password, he is one at once and signs in by it."
    always_json = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--email", required=True)
        parser.add_argument("--role", required=True, choices=Role.values)
        several: dict[str, Any] = {"type": identifier, "action": "append", "default": [], "metavar": "UUID"}
        parser.add_argument("--environment", **several, help="may be repeated; all by default")
        parser.add_argument("--agent", **several, help="may be repeated; all of the environments by default")
        parser.add_argument("--numbers", action="store_true", help="may see full phone numbers, as every owner does")
        parser.add_argument("--look-up", action="store_true", help="may look up a number without seeing numbers")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant, role = find_tenant(options["tenant"]), Role(options["role"])
        with wall.tenant(tenant):
            rights = _rights(tenant, options["environment"], options["agent"])
        holding = Holding(role, rights, options["numbers"] or role == Role.OWNER, options["look_up"])
        password = os.environ.get(PASSWORD, "")
        try:
            if password:
                made = self._add(tenant, normalised(options["email"]), password, holding)
            else:
                made = invite(tenant, Invitee(options["email"], holding), by=None).public_id
                if not server.leaves():
                    self.stderr.write(server.promise(""))
        except (NotPossible, ValidationError) as error:
            text = error.messages[0] if isinstance(error, ValidationError) else str(error)
            raise CommandError(f"--email: {text}") from error
        self.finish(DONE, {"member": str(made)})

    def _add(self, tenant: Tenant, email: str, password: str, holding: Holding) -> UUID:
        """Somebody who signs in already keeps the password that is his."""
        with wall.tenant(tenant), transaction.atomic():
            if Membership.objects.filter(user__email=email.lower()).exists():
                raise CommandError(f"{email} is a member of {tenant.slug} already.")
            person = find_person(email) or add_person(email, language=tenant.language)
            if weak := give_password(person, password):
                self.stderr.write(f"The member's password is weak: {weak}")
            return add_member(tenant, person, holding).public_id


def _rights(tenant: Tenant, environments: list[UUID], chosen: list[UUID]) -> Rights:
    """Raises CommandError for what the tenant has not."""
    rows = dict(Environment.objects.filter(public_id__in=environments).values_list("public_id", "pk"))
    for public_id in environments:
        if public_id not in rows:
            raise CommandError(f"{tenant.slug} has no environment {public_id}.")
    scope = Scope.of(Grant(tenant=tenant, all_environments=True))
    known = {row.public_id: row.external_id for row in agents(scope, environments)}
    for public_id in chosen:
        if public_id not in known:
            raise CommandError(f"{tenant.slug} has no agent {public_id} there.")
    return Rights(frozenset(rows.values()) if rows else None, frozenset(known[public_id] for public_id in chosen))
