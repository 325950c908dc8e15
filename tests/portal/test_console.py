"""The administrators' console: across tenants in lists, within one everywhere else, and on the record."""

import re
from datetime import date, timedelta

import pytest
from django.contrib import admin
from django.urls import reverse

from portal.accounts import visits
from portal.accounts.keys import NewKey, issue_key
from portal.audit.models import Entry, PlatformEntry
from portal.outbox import post
from portal.outbox.models import Attempt, Message, PlatformMessage
from portal.tenants import wall
from portal.tenants.base import TenantModel
from portal.tenants.guards import reader_of_key
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Environment, Tenant
from portal.vault import new_key
from sync.connections import access_of
from sync.history import today
from sync.models.connections import Connection
from tests.conftest import member
from tests.walls.rows import row_of

PAGES = sorted(admin.site._registry, key=lambda model: model._meta.label)
TENANTS_PAGES = [model for model in PAGES if issubclass(model, TenantModel)]
TOKEN = "talq_very-secret-token-0123456789"


@pytest.fixture
def root(client, db) -> User:
    user = User.objects.create_superuser("root@ringbook.example", "correct horse battery")
    client.force_login(user)
    return user


@pytest.fixture
def connection(acme, sales) -> Connection:
    with wall.tenant(acme):
        return Connection.objects.create(
            tenant=acme,
            environment=sales,
            provider="talkover",
            base_url="https://talkover.example/api/v1",
            token=TOKEN,
            token_fingerprint="f",
            since="2026-01-01",
        )


