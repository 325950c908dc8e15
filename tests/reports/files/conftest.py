"""Exports with nobody behind them: a member's or a key's, made in the test's own process."""

import pytest
from django.conf import settings

from portal.tenants.guards import membership_of
from reports.files import jobs
from reports.files.orders import read_order
from reports.queries.scope import Scope


@pytest.fixture
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def ask(data_dir):
    """``ask(user, what=…, format=…, …)``: the row of what a member asks for; the wall must be open."""

    def ask(user, slug="acme", **params):
        membership = membership_of(user, slug)
        order = read_order(params, Scope.of(membership.grant))
        return jobs.ask(order, jobs.Asker(membership.tenant.pk, user=user), lambda *pair: None)

    return ask


def file_of(row):
    return settings.DATA_DIR / "exports" / str(row.tenant_id) / row.file


def left(folder):
    """Every file and folder below, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
