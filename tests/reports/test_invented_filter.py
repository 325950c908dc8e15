"""A declared filter is everywhere at once: in the address, the API and its schema, on forms, in chips and files."""

from datetime import UTC, datetime

import pytest
from django.db.models import Q

from portal.tenants import wall
from portal.tenants.guards import membership_of
from reports.api import schema
from reports.definitions.conditions import among
from reports.definitions.filters import FILTERS, Filter, write_filters
from reports.definitions.filters.kinds import AnyOf
from reports.files.words import filter_lines
from reports.queries.question import QuestionError, read_calls, read_question, write_question
from reports.queries.scope import Scope
from tests import factories
from tests.reports.api.conftest import make_key

pytestmark = pytest.mark.django_db
CARRIER = Filter(
    "carrier",
    "",
    "Carrier",
    AnyOf({"sip": "Voice over IP", "gsm": "Mobile network"}),
    "Over what the call went.",
    rows=lambda words: Q(hangup_cause__in=words) if words else None,
    columns=lambda words: among("cause", words) if words else None,
)
NOW = datetime(2026, 7, 8, 15, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _declared(monkeypatch):
    monkeypatch.setitem(FILTERS, "carrier", CARRIER)
    schema.written.cache_clear()
    yield
    schema.written.cache_clear()


@pytest.fixture
def some(acme, sales):
    with wall.tenant(acme):
        for number, carrier in enumerate(("sip", "sip", "gsm", "")):
            factories.call(sales, f"c-{number}", hangup_cause=carrier, started_at=NOW)


@pytest.fixture
def scope(acme, ana):
    with wall.tenant(acme):
        return Scope.of(membership_of(ana, "acme").grant)


def test_it_goes_through_an_address_and_back_and_refuses_unknown_words(acme, scope):
    with wall.tenant(acme):
        question = read_question({"carrier": "gsm,sip", "metrics": "attempts"}, scope)
        assert write_filters(question.filters) == {"carrier": "gsm,sip"}
        assert "carrier=gsm%2Csip" in write_question(question)
        with pytest.raises(QuestionError, match="“isdn” is none of sip, gsm"):
            read_calls({"carrier": "isdn"}, scope)
        assert CARRIER.columns(CARRIER.value(question.filters)).params == ("gsm", "sip")


def test_the_api_takes_it_and_describes_it(acme, some, client):
    key = make_key(acme)

    def ask(path):
        return client.get(path, headers={"Authorization": f"Bearer {key}"})

    assert len(ask("/api/v1/calls/?carrier=sip").json()["results"]) == 2
    answer = ask("/api/v1/reports/query/?carrier=gsm&metrics=attempts&date_from=2026-07-08&date_to=2026-07-08").json()
    assert answer["totals"]["attempts"]["value"] == 1
    assert ask("/api/v1/calls/?carrier=isdn").status_code == 400
    document = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    [told] = [row for row in document["paths"]["/api/v1/calls/"]["get"]["parameters"] if row["name"] == "carrier"]
    assert told["schema"] == {"type": "array", "items": {"type": "string", "enum": ["sip", "gsm"]}}
    assert told["description"] == "Over what the call went."
    assert told["explode"] is False


def test_pages_offer_it_and_show_it_in_a_chip(acme, some, ana, client):
    client.force_login(ana)
    page = client.get("/t/acme/calls/?carrier=gsm", headers={"Accept-Language": "en"}).content.decode()
    assert 'name="carrier" value="gsm" checked' in page
    assert 'name="carrier" value="sip" >' in page
    assert "Carrier: Mobile network" in page
    assert page.count("<tr") == 2  # the heading and one call
    report = client.get(
        "/t/acme/reports/query/?carrier=sip&metrics=attempts&date_from=2026-07-08&date_to=2026-07-08",
        headers={"Accept-Language": "en"},
    ).content.decode()
    assert 'name="carrier" value="sip" checked' in report
    assert '<data value="2"' in report


def test_files_say_it_in_words(acme, scope):
    with wall.tenant(acme):
        lines = filter_lines(read_calls({"carrier": "sip"}, scope).filters, scope)
    assert ("Carrier", "Voice over IP") in lines
