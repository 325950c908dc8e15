"""The console's pages: axe-core finds nothing grave in them, and they fit a phone.

Lists and forms are taken from the console, so a new one is visited without being listed here. Each is looked at once,
by turns in two ways: pages of one kind are drawn by one template.
"""

from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse

from portal.site.jobs import jobs
from portal.tenants import wall
from tests.browser.town import Served

pytestmark = [pytest.mark.browser, pytest.mark.looks, pytest.mark.django_db]
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
# Acts of lists that ask first, each on a page of another template.
ASKED = (("sync_run", "read_again"), ("sync_quarantine", "accept_chosen"), ("tenants_membership", "delete_selected"))


@pytest.fixture
def town(served_console) -> Served:
    return served_console


def address(model: Any, view: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)


def test_nothing_grave_in_lists_and_forms(look) -> None:
    with wall.every_tenant("a test looks"):
        first = {model: model.objects.order_by("pk").first() for model in MODELS}
    assert [model._meta.label for model in MODELS if first[model] is None] == []
    for _turn in range(2):
        look(reverse("admin:index"))
    for model in MODELS:
        look(address(model, "changelist"))
    for model in reversed(MODELS):
        look(address(model, "change", first[model].pk))


def test_nothing_grave_where_the_console_asks(look, town) -> None:
    whose, key = f"?tenant={town.tenant.pk}", "admin:tenants_apikey_add"
    look(reverse(key) + whose)
    look(reverse(key))
    look(reverse("admin:sync_connection_many") + whose)
    for _turn in range(2):  # one of the two visits the company already
        look(reverse("admin:tenants_tenant_visit", args=[town.tenant.pk]))
    look(reverse("run_job", args=[next(iter(jobs())).name]))
    for name, act in ASKED:
        look(reverse(f"admin:{name}_changelist"), lambda page, act=act: choose(page, act))


def choose(page: Any, act: str) -> None:
    page.locator("#result_list tbody input[type=checkbox]").first.check()
    page.locator("select[name=action]").first.select_option(act)
    with page.expect_navigation():
        page.locator(".actions button[type=submit]").first.click()
