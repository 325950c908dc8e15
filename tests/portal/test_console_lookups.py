"""What an administrator who is no superuser's equal could guess by a list's address."""

import pytest
from django.contrib.auth.models import Permission

from portal.accounts.resets import send_reset
from portal.outbox.models import PlatformMessage
from portal.tenants.models.people import User


@pytest.fixture
def listed(client, ana):
    client.force_login(User.objects.create_superuser("root@ringbook.example", "correct horse battery"))
    return lambda query: client.get(f"/admin/tenants/user/?{query}")


@pytest.mark.parametrize("name", ["password__startswith", "password", "membership__user__password__contains", "email"])
def test_no_hash_is_told_letter_by_letter(listed, name) -> None:
    assert listed(f"{name}=a").status_code == 400


def test_what_the_list_offers_narrows_it(listed) -> None:
    shown = listed("is_staff__exact=1")
    assert shown.status_code == 200
    assert [row.email for row in shown.context["cl"].queryset] == ["root@ringbook.example"]


@pytest.mark.parametrize("name", ["text__startswith", "text__contains", "html__regex", "headers__contains"])
def test_no_link_of_a_mail_that_waits_is_told_letter_by_letter(client, ana, name) -> None:
    clerk = User.objects.create_user("clerk@ringbook.example", "correct horse battery", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_platformmessage"))
    client.force_login(clerk)
    send_reset(ana.email)
    address = "/admin/outbox/platformmessage/"
    year = PlatformMessage.objects.get().created_at.year

    assert client.get(f"{address}?{name}=a").status_code == 400
    assert client.get(f"{address}?state__in=pending&created_at__year={year}").status_code == 200
