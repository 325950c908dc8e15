"""The first owner of an empty portal, asked for on the terminal."""

import getpass
import os
import sys
from io import StringIO

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils.text import slugify

from portal.tenants.models.tenants import Tenant

PASSWORD = "RINGBOOK_OWNER_PASSWORD"  # noqa: S105 - the variable's name
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
    sys.stderr.write("This portal is empty. Who is its first tenant? (Ctrl-C ends without one.)\n")
    while True:
        name = _asked("Company name: ")
        slug = _asked("Its address, in lower case: ", slugify(name))
        zone = _asked("Time zone: ", "America/Sao_Paulo")
        language = _asked("Language, en or pt-br: ", "pt-br")
        email = _asked("Owner's e-mail address: ")
        try:
            _add(slug, email, name=name, zone=zone, language=language)
        except CommandError as error:
            sys.stderr.write(f"{error}\n")
        else:
            return f"{name} stands; sign in as {email}."


def _add(slug: str, email: str, **rest: str) -> None:
    """Through the command, so that a tenant is made in one way only."""
    given = os.environ.get(PASSWORD, "")
    os.environ[PASSWORD] = given or _asked_password()
    try:
        call_command("add_tenant", slug, owner=email, stdout=StringIO(), **rest)
    finally:
        if not given:
            del os.environ[PASSWORD]


def _asked(question: str, default: str = "") -> str:
    while True:
        answer = input(f"{question}[{default}] " if default else question).strip() or default
        if answer:
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
