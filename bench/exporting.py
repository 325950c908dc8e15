"""What ``bench.exports`` does through Ringbook itself, loaded once the settings are."""

from bench.seed import OWNER
from portal.tenants import wall
from portal.tenants.models.people import User
from portal.tenants.models.tenants import Tenant
from reports.files import jobs, making
from reports.files.models import Export, What
from reports.files.orders import Order

QUERY = "zone=America%2FSao_Paulo&testing=include"


def _asker() -> jobs.Asker:
    return jobs.Asker(Tenant.objects.get(slug="bench").pk, user=User.objects.get(email=OWNER))


def asked(form: str) -> Export:
    """An order of all calls of the tenant ``bench``; a dialect stands for CSV in it."""
    dialect = form if form in ("csv", "excel-pt") else ""
    asker = _asker()
    with wall.tenant(asker.tenant_id):
        return jobs.ask(Order(What.CALLS, QUERY, "csv" if dialect else form, dialect), asker, lambda *pair: None)


def made(row: Export) -> Export:
    with wall.tenant(row.tenant_id):
        done = making.make(row.pk)
        found: Export = Export.objects.get(pk=row.pk)
    if not done:
        raise RuntimeError(found.error)
    return found


def deleted(row: Export) -> None:
    with wall.tenant(row.tenant_id):
        jobs.delete(row, _asker())
