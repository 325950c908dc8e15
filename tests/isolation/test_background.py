"""Tasks and commands with a tenant's scope and another's ids: as if nobody had them, and nothing of theirs changes.

Each task and each command of ours has a row here, or a word why it takes no id.
"""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from celery import current_app
from celery.contrib.django.task import DjangoTask
from django.core.management import CommandError, call_command, get_commands

from portal.outbox.models import Message
from portal.privacy.models import Erasure
from portal.site.celery import app
from portal.tenants import wall
from portal.tenants.models.tenants import Environment
from portal.tenants.tasks import TenantTask
from reports.alerts.models import WebhookPost
from reports.files.models import Export
from reports.handover.models import Handover
from sync.models.connections import Connection
from sync.models.quarantine import Quarantine
from tests.isolation.exchange import Kept, leaked, overheard, statements
from tests.isolation.test_left_behind import order, text_of
from tests.isolation.world import ABSENT, NUMBERS, Side
from tests.walls.tree import PACKAGES

pytestmark = pytest.mark.django_db

NOBODYS = 987_654_321


def first(model: type[Any]) -> Callable[[Side], tuple[int]]:
    return lambda side: (model.objects.order_by("pk")[0].pk,)


# What each task is given beside its tenant: ids of the other one, found behind that one's wall.
TASKS: dict[str, Callable[[Side], tuple[int, ...]]] = {
    "portal.outbox.tasks.deliver_message": first(Message),
    "reports.alerts.tasks.judge_tenant": lambda side: (),
    "reports.alerts.tasks.send_post": first(WebhookPost),
    "reports.columns.tasks.mend_environment": first(Environment),
    "reports.columns.tasks.refresh_tenant": lambda side: (),
    "reports.files.tasks.make_export": first(Export),
    "reports.handover.tasks.hand_over": first(Handover),
    "reports.mail.tasks.send_tenant_reports": lambda side: (),
    "reports.privacy.tasks.erase": first(Erasure),
    "reports.privacy.tasks.export": first(Export),
    "reports.privacy.tasks.retain": lambda side: (),
    "sync.tasks.pull_stream": first(Connection),
}
MORE = {"sync.tasks.pull_stream": ("calls",)}

FOREIGN = {
    "add_key": ["--tenant", "acme", "--name", "x", "--environment", "{environment}"],
    "add_member": ["--tenant", "acme", "--email", "a@b.example", "--role", "viewer", "--environment", "{environment}"],
    "add_member ": ["--tenant", "acme", "--email", "a@acme.example", "--role", "viewer", "--agent", "{agent}"],
    "add_subscription": ["--tenant", "acme", "--to", "owner@acme.example", "--environment", "{environment}"],
}  # fmt: skip
WITHIN = {
    "apply_retention": ["--tenant", "acme"],
    "export_person": ["--tenant", "acme", "--number", "+55" + NUMBERS["globex"], "--output", "{file}"],
    "erase_person": ["--tenant", "acme", "--number", "+55" + NUMBERS["globex"]],
    "list_keys": ["--tenant", "acme"],
    "verify_audit": ["--tenant", "acme"],
    "revoke_key": ["{api_key}"],
    "rebuild_columns": ["--environment", "{environment}"],
    "check_columns": ["--environment", "{environment}"],
    "accept_quarantined": ["{quarantine}", "--note", "no call"],
    "reread_quarantined": ["--environment", "{environment}"],
    "send_reports": [],
}
NO_IDS = {
    "add_administrator": "names a person by e-mail, who is of the platform",
    "add_connection": "makes an environment of its own in the tenant it names",
    "add_tenant": "makes a tenant",
    "database_roles": "of the whole database",
    "demo": "begins with an empty database",
    "migrate": "of the whole database",
    "pull": "reads with the connection of the environment it names, as pull_stream above; tests/sync/test_commands.py",
    "rebuild_rollups": "says that there is nothing to rebuild any more",
    "reconcile": "as pull",
    "reset_factors": "names a person by e-mail",
    "rotate_tokens": "of the whole database",
    "sandbox": "plays a vendor",
    "setup_code": "of the installation, before there is a tenant",
    "serve": "starts the programs",
    "sweep": "of the whole installation",
}


def test_every_task_and_command_is_known() -> None:
    app.loader.import_default_modules()
    ours = {name: task for name, task in current_app.tasks.items() if isinstance(task, DjangoTask)}
    assert {name for name, task in ours.items() if isinstance(task, TenantTask)} == TASKS.keys()
    commands = {name for name, package in get_commands().items() if package.split(".")[0] in PACKAGES}
    assert commands == {*(name.strip() for name in FOREIGN), *WITHIN, *NO_IDS}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_with_another_tenants_ids_finds_nothing(sides, name) -> None:
    app.loader.import_default_modules()
    task, acme, globex = current_app.tasks[name], sides["acme"], sides["globex"]
    with wall.tenant(globex.tenant):
        theirs = TASKS[name](globex)
    kept, ran = Kept.of(globex.tenant), []
    for ids in (theirs, (NOBODYS,) * len(theirs)):
        with overheard() as texts, statements() as done:
            task(acme.tenant.pk, *ids, *MORE.get(name, ()))
        assert not leaked("\n".join(texts), globex.secrets, {}), name
        ran.append(list(done))
    assert not theirs or ran[0] == ran[1]
    assert kept.changed() == []


def test_a_task_finds_its_own(sides, five_companies) -> None:
    """The other way round: with the tenant whose id it is, it does something."""
    globex = sides["globex"]
    with wall.tenant(globex.tenant):
        export = order(globex, five_companies.people["their-owner"], {"what": "calls", "format": "csv"})
    kept = Kept.of(globex.tenant)
    current_app.tasks["reports.files.tasks.make_export"](globex.tenant.pk, export.pk)
    assert "reports_files.Export" in kept.changed()


@pytest.mark.parametrize("name", FOREIGN)
def test_a_command_for_one_tenant_refuses_anothers_ids(sides, name) -> None:
    """In the words that it has for ids that nobody has."""
    kept, told = Kept.of(sides["globex"].tenant), []
    for ids in (sides["globex"].ids, ABSENT):
        with pytest.raises(CommandError) as refused:
            call_command(name.strip(), *(part.format(**ids) for part in FOREIGN[name]), stdout=StringIO())
        told.append(str(refused.value).replace(ids["environment"], "ID").replace(ids["agent"], "ID"))
    assert told[0] == told[1]
    assert kept.changed() == []


@pytest.mark.parametrize("name", WITHIN)
def test_a_command_stays_within_the_tenant_it_names(sides, name, capsys, tmp_path) -> None:
    acme, globex = sides["acme"], sides["globex"]
    with wall.tenant(acme.tenant):
        ids = acme.ids | {"quarantine": str(Quarantine.objects.order_by("pk")[0].public_id)}
    file = tmp_path / "person.zip"
    ids["file"] = str(file)
    kept, out = Kept.of(globex.tenant), StringIO()
    with overheard() as texts:
        try:
            call_command(name, *(part.format(**ids) for part in WITHIN[name]), stdout=out, stderr=out)
        except (CommandError, SystemExit) as ended:
            out.write(str(ended))
    told = out.getvalue() + "".join(capsys.readouterr()) + (text_of(file.read_bytes()) if file.exists() else "")
    if name != "send_reports":  # of every tenant
        assert kept.changed() == []
        assert not leaked("\n".join([told, *texts]), globex.secrets, {"number": NUMBERS["globex"]})
