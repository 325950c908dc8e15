"""The first owner of an empty portal, asked for on the terminal."""

import getpass
import os
import sys

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.validators import validate_email
from django.utils.text import slugify

from portal.tenants.models.tenants import Tenant

HOW = (
    "There is no tenant yet. Add one, with its owner's password in RINGBOOK_OWNER_PASSWORD:\n"
    '    .venv/bin/python manage.py add_tenant acme --name "Acme" --owner you@example.com'
)


def ask_for_owner() -> str:
    """Make the first tenant and its owner if there is no tenant; returns what to tell, or "".

    Without a terminal nothing is asked: the answer then says how to do it by command.
    """
    if Tenant.objects.exists():
        return ""
    if not sys.stdin.isatty():
        return HOW
    sys.stderr.write("This portal is empty. Who is its first tenant?\n")
    name = _asked("Company name: ")
    slug = _asked("Its address, in lower case: ", slugify(name))
    email = _asked_email()
    password = os.environ.get("RINGBOOK_OWNER_PASSWORD", "") or _asked_password()
    os.environ["RINGBOOK_OWNER_PASSWORD"] = password
    try:
        call_command("add_tenant", slug, name=name, owner=email, stdout=sys.stderr)
    finally:
        del os.environ["RINGBOOK_OWNER_PASSWORD"]
    return f"{name} stands; sign in as {email}."


def _asked(question: str, default: str = "") -> str:
    while True:
        answer = input(f"{question}[{default}] " if default else question).strip() or default
        if answer:
            return answer


def _asked_email() -> str:
    while True:
        answer = _asked("Owner's e-mail address: ")
        try:
            validate_email(answer)
        except ValidationError:
            sys.stderr.write("That is not an e-mail address.\n")
        else:
            return answer


def _asked_password() -> str:
    while True:
        answer = getpass.getpass("Owner's password: ")
        try:
            validate_password(answer)
        except ValidationError as error:
            sys.stderr.write("\n".join(error.messages) + "\n")
            continue
        if getpass.getpass("Again: ") == answer:
            return answer
        sys.stderr.write("The two differ.\n")
