"""The doors: pages by membership, API by key."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.utils import timezone

from portal.accounts.keys import NewKey, issue_key, revoke_key
from portal.tenants import guards, wall
from portal.tenants.guards import members_tenants, reader_of_key, tenant_view
from portal.tenants.models.keys import ApiKey, KeyState
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Environment
from tests.conftest import member

NOON = datetime(2026, 7, 8, 15, tzinfo=UTC)


def visit(view, user, slug="acme"):
    request = RequestFactory().get(f"/t/{slug}/")
    request.user = user
    return view(request, tenant=slug)


@tenant_view()
def names(request, tenant):
    return HttpResponse(", ".join(Environment.objects.values_list("name", flat=True)))


def test_a_member_stands_behind_the_wall_of_his_tenant(ana, acme, sales, foreign) -> None:
    @tenant_view()
    def page(request, tenant):
        assert (tenant, wall.current()) == ("acme", acme.pk)
        assert timezone.get_current_timezone_name() == "America/Sao_Paulo"
        return HttpResponse(f"{request.tenant} {request.membership.role} {request.scope_grant.tenant}")

    assert visit(page, ana).content == b"Acme owner Acme"
    assert visit(names, ana).content == b"Sales"
    with pytest.raises(wall.NoTenant):
        wall.current()


def test_the_guard_costs_one_query(ana, django_assert_num_queries) -> None:
    @tenant_view()
    def page(request, tenant):
        return HttpResponse(f"{request.tenant.name} {request.membership.user} {request.scope_grant.tenant.zone}")

    with django_assert_num_queries(1):
        visit(page, ana)


def test_templates_and_streams_are_made_behind_the_wall(ana, sales) -> None:
    @tenant_view()
    def lazy(request, tenant):
        template = engines["django"].from_string("{% for row in rows %}{{ row.name }}{% endfor %}")
        return TemplateResponse(request, template, {"rows": Environment.objects.all()})

    @tenant_view()
    def streamed(request, tenant):
        return StreamingHttpResponse(row.name for row in Environment.objects.all().iterator())

    assert visit(lazy, ana).content == b"Sales"
    assert visit(streamed, ana).getvalue() == b"Sales"


def test_a_file_is_left_for_the_web_server_to_send(ana) -> None:
    @tenant_view()
    def file(request, tenant):
        return FileResponse(BytesIO(b"rows"))

    response = visit(file, ana)
    assert response.file_to_stream.read() == b"rows"
    response.close()


def test_a_stream_may_ask_for_more_while_it_runs(ana, sales) -> None:
    @tenant_view()
    def streamed(request, tenant):
        def pieces():
            yield "first "
            yield Environment.objects.get().name

        return StreamingHttpResponse(pieces())

    assert visit(streamed, ana).getvalue() == b"first Sales"


def test_answers_are_kept_by_nobody(ana) -> None:
    response = visit(names, ana)

    assert response["Cache-Control"] == "private, no-store"
    assert "Cookie" in response["Vary"]


def test_strangers_and_the_absent_read_the_same(client, ana, carla, globex, settings) -> None:
    client.force_login(ana)
    answers = [client.get(f"/t/{slug}/") for slug in ("globex", "nobody")]

    assert [answer.status_code for answer in answers] == [404, 404]
    foreign, absent = (re.sub(r'name="csrf\w+" value="\w+"', "", answer.content.decode()) for answer in answers)
    assert foreign.replace("globex", "nobody") == absent
    for slug in ("globex", "nobody"):
        with pytest.raises(Http404):
            visit(names, ana, slug)


def test_a_closed_tenant_is_as_absent(ana, acme) -> None:
    acme.active = False
    acme.save()

    with pytest.raises(Http404):
        visit(names, ana)
    assert members_tenants(ana) == []


def test_visitors_are_sent_to_sign_in_whatever_the_address(client, ana) -> None:
    for slug in ("acme", "nobody"):
        response = client.get(f"/t/{slug}/")
        assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next=/t/{slug}/")


@pytest.mark.parametrize(
    ("role", "needed", "may"),
    [
        (Role.VIEWER, Role.VIEWER, True),
        (Role.VIEWER, Role.MANAGER, False),
        (Role.MANAGER, Role.MANAGER, True),
        (Role.MANAGER, Role.OWNER, False),
        (Role.OWNER, Role.VIEWER, True),
    ],
)
def test_roles(acme, role, needed, may) -> None:
    user = member(acme, "who@acme.example", role)
    page = tenant_view(needed)(lambda request, tenant: HttpResponse("in"))

    if may:
        assert visit(page, user).content == b"in"
    else:
        with pytest.raises(PermissionDenied):
            visit(page, user)


def test_removal_counts_from_the_next_request(ana, acme) -> None:
    assert visit(names, ana).status_code == 200
    with wall.tenant(acme):
        Membership.objects.filter(user=ana).delete()
    with pytest.raises(Http404):
        visit(names, ana)


def test_tenants_of_a_person(ana, acme, globex, django_assert_num_queries) -> None:
    with wall.tenant(globex):
        grant = guards.Grant.objects.create(tenant=globex)
        Membership.objects.create(tenant=globex, user=ana, grant=grant)
    with django_assert_num_queries(1):
        assert members_tenants(ana) == [acme, globex]
    assert members_tenants(User.objects.create_user("new@x.example")) == []


def test_a_key_opens_its_tenant(acme, sales, django_assert_num_queries) -> None:
    key, secret = issue_key(acme, NewKey("warehouse", Role.MANAGER, sales, sees_numbers=True))
    with django_assert_num_queries(4):  # the look-up, and the note within a savepoint
        reader = reader_of_key(secret)
    with django_assert_num_queries(1):
        reader = reader_of_key(secret)

    assert reader is not None
    assert (reader.key, reader.tenant, reader.role) == (key, acme, Role.MANAGER)
    assert reader.grant.sees_numbers
    assert reader.grant.tenant is reader.tenant
    with wall.tenant(acme):
        assert reader.key.environment == sales
        assert list(reader.grant.environments.all()) == [sales]


def test_keys_that_open_nothing_cost_the_same(acme, globex, django_assert_num_queries) -> None:
    (revoked, a), (expired, b), (_, c) = (issue_key(acme, NewKey(name)) for name in "abc")
    _, closed = issue_key(globex, NewKey("d"))
    revoke_key(revoked)
    with wall.tenant(acme):
        ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    globex.active = False
    globex.save()

    for secret in (a, b, closed, "ring_absent", "", c + "x", c[:-1], c.upper(), "ring_é", "\ud800", "x" * 100_000):
        with django_assert_num_queries(1):
            assert reader_of_key(secret) is None
    assert reader_of_key(c) is not None


def test_a_key_ends_with_the_account_of_whoever_made_it(acme, ana) -> None:
    key, secret = issue_key(acme, NewKey("hers"), by=ana)
    assert reader_of_key(secret) is not None
    for active, state in ((False, KeyState.CLOSED), (True, KeyState.STANDING)):
        User.objects.filter(pk=ana.pk).update(is_active=active)
        assert (reader_of_key(secret) is not None) == active
        with wall.tenant(acme):
            row = ApiKey.objects.get(pk=key.pk)
            assert (row.state(timezone.now()), row.stands(timezone.now())) == (state, active)


def test_the_last_use_is_noted_once_a_minute(acme) -> None:
    key, secret = issue_key(acme, NewKey("a"))

    def last_use():
        with wall.tenant(acme):
            return ApiKey.objects.get(pk=key.pk).last_used_at

    with time_machine.travel(NOON, tick=False) as clock:
        for seconds, noted in ((0, 0), (30, 0), (29, 0), (1, 60), (59, 60), (1, 120)):
            clock.shift(seconds)
            assert reader_of_key(secret) is not None
            assert last_use() == NOON + timedelta(seconds=noted)


def test_only_the_hash_of_a_key_is_kept(acme) -> None:
    key, secret = issue_key(acme, NewKey("a"))
    with wall.tenant(acme):
        kept = str(ApiKey.objects.filter(pk=key.pk).values().get())

    assert len(secret) > 40
    assert secret.startswith("ring_")
    assert secret not in kept
    assert key.hint == secret[:9]
