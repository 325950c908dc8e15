"""The first owner of an empty portal and its first administrator, asked for on the terminal.

Without a terminal the browser asks (:mod:`portal.site.setup`).
"""

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from io import StringIO

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.core.validators import validate_email
from django.utils.text import slugify

from portal.accounts.members import find_person
from portal.site.setup import is_empty
from portal.tenants.models.people import User
from portal.tenants.models.tenants import Tenant

OWNER_PASSWORD = "RINGBOOK_OWNER_PASSWORD"  # noqa: S105 - the variable's name
ADMINISTRATOR = "RINGBOOK_ADMINISTRATOR"
ADMINISTRATOR_PASSWORD = "RINGBOOK_ADMINISTRATOR_PASSWORD"  # noqa: S105 - the variable's name
HOW = (
    "There is no tenant yet. Add one, with its owner's password in RINGBOOK_OWNER_PASSWORD:\n"
    '    .venv/bin/python manage.py add_tenant acme --name "Acme" --owner you@example.com'
)
WHO_ADMINISTERS = "Who administers the platform, at /admin/? E-mail address, or - for nobody yet: "
HOW_TO_ADMINISTER = (
    "Nobody administers this portal yet. Name somebody, who signs in at /admin/ then:\n"
    "    .venv/bin/python manage.py add_administrator you@example.com"
)


def ask_for_first_people() -> str:
    """Ask for the first owner and the first administrator, where they are missing; returns what to tell, or ""."""
    lines = []
    try:
        lines += [ask_for_owner()]
        lines += [ask_for_administrator()]
    except EOFError:  # Ctrl-D: no answer
        lines += [""]
        if not is_empty():
            lines += [HOW_TO_ADMINISTER if Tenant.objects.exists() else HOW]
    return "\n".join(filter(None, lines))


def ask_for_owner() -> str:
    """Make the first tenant and its owner if there is no tenant; returns what to tell, or "".

    Without a terminal nothing is asked: an empty portal asks in the browser, and of one that has people already the
    answer says how to do it by command.
    """
    if Tenant.objects.exists():
        return ""
    if not sys.stdin.isatty():
        return "" if is_empty() else HOW
    sys.stderr.write("This portal is empty. Who is its first tenant? (Ctrl-D: to be asked in the browser.)\n")
    name = _asked("Company name: ", check=_fits("name"))
    slug = _asked("Its address, in lower case: ", slugify(name), check=_fits("slug"))
    zone = _asked("Time zone: ", "America/Sao_Paulo", check=_fits("zone"))
    language = _asked("Language, en or pt-br: ", "pt-br", check=_fits("language"))
    email = _asked("Owner's e-mail address: ", check=validate_email)
    _add(slug, email, name=name, zone=zone, language=language)
    return f"{name} stands; sign in as {email}."


def ask_for_administrator() -> str:
    """Make somebody the platform's administrator if nobody is; returns what to tell, or "".

    That is whom RINGBOOK_ADMINISTRATOR names, else who is given on the terminal: the first owner, if he likes.
    """
    if User.objects.filter(is_superuser=True, is_active=True).exists():
        return ""
    named = os.environ.get(ADMINISTRATOR, "").strip()
    if not named and not sys.stdin.isatty():
        return "" if is_empty() else HOW_TO_ADMINISTER
    first = User.objects.order_by("pk").first()
    while True:
        email = named or _asked(WHO_ADMINISTERS, first.email if first else "-")
        if email == "-":
            return HOW_TO_ADMINISTER
        try:
            return _add_administrator(email, ask=not named)
        except CommandError as error:
            if named:
                raise
            sys.stderr.write(f"{error}\n")


def _add(slug: str, email: str, **rest: str) -> None:
    """Through the command, so that a tenant is made in one way only."""
    with _password(OWNER_PASSWORD, "Owner's password: "):
        call_command("add_tenant", slug, owner=email, stdout=StringIO(), **rest)


def _add_administrator(email: str, *, ask: bool) -> str:
    person = find_person(email)
    output = StringIO()
    with _password(ADMINISTRATOR_PASSWORD, "Administrator's password: ") if ask and person is None else nullcontext():
        call_command("add_administrator", email, stdout=output)
    return output.getvalue().strip()


@contextmanager
def _password(variable: str, question: str) -> Iterator[None]:
    """Within, the variable holds a password: the one that it was given, else one asked for."""
    preset = os.environ.get(variable, "")
    os.environ[variable] = preset or _asked_password(question)
    try:
        yield
    finally:
        if not preset:
            del os.environ[variable]


def _asked(question: str, default: str = "", *, check: Callable[[str], object] = bool) -> str:
    """One answer, asked for again by itself until ``check`` raises no ValidationError: those before it stay given."""
    while True:
        answer = input(f"{question}[{default}] " if default else question).strip() or default
        try:
            check(answer)
        except ValidationError as error:
            sys.stderr.write("\n".join(error.messages) + "\n")
        else:
            if answer:
                return answer


def _fits(name: str) -> Callable[[str], object]:
    """The check of a tenant's field; there is no tenant yet that it could be the same as."""
    field = Tenant._meta.get_field(name)
    return lambda answer: field.clean(answer, None)  # type: ignore[union-attr]


def _asked_password(question: str) -> str:
    while True:
        answer = getpass.getpass(question)
        try:
            validate_password(answer)
        except ValidationError as error:
            sys.stderr.write("\n".join(error.messages) + "\n")
            continue
        if getpass.getpass("Again: ") == answer:
            return answer
        sys.stderr.write("The two differ.\n")
