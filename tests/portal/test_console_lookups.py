"""What an administrator who is no superuser's equal could guess by a list's address."""

import pytest

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