def page(model, name: str, *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def told(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_every_page_opens(client, root, acme, globex, model, django_assert_max_num_queries) -> None:
    rows = []
    if issubclass(model, TenantModel):
        for tenant in (acme, globex):
            with wall.tenant(tenant):
                rows += [row_of(model, tenant, {}) for _ in range(3)]
    with django_assert_max_num_queries(16):
        listed = client.get(page(model, "changelist"))
    assert listed.status_code == 200
    for row in rows[::3]:
        assert str(row.tenant) in listed.content.decode()
        assert client.get(page(model, "change", row.pk)).status_code == 200
        assert client.get(page(model, "history", row.pk)).status_code == 200
    assert client.get(f"{page(model, 'changelist')}?q=x").status_code == 200


@pytest.mark.parametrize("model", TENANTS_PAGES, ids=lambda model: model._meta.label)
def test_a_list_narrows_to_one_tenant(client, root, acme, globex, model) -> None:
    keys = []
    for tenant in (acme, globex):
        with wall.tenant(tenant):
            keys.append(row_of(model, tenant, {}).pk)
    shown = client.get(f"{page(model, 'changelist')}?tenant__id__exact={acme.pk}").context["cl"].queryset
    with wall.every_tenant("a test"):
        found = set(shown.values_list("tenant", flat=True))

    assert found == {acme.pk}


def test_history_is_never_deleted_nor_written(root, rf, client) -> None:
    request = rf.get("/")
    request.user = root
    may_go = {model._meta.label for model in PAGES if admin.site._registry[model].has_delete_permission(request)}
    may_change = {
        model._meta.label for model in TENANTS_PAGES if admin.site._registry[model].has_change_permission(request)
    }

    assert may_go == {"tenants.Membership", "outbox.Suppression", "reports_saved.Board", "reports_saved.SavedView"}
    assert may_change == {
        "sync.Connection",
        "tenants.ApiKey",
        "tenants.Environment",
        "tenants.Grant",
        "tenants.Membership",
    }


def test_members_and_visitors_stay_out(client, ana) -> None:
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/")
    assert client.get("/admin/login/")["Location"].startswith("/accounts/login/")
    assert client.post("/admin/login/", {"username": ana.email, "password": "x"})["Location"].startswith("/accounts/")
    client.force_login(ana)
    assert client.get("/admin/", follow=True).status_code == 403
    assert client.get(page(Environment, "changelist"), follow=True).status_code == 403
    assert not PlatformEntry.objects.filter(action="admin.opened").exists()


def test_each_look_is_on_the_record(client, root, acme, sales) -> None:
    client.get("/admin/")
    client.get(page(Environment, "changelist"))
    client.get(page(Environment, "change", sales.pk))
    client.get(page(Environment, "change", "evil@x.example"))

    assert [
        (entry.user, entry.about) for entry in PlatformEntry.objects.filter(action="admin.opened").order_by("id")
    ] == [
        (root, {"page": "tenants_environment_changelist", "method": "GET"}),
        (root, {"page": "tenants_environment_change", "method": "GET", "row": str(sales.pk)}),
        (root, {"page": "tenants_environment_change", "method": "GET"}),
    ]


def test_a_new_row_asks_for_its_tenant_first(client, root, acme, globex, foreign) -> None:
    asked = client.get(page(Environment, "add"))
    assert f"?tenant={acme.pk}" in asked.content.decode()

    new = f"{page(Environment, 'add')}?tenant={acme.pk}"
    values = {"name": "Sales", "provider": "talkover"}
    client.post(page(Environment, "add"), values)
    client.post(f"{page(Environment, 'add')}?tenant=999", values)
    assert client.post(new, values).status_code == 302
    again = client.post(new, values)
    with wall.every_tenant("a test"):
        rows = list(Environment.objects.order_by("pk").values_list("tenant__slug", "name"))

    assert rows == [("globex", "Sales"), ("acme", "Sales")]
    assert again.status_code == 200
    assert again.context["adminform"].form.errors
    with wall.tenant(acme):
        added = Entry.objects.get()
    assert (added.action, added.changes) == (
        "admin.added", {"name": [None, "changed"], "provider": [None, "talkover"]},
    )  # fmt: skip


def test_choices_are_the_tenants_own(client, root, acme, sales, foreign, ana) -> None:
    new = f"{page(ApiKey, 'add')}?tenant={acme.pk}"
    offered = client.get(new).context["adminform"].form.fields["environment"].widget.choices
    refused = client.post(new, {"name": "x", "role": "viewer", "environment": foreign.pk})

    with wall.tenant(acme):
        assert [str(key) for key, _ in offered] == ["", str(sales.pk)]
        assert refused.context["adminform"].form.errors.keys() == {"environment"}
        assert not ApiKey.objects.exists()


def test_a_key_is_shown_once(client, root, acme, sales) -> None:
    added = client.post(
        f"{page(ApiKey, 'add')}?tenant={acme.pk}",
        {"name": "warehouse", "role": "viewer", "environment": sales.pk, "expires_at_0": "", "expires_at_1": ""},
    )
    secret = re.search(r"ring_[\w-]{40}", added.content.decode())
    assert secret is not None
    assert added.status_code == 200
    assert "no-store" in added["Cache-Control"]
    assert secret[0] not in str(added.cookies)
    assert secret[0] not in str(dict(client.session))
    reader = reader_of_key(secret[0])
    assert reader is not None
    with wall.tenant(acme):
        key = ApiKey.objects.get()
        assert list(reader.grant.environments.all()) == [sales]
    for address in (page(ApiKey, "changelist"), page(ApiKey, "change", key.pk)):
        assert secret[0] not in client.get(address).content.decode()

    client.post(page(ApiKey, "changelist"), {"action": "revoke", "_selected_action": [key.pk]})
    assert reader_of_key(secret[0]) is None
    with wall.tenant(acme):
        assert {"key.created", "key.revoked"} <= set(Entry.objects.values_list("action", flat=True))


def test_a_member_is_added_with_a_grant(client, root, acme, carla) -> None:
    client.post(f"{page(Membership, 'add')}?tenant={acme.pk}", {"user": carla.pk, "role": "viewer"})
    with wall.tenant(acme):
        membership = Membership.objects.select_related("grant").get()
        assert (membership.user, membership.grant.tenant_id, membership.grant.sees_numbers) == (carla, acme.pk, False)


def test_a_key_goes_with_the_member_or_the_right_that_it_rests_on(client, root, acme, ana) -> None:
    def key_of(person: User, role: str = "viewer", **more: bool) -> str:
        return issue_key(acme, NewKey("his", role=Role(role), **more), by=person)[1]

    olga = member(acme, "olga@acme.example", Role.OWNER, numbers=True)
    with wall.tenant(acme):
        place = Membership.objects.select_related("grant").get(user=olga)
    high, seeing, low = key_of(olga, "owner"), key_of(olga, sees_numbers=True), key_of(olga)

    client.post(page(Membership, "change", place.pk), {"user": ana.pk, "role": "viewer"})
    with wall.tenant(acme):
        assert Membership.objects.get(pk=place.pk).user == olga  # whose place it is stays
    assert [reader_of_key(secret) is None for secret in (high, seeing, low)] == [True, False, False]

    sent = {"all_environments": "on", "agent_keys": "[]"}
    prefix = client.get(page(Grant, "change", place.grant_id)).context["inline_admin_formsets"][0].formset.prefix
    sent |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    assert client.post(page(Grant, "change", place.grant_id), sent).status_code == 302
    assert [reader_of_key(secret) is None for secret in (seeing, low)] == [True, False]

    client.post(page(Membership, "delete", place.pk), {"post": "yes"})
    assert reader_of_key(low) is None
    with wall.tenant(acme):
        assert not Grant.objects.filter(pk=place.grant_id).exists()
        assert Entry.objects.get(action="member.removed").about["user"] == olga.pk


def test_chosen_members_are_taken_out_with_their_keys(client, root, acme, ana, bruno) -> None:
    secret = issue_key(acme, NewKey("his"), by=bruno)[1]
    with wall.tenant(acme):
        chosen = [Membership.objects.get(user=bruno).pk]
    sent = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert client.post(page(Membership, "changelist"), sent).status_code == 302

    assert reader_of_key(secret) is None
    with wall.tenant(acme):
        assert Entry.objects.filter(action="member.removed").count() == 1


def test_a_grant_is_narrowed(client, root, acme, sales, care, foreign, bruno) -> None:
    with wall.tenant(acme):
        grant = Grant.objects.get()
        (held,) = grant.environments.through.objects.all()

    def post(*environments: int):
        rows = {
            "TOTAL_FORMS": 1 + len(environments),
            "INITIAL_FORMS": 1,
            "0-id": held.pk,
            "0-grant": grant.pk,
            "0-environment": sales.pk,
        }
        for number, environment in enumerate(environments, start=1):
            rows |= {f"{number}-environment": environment, f"{number}-grant": grant.pk}
        prefix = client.get(page(Grant, "change", grant.pk)).context["inline_admin_formsets"][0].formset.prefix
        rows = {f"{prefix}-{name}": value for name, value in rows.items()}
        return client.post(page(Grant, "change", grant.pk), {"agent_keys": "[]", "sees_numbers": "on"} | rows)

    assert post(foreign.pk).status_code == 200
    assert post(care.pk).status_code == 302
    with wall.tenant(acme):
        assert set(Grant.objects.get().environments.all()) == {sales, care}
        assert Grant.objects.get().sees_numbers
        changed = Entry.objects.get(action="admin.changed")
    assert changed.changes == {
        "sees_numbers": [False, True], "environments": [[sales.pk], sorted([sales.pk, care.pk])],
    }  # fmt: skip


def test_what_is_set_for_a_tenant_or_a_person_is_audited(client, root, acme, ana) -> None:
    values = {"slug": "acme", "name": "Acme & ana@acme.example", "zone": "America/Bahia", "language": "en"}
    values |= {"callback_hours": 48, "second_factor": "everyone", "active": "on"}
    assert client.post(page(Tenant, "change", acme.pk), values).status_code == 302
    with wall.tenant(acme):
        noted = Entry.objects.get(action="admin.changed")  # the brand notes its language itself
    assert (noted.action, noted.about) == ("admin.changed", {"table": "tenants.tenant", "row": str(acme.pk)})
    assert noted.changes == {
        "name": [None, "changed"],
        "zone": ["America/Sao_Paulo", "America/Bahia"],
        "language": ["pt-br", "en"],
        "callback_hours": [72, 48],
        "second_factor": ["managers", "everyone"],
    }

    client.post(
        page(User, "change", ana.pk), {"email": "ana@b.example", "name": "A", "is_active": "on", "is_staff": "on"}
    )
    noted = PlatformEntry.objects.get(action="admin.changed")
    assert noted.changes == {
        "email": [None, "changed"],
        "name": [None, "changed"],
        "is_staff": [False, True],
    }


def test_people_are_for_superusers(client, db, acme) -> None:
    staff = User.objects.create_user("staff@x.example", is_staff=True)
    client.force_login(staff)
    assert client.get(page(User, "changelist")).status_code == 403

    client.force_login(User.objects.create_superuser("root@x.example"))
    client.post(page(User, "add"), {"email": "New@X.example", "name": "", "language": "", "is_active": "on"})
    user = User.objects.get(email="new@x.example")
    assert not user.has_usable_password()


def test_a_token_goes_in_and_never_out(client, root, acme, sales, care, connection, caplog) -> None:
    address = page(Connection, "change", connection.pk)
    values = {
        "base_url": "https://talkover.example/api/v1/",
        "settings": "{}",
        "since": "2026-01-01",
        "rate_per_minute": "30",
        "new_token": "",
    }
    pages = [client.get(address), client.get(page(Connection, "changelist")), client.post(address, values, follow=True)]
    with wall.tenant(acme):
        kept = Connection.objects.get()
    assert (access_of(kept).token, kept.rate_per_minute) == (TOKEN, 30)
    assert kept.base_url == "https://talkover.example/api/v1"

    fresh = "talq_another-secret-token-9876543210"
    pages.append(client.post(address, values | {"new_token": fresh, "base_url": "no address"}))
    pages.append(client.post(address, values | {"new_token": fresh, "untested": "on"}, follow=True))
    pages.append(client.get(page(Connection, "history", connection.pk)))
    with wall.tenant(acme):
        kept = Connection.objects.get()
        assert access_of(kept).token == fresh
        assert kept.token_changed_at is not None
        assert "connection.token_changed" in Entry.objects.values_list("action", flat=True)
        written = str(list(Entry.objects.values())) + str(list(PlatformEntry.objects.values()))
    shown = "".join(answer.content.decode() for answer in pages) + written + caplog.text
    for secret in (TOKEN, fresh, kept.token_fingerprint):
        assert secret not in shown


def test_a_connection_is_added_for_an_environment_of_the_tenant(client, root, acme, globex, sales, foreign) -> None:
    new = f"{page(Connection, 'add')}?tenant={acme.pk}"
    values = {
        "environment": foreign.pk,
        "base_url": "https://talkover.example/api/v1",
        "settings": "{}",
        "since": "2026-01-01",
        "new_token": TOKEN,
    }
    assert client.post(new, values).status_code == 200
    assert client.post(new, values | {"environment": sales.pk, "new_token": ""}).status_code == 200
    assert client.post(new, values | {"environment": sales.pk, "untested": "on"}).status_code == 302
    with wall.every_tenant("a test"):
        made = Connection.objects.get()
    assert (made.tenant_id, made.environment_id, made.provider) == (acme.pk, sales.pk, "talkover")
    assert access_of(made).token == TOKEN


def test_how_far_back_a_mirror_goes_is_set_with_care(client, root, acme, sales, connection) -> None:
    """Never a century, never the future; a long history in two steps, with what it asks; and raised again at once."""
    address = page(Connection, "change", connection.pk)
    form = {"base_url": "https://talkover.example/api/v1", "settings": "{}", "state": "ok", "new_token": ""}

    def save(day, **more):
        return client.post(address, form | {"since": day} | more)

    def kept():
        with wall.tenant(acme):
            return Connection.objects.get().since

    assert "too long ago" in save("1926-01-01").content.decode()
    assert "lies in the future" in save(today() + timedelta(days=1)).content.decode()
    long = today() - timedelta(days=3000)
    asked = save(long).content.decode()
    assert "at least 6,005 requests, 67 minutes at 90 a minute" in asked
    assert re.search(r'<input type="checkbox" name="sure"', asked)
    assert kept() == date(2026, 1, 1)
    assert save(long, sure="on").status_code == 302
    assert kept() == long
    assert 'type="checkbox" name="sure"' not in client.get(address).content.decode()
    assert save("2026-07-01").status_code == 302
    assert kept() == date(2026, 7, 1)


def test_testing_and_reading_are_asked_by_post(client, root, acme, connection, settings) -> None:
    settings.UPSTREAM_ALLOW_PRIVATE = True
    for name in ("check", "read"):
        address = reverse(f"admin:sync_connection_{name}", args=[connection.pk])
        assert client.get(address).status_code == 405
        assert f'action="{address}"' in client.get(page(Connection, "change", connection.pk)).content.decode()
    with wall.tenant(acme):
        Connection.objects.update(base_url="http://127.0.0.1:1/api/v1")

    checked = client.post(reverse("admin:sync_connection_check", args=[connection.pk]), follow=True)
    read = client.post(reverse("admin:sync_connection_read", args=[connection.pk]), follow=True)
    listed = client.post(
        page(Connection, "changelist"), {"action": "check_now", "_selected_action": [connection.pk]}, follow=True
    )
    assert "cannot be reached" in told(checked)
    assert "read again" in told(read)
    assert "cannot be reached" in told(listed)
    absent = client.post(reverse("admin:sync_connection_check", args=[999]))
    assert absent["Location"] == page(Connection, "changelist")


def test_raw_text_is_shown_as_text(client, root, acme) -> None:
    model = next(model for model in PAGES if model._meta.label == "sync.Quarantine")
    with wall.tenant(acme):
        row = row_of(model, acme, {})
        row.raw = "<script>alert(1)</script>"
        row.save()
    assert "alert(1)" not in client.get(page(model, "change", row.pk)).content.decode()
    visits.begin(acme, "To look at an element", user=root, address=None)
    text = client.get(page(model, "change", row.pk)).content.decode()

    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text


def test_a_token_that_no_key_opens_can_be_replaced(client, root, acme, connection, settings) -> None:
    settings.TOKEN_KEYS = [new_key()]
    assert client.get(page(Connection, "changelist")).status_code == 200
    address = page(Connection, "change", connection.pk)
    assert client.get(address).status_code == 200
    form = {"base_url": "https://talkover.example/api/v1", "settings": "{}", "since": "2026-01-01", "untested": "on"}
    assert client.post(address, form | {"new_token": "talq_another-0123456789"}).status_code == 302
    with wall.tenant(acme):
        assert access_of(Connection.objects.get()).token == "talq_another-0123456789"


def test_a_list_says_first_whose_each_row_is(client, root, connection, globex) -> None:
    root.language = "pt-br"
    root.save()
    html = client.get(page(Connection, "changelist")).content.decode()
    head = re.findall(r'<th scope="col" class="[^"]*column-(\w+)', html)
    assert head == ["whose", "environment", "standing", "vendor", "base_url", "since"]
    assert re.search(r'field-whose">Acme</td><th class="field-environment[^>]*><a href', html)
    assert "Por empresa" in html
    assert "Por tenant" not in html


def test_the_console_speaks_portuguese(client, root, connection) -> None:
    root.language = "pt-br"
    root.save()
    form = client.get(page(Connection, "change", connection.pk)).content.decode()
    assert "Ambiente:" in form
    assert "Endereço base:" in form
    assert "console.css" in form
    index = client.get(reverse("admin:index")).content.decode()
    assert "Modificar" in index
    assert "Variação" not in index
    assert "Auditoria" in index
    assert "Espelho" in index


def test_the_vendor_of_an_environment_is_chosen_and_stays_once_it_is_connected(client, root, acme, sales) -> None:
    new = f"{page(Environment, 'add')}?tenant={acme.pk}"
    asked = client.get(new).content.decode()
    assert '<option value="talkover">' in asked
    refused = client.post(new, {"name": "Care", "provider": "Talkover"})
    assert refused.status_code == 200
    assert refused.context["adminform"].errors.keys() == {"provider"}

    change = reverse("admin:tenants_environment_change", args=[sales.pk])
    assert client.post(change, {"name": "Sales", "provider": "originsai"}).status_code == 302
    with wall.tenant(acme):
        Connection.objects.create(
            tenant=acme, environment=sales, provider="originsai", base_url="https://vendor.example/api", since=today()
        )
    assert client.post(change, {"name": "Sold", "provider": "talkover"}).status_code == 302
    with wall.tenant(acme):
        sales.refresh_from_db()
    assert (sales.name, sales.provider) == ("Sold", "originsai")


PERSONAL = [
    ("outbox.Message", "text"),
    ("reports_mail.Delivery", "snapshot"),
    ("reports_mail.Subscription", "filters"),
    ("sync.Quarantine", "note"),
    ("sync.Quarantine", "raw"),
]


@pytest.mark.parametrize(("label", "field"), PERSONAL)
def test_words_of_people_are_shown_on_a_visit_alone(client, root, acme, globex, label, field) -> None:
    model = next(model for model in PAGES if model._meta.label == label)
    with wall.tenant(acme):
        row = row_of(model, acme, {})
        words = "what Maria said"
        model.objects.filter(pk=row.pk).update(**{field: {"said": words} if field == "snapshot" else words})
    address = page(model, "change", row.pk)
    visits.begin(globex, "Another company's visit", user=root, address=None)
    closed = client.get(address).content.decode()
    assert words not in closed
    assert f"/admin/tenants/tenant/{acme.pk}/visit/" in closed
    visits.begin(acme, "To look at this row", user=root, address=None)
    assert words in client.get(address).content.decode()


@pytest.mark.parametrize(("label", "field"), PERSONAL)
def test_a_list_is_not_asked_for_what_it_does_not_show(client, root, acme, label, field) -> None:
    """Else the answer to ``?raw__contains=+5511…`` would tell a number digit by digit."""
    model = next(model for model in PAGES if model._meta.label == label)
    with wall.tenant(acme):
        row_of(model, acme, {})
    answer = client.get(f"{page(model, 'changelist')}?{field}__contains=x", follow=True)
    assert answer.status_code == 400 or "?e=1" in str(answer.redirect_chain)


@pytest.mark.parametrize("model", TENANTS_PAGES, ids=lambda model: model._meta.label)
def test_lists_are_searched_by_company(client, root, acme, globex, model) -> None:
    for tenant in (acme, globex):
        with wall.tenant(tenant):
            row_of(model, tenant, {})
    shown = client.get(f"{page(model, 'changelist')}?q=Acme").context["cl"]
    with wall.every_tenant("a test"):
        assert {row.tenant_id for row in shown.queryset} <= {acme.pk}


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_every_time_names_its_zone(client, root, acme, model) -> None:
    """Of lists and of pages: 8 Jul 2026, 15:00 is nobody's time of day."""
    texts = []
    if issubclass(model, TenantModel):
        with wall.tenant(acme):
            row = row_of(model, acme, {})
        texts.append(client.get(page(model, "change", row.pk)).content.decode())
    texts.append(client.get(page(model, "changelist")).content.decode())
    for text in texts:
        assert not re.findall(r"\d{4}, \d\d:\d\d(?! UTC)[^<]*<", text)


def test_a_form_names_each_time_once_and_says_where_there_is_none(client, root, acme, sales) -> None:
    shown = client.get(page(Environment, "change", sales.pk)).content.decode()
    assert shown.count("Created:") == 1
    with wall.tenant(acme):
        key = row_of(ApiKey, acme, {})
    assert "None" not in client.get(page(ApiKey, "change", key.pk)).content.decode()


def test_day_and_time_are_each_asked_for_by_name(client, root, acme) -> None:
    shown = client.get(f"{page(ApiKey, 'add')}?tenant={acme.pk}").content.decode()
    for name, words in (("expires_at_0", "Expires: Date"), ("expires_at_1", "Expires: Time")):
        field = re.search(rf'<input[^>]*name="{name}"[^>]*>', shown)
        assert field is not None
        assert f'aria-label="{words}"' in field[0]


def test_an_administrator_sends_a_test_mail_and_reads_the_answer(client, root, settings, tmp_path) -> None:
    assert "Send a test mail" in client.get("/admin/").content.decode()
    sent = client.post("/admin/test-mail/")
    message = PlatformMessage.objects.get()
    assert message.to == root.email
    assert PlatformEntry.objects.filter(action="mail.tested", user_id=root.pk).exists()
    PlatformMessage.objects.update(state="failed", last_reply="554 5.7.1 not you", text="")
    assert "The mail server answered: “554 5.7.1 not you”" in client.get(sent["Location"]).content.decode()
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "portal.outbox.folder.FolderBackend", tmp_path
    for address in ("/admin/", "/admin/outbox/platformmessage/"):
        assert "This portal has no mail server" in client.get(address).content.decode()


def test_nobody_else_sends_one(client, ana) -> None:
    client.force_login(ana)
    client.post("/admin/test-mail/")
    assert not PlatformMessage.objects.exists()


def test_the_console_tells_no_name_of_an_error(client, root, acme) -> None:
    with wall.tenant(acme):
        letter = {"subject": "Figures", "text": "x", "html": "", "headers": {}, "reference": "a"}
        message = post.put(tenant_id=acme.pk, to="ana@acme.example", **letter)
        Message.objects.update(state="unknown", last_reply="TimeoutError")
        Attempt.objects.create(message=message, tenant=acme, number=1, outcome="unknown", reply="TimeoutError")
        shown = client.get(page(Message, "change", message.pk)).content.decode()
    assert shown.count("The mail server did not answer in time.") == 2
    assert "TimeoutError" not in shown
