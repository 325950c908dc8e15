"""A company's brand: where it shows and where it does not, what is refused, and whom its mails come from."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.accounts.invitations import Invitee, invite
from portal.accounts.limits import PAIR
from portal.accounts.members import add_member, whole
from portal.accounts.notices import tell
from portal.accounts.resets import send_first_link
from portal.audit.models import Entry
from portal.lib.colours import TEXT, contrast, mixed
from portal.outbox import post
from portal.outbox.models import PlatformMessage
from portal.tenants import wall
from portal.tenants.brand import address_of, look_of, on_dark, sender_of, stylesheet
from portal.tenants.models.people import Role, User
from portal.tenants.models.tenants import (
    DARK_GROUNDS,
    LIGHT_GROUNDS,
    Logo,
    Tenant,
    validate_accent,
    validate_host,
    validate_sender,
)
from tests.conftest import member
from tests.portal.lib.test_pictures import png

PAGE = "/t/acme/settings/brand/"
HOST = "voz.example"
SENT = {
    "brand_name": "Voz Clara",
    "accent": "#7A1FA2",
    "sender_name": "Voz Clara",
    "sender_address": "calls@mail.example",
    "language": "pt-br",
}


@pytest.fixture(autouse=True)
def _names(settings) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "testserver", HOST]
    settings.SENDER_DOMAINS = ["mail.example"]
    settings.BASE_URL = "http://testserver"


@pytest.fixture
def branded(acme, ana, client) -> Tenant:
    client.force_login(ana)
    answer = client.post(PAGE, SENT | {"logo": SimpleUploadedFile("logo.svg", png(), "image/svg+xml")})
    assert answer.status_code == 302, answer.context["form"].errors
    Tenant.objects.filter(pk=acme.pk).update(host=HOST)
    acme.refresh_from_db()
    return acme


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_the_owner_s_brand_shows_on_the_company_s_pages(client, branded) -> None:
    page = text(client.get(PAGE))
    css = re.search(r'href="(/t/acme/brand\.css\?v=\d+)"', page)
    logo = re.search(r'src="(/t/acme/brand/logo\?v=\d+)"', page)
    assert css is not None
    assert logo is not None
    assert "<b>Voz Clara</b>" in page
    assert "· Voz Clara</title>" in page
    style = client.get(css[1])
    assert (style.status_code, style["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in style["Cache-Control"]
    assert "--accent: light-dark(#7a1fa2, " in text(style)
    picture = client.get(logo[1])
    assert (picture["Content-Type"], picture.content) == ("image/png", png())
    assert "sandbox" in picture["Content-Security-Policy"]


def test_every_change_moves_the_addresses_of_what_is_cached_and_is_audited(client, branded) -> None:
    client.post(PAGE, SENT | {"accent": "#0b6b62", "without_logo": "on"})
    now = Tenant.objects.get(pk=branded.pk)
    assert (now.brand_version, now.has_logo, now.accent) == (2, False, "#0b6b62")
    with wall.tenant(branded):
        assert not Logo.objects.exists()
        entry = Entry.objects.filter(action="tenant.brand").latest("number")
    assert entry.changes == {"accent": ["#7a1fa2", "#0b6b62"]}
    assert entry.about["fields"] == "accent, without_logo"
    client.post(PAGE, SENT | {"accent": "#0b6b62"})
    assert Tenant.objects.get(pk=branded.pk).brand_version == 2  # nothing changed


def test_trying_out_saves_nothing(client, acme, ana) -> None:
    client.force_login(ana)
    page = client.post(PAGE, SENT | {"act": "try", "logo": SimpleUploadedFile("logo.png", png())})
    assert "/t/acme/brand.css?accent=7a1fa2" in text(page)
    assert "data:image/png;base64," in text(page)
    assert Tenant.objects.get(pk=acme.pk).accent == ""
    assert "#7a1fa2" in text(client.get("/t/acme/brand.css?accent=7a1fa2"))
    for bad in ("ffffff", "zzz", "7a1fa2;}body{display:none}", ""):
        assert client.get("/t/acme/brand.css", {"accent": bad}).status_code == 404


def test_before_sign_in_the_brand_shows_under_its_host_name_alone(client, branded) -> None:
    client.logout()
    page = text(client.get("/accounts/login/", headers={"host": HOST}))
    assert "<b>Voz Clara</b>" in page
    assert "/brand.css?v=" in page
    assert client.get("/brand.css", headers={"host": HOST}).status_code == 200
    assert client.get("/brand/logo", headers={"host": f"{HOST}:443"}).content == png()
    assert "<b>Ringbook</b>" in text(client.get("/accounts/login/"))
    assert client.get("/brand/logo").status_code == 404
    assert client.get("/accounts/login/", headers={"host": "other.example"}).status_code == 400
    assert client.get("/t/acme/brand/logo").status_code == 302  # a tenant's own address says nothing before


def test_a_closed_company_has_no_brand(client, branded) -> None:
    client.logout()
    Tenant.objects.update(active=False)
    assert "<b>Ringbook</b>" in text(client.get("/accounts/login/", headers={"host": HOST}))


def test_another_company_s_pages_stay_as_they_are(client, branded, carla) -> None:
    client.force_login(carla)
    assert "Voz Clara" not in text(client.get("/t/globex/", headers={"host": HOST}))
    assert client.get("/t/acme/brand.css").status_code == 404


def test_owners_alone_brand(client, acme, bruno) -> None:
    for person in (bruno, member(acme, "mia@acme.example", Role.MANAGER)):
        client.force_login(person)
        assert client.get(PAGE).status_code == 403
        assert client.post(PAGE, SENT).status_code == 403


@pytest.mark.parametrize(
    "changed",
    [
        {"accent": "#ffd400"},
        {"accent": "red"},
        {"accent": "#000000;}"},
        {"sender_address": "boss@bank.example"},
        {"sender_name": "Voz\nBcc: x@y.example"},
        {"brand_name": "Voz\u202eClara"},
        {"language": "de"},
    ],
)
def test_what_will_not_do_is_said_in_words(client, ana, changed) -> None:
    client.force_login(ana)
    answer = client.post(PAGE, SENT | changed)
    assert answer.status_code == 400
    assert set(answer.context["form"].errors) == set(changed)


def test_a_picture_that_is_none_is_refused(client, acme, ana) -> None:
    client.force_login(ana)
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    answer = client.post(PAGE, SENT | {"logo": SimpleUploadedFile("logo.png", svg, "image/png")})
    assert "PNG, JPEG or WebP" in str(answer.context["form"].errors["logo"])
    assert not Tenant.objects.get(pk=acme.pk).has_logo


@pytest.mark.parametrize("accent", ["#0b6b62", "#000000", "#7a1fa2", "#0000ff", "#b00020", "#6b4f00"])
def test_every_colour_that_is_taken_is_read_in_light_and_dark(accent) -> None:
    validate_accent(accent)
    assert all(contrast(accent, ground) >= TEXT for ground in LIGHT_GROUNDS)
    assert all(contrast(on_dark(accent), ground) >= TEXT for ground in DARK_GROUNDS)
    told = dict(re.findall(r"--([\w-]+): light-dark\((.*)\);", stylesheet(accent)))
    (light, dark), ink, soft = (told[name].split(", ") for name in ("accent", "accent-ink", "accent-soft"))
    for shade, written, ground in ((light, ink[0], soft[0]), (dark, ink[1], soft[1])):
        assert contrast(shade, written) >= TEXT
        assert contrast(shade, ground) >= TEXT
    bar = told["bar-1"].split(", ")[0]
    assert contrast(bar, "#ffffff") >= 3  # as WCAG asks of what is no text
    assert contrast(mixed("#ffffff", bar, 0.54), "#181b1e") >= TEXT  # the darkest square with ink on it


def test_a_colour_that_is_too_light_is_told_with_one_that_would_do() -> None:
    with pytest.raises(ValidationError) as told:
        validate_accent("#ffd400")
    better = re.search(r"#[0-9a-f]{6}", told.value.messages[0])
    assert better is not None
    validate_accent(better[0])


def test_mails_of_the_company_carry_its_name_and_lead_to_its_host(acme, ana, branded) -> None:
    invite(acme, Invitee("dora@acme.example", whole(Role.VIEWER)), by=ana)
    message = PlatformMessage.objects.get()
    post.deliver(message.pk, PlatformMessage)
    [sent] = mail.outbox
    assert sent.from_email == "Voz Clara <calls@mail.example>"
    assert "Voz Clara" in sent.subject
    assert f"http://{HOST}/accounts/invitation/" in sent.body
    assert "Ringbook" not in sent.body
    html = sent.alternatives[0][0]
    assert "#7a1fa2" in html
    assert "#0b6b62" not in html.split("<body")[1]


@pytest.mark.parametrize(
    ("host", "cookie", "spoken"),
    [(HOST, "", "pt-br"), (HOST, "en", "en"), (HOST, "zz", "pt-br"), ("testserver", "", "en")],
)
def test_pages_before_sign_in_speak_the_language_of_their_host_unless_another_was_chosen(
    client, branded, host, cookie, spoken
) -> None:
    client.logout()
    if cookie:
        client.cookies["django_language"] = cookie
    headers = {"host": host, "Accept-Language": "en"}
    for path in ("login/", "password/reset/", "invitation/none/", "sso/"):
        answer = client.get(f"/accounts/{path}", headers=headers)
        assert answer["Content-Language"] == spoken, path
        assert f'<html lang="{spoken}"' in text(answer), path


def test_a_persons_own_language_wins_over_that_of_the_host(client, branded, ana) -> None:
    ana.language = "en"
    ana.save()
    assert client.get("/accounts/", headers={"host": HOST, "Accept-Language": "pt-BR"})["Content-Language"] == "en"
    User.objects.update(language="")
    assert client.get("/t/acme/", headers={"host": HOST, "Accept-Language": "en"})["Content-Language"] == "pt-br"


def test_a_choice_at_the_host_is_kept(client, branded) -> None:
    client.logout()
    client.post("/accounts/language/", {"language": "en"}, headers={"host": HOST})
    assert client.get("/accounts/login/", headers={"host": HOST})["Content-Language"] == "en"


def test_programs_and_probes_are_asked_nothing_of_the_host(client, branded) -> None:
    client.logout()
    with CaptureQueriesContext(connection) as queries:
        client.get("/livez", headers={"host": HOST})
        answer = client.get("/api/v1/agents/", headers={"host": HOST, "Accept-Language": "en"})
    assert not [each for each in queries if "tenants_tenant" in each["sql"]]
    assert answer["Content-Language"] == "en"


def test_a_page_asks_once_whose_host_it_is(client, branded) -> None:
    client.logout()
    client.get("/accounts/login/", headers={"host": HOST})
    with CaptureQueriesContext(connection) as queries:
        client.get("/accounts/login/", headers={"host": HOST})
    assert len([each for each in queries if "tenants_tenant" in each["sql"]]) == 1


def test_who_tries_too_often_at_a_host_reads_its_name(client, branded) -> None:
    client.logout()
    sent = {"login": "ana@acme.example", "password": "wrong"}
    answers = [client.post("/accounts/login/", sent, headers={"host": HOST}) for _ in range(PAIR.most + 1)]
    page = text(answers[-1])
    assert answers[-1].status_code == 429
    assert "· Voz Clara</title>" in page
    assert "/brand.css?v=" in page
    assert "Ringbook" not in page
    assert "Espere 5 minutos" in page


def delivered() -> Any:
    """The one mail that waits, as it leaves."""
    assert post.deliver(PlatformMessage.objects.get().pk, PlatformMessage) == "sent"
    [sent] = mail.outbox
    return sent


def test_a_link_asked_for_at_a_host_carries_its_brand(client, branded, carla) -> None:
    """Whosever it is: the host says so, and the address typed nothing."""
    client.logout()
    client.post("/accounts/password/reset/", {"email": carla.email}, headers={"host": HOST})
    sent = delivered()
    assert sent.from_email == "Voz Clara <calls@mail.example>"
    assert sent.subject == "Defina uma nova senha para Voz Clara"
    assert f"http://{HOST}/accounts/password/reset/key/" in sent.body
    assert "Ringbook" not in sent.body
    assert "#7a1fa2" in sent.alternatives[0][0]


def test_a_link_asked_for_at_the_portals_own_name_carries_its_own(client, branded, ana) -> None:
    client.logout()
    client.post("/accounts/password/reset/", {"email": ana.email})
    sent = delivered()
    assert (sent.from_email, sent.subject) == (settings.DEFAULT_FROM_EMAIL, "Set a new password for Ringbook")
    assert "http://testserver/accounts/password/reset/key/" in sent.body


def test_at_a_host_known_and_unknown_are_the_same_work_too(client, branded, ana) -> None:
    client.logout()
    work, rows = [], []
    for email in ("first@acme.example", ana.email, "nobody@acme.example"):
        with CaptureQueriesContext(connection) as queries:
            answer = client.post("/accounts/password/reset/", {"email": email}, headers={"host": HOST})
        work.append((answer.status_code, answer["Location"], [query["sql"].split()[0] for query in queries]))
        rows.append(PlatformMessage.objects.get(to=email))
    assert work[1] == work[2]
    assert rows[1].subject == rows[2].subject
    assert rows[1].about["tenant"] == rows[2].about["tenant"] == branded.pk


def test_the_first_link_carries_the_brand_of_its_company(branded) -> None:
    dora = member(branded, "dora@acme.example", Role.VIEWER)
    send_first_link(dora, at=branded)
    sent = delivered()
    assert sent.from_email == "Voz Clara <calls@mail.example>"
    assert sent.subject == "Seu acesso a Acme no Voz Clara"
    assert "Ringbook" not in sent.body
    assert f"http://{HOST}/accounts/" in sent.body


def test_a_notice_carries_the_brand_of_the_only_company(branded, globex) -> None:
    dora = member(branded, "dora@acme.example", Role.VIEWER)
    tell(dora, "password_changed")
    sent = delivered()
    assert (sent.from_email, sent.subject) == ("Voz Clara <calls@mail.example>", "Sua conta no Voz Clara")
    assert f"http://{HOST}/accounts/" in sent.body
    mail.outbox.clear()
    PlatformMessage.objects.all().delete()
    add_member(globex, dora, whole(Role.VIEWER))
    tell(dora, "password_changed")
    sent = delivered()
    assert sent.from_email == settings.DEFAULT_FROM_EMAIL
    assert "Ringbook" in sent.subject
    assert "http://testserver/accounts/" in sent.body


def test_a_domain_or_a_host_that_is_taken_back_is_not_used(settings, branded) -> None:
    assert sender_of(branded) == "Voz Clara <calls@mail.example>"
    assert address_of(branded) == f"http://{HOST}"
    settings.SENDER_DOMAINS, settings.ALLOWED_HOSTS = ["other.example"], ["testserver"]
    settings.DEFAULT_FROM_EMAIL = "Ringbook <reports@other.example>"
    assert sender_of(branded) == "Voz Clara <reports@other.example>"
    assert address_of(branded) == "http://testserver"
    settings.BASE_URL, settings.ALLOWED_HOSTS = "https://ring.example:8443/calls", [HOST]
    assert address_of(branded) == f"https://{HOST}:8443/calls"


def test_without_a_brand_all_is_ringbook_s(acme, settings) -> None:
    look = look_of(acme)
    assert (look.name, look.css, look.logo) == ("Ringbook", "", "")
    assert sender_of(acme) == settings.DEFAULT_FROM_EMAIL


def test_what_hosts_and_senders_may_be() -> None:
    validate_host(HOST)
    validate_sender("calls@MAIL.example")
    for name in ("other.example", "VOZ.example", "*", "testserver", "voz.example:80", ""):
        with pytest.raises(ValidationError):
            validate_host(name)
    with pytest.raises(ValidationError):
        validate_sender("calls@evil.mail.example")


def test_administrators_give_host_names_in_the_console(client, acme, globex) -> None:
    client.force_login(User.objects.create_superuser("root@ringbook.example", "correct horse battery"))
    address = f"/admin/tenants/tenant/{acme.pk}/change/"
    form = client.get(address).context["adminform"].form
    sent = {name: value for name, value in form.initial.items() if value is not None} | {"active": "on"}
    assert client.post(address, sent | {"host": "other.example"}).status_code == 200
    answer = client.post(address, sent | {"host": HOST, "logo": SimpleUploadedFile("logo.png", png())})
    assert answer.status_code == 302, answer.context["errors"]
    kept = Tenant.objects.get(pk=acme.pk)
    assert (kept.host, kept.has_logo) == (HOST, True)
    other = client.post(f"/admin/tenants/tenant/{globex.pk}/change/", sent | {"slug": "globex", "host": HOST})
    assert other.status_code == 200  # one host name is one company's
    assert Tenant.objects.get(pk=globex.pk).host is None
    assert client.get("/admin/tenants/tenant/add/").status_code == 200
