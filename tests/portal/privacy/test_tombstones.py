"""Erased numbers are found in any spelling without being known, and their codes count as they did."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from portal.lib import phones
from portal.privacy import tombstones
from portal.privacy.tombstones import Tombstones, burying, code_of, hashes_of, reading
from portal.tenants import wall

NUMBER = "5511987654321"


@pytest.fixture
def erased() -> Tombstones:
    return Tombstones(7).including([hashes_of(7, phones.spellings(f"+{NUMBER}"))])


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("+5511987654321", "+9999999999999"),
        ("+55 (11) 98765-4321", "+99 (99) 99999-9999"),
        ("011 98765-4321", "999 99999-9999"),
        ("sip:005511987654321@host", "sip:009999999999999@host"),
        ('{"to":5511987654321,"n":1}', '{"to":9999999999999,"n":1}'),
        ("2026-07-08 11987654321 2", "2026-07-08 99999999999 2"),
        ("+5511987654322", "+5511987654322"),
        ("98765-4321", "98765-4321"),
        ("", ""),
    ],
)
def test_a_text_is_written_over_where_it_names_the_number(erased, text, clean) -> None:
    assert erased.scrub(text) == clean
    assert erased.scrub(clean) == clean


def test_another_company_has_other_hashes(erased) -> None:
    foreign = Tombstones(8).including([hashes_of(8, [NUMBER])])
    assert not erased.hashes & foreign.hashes
    assert code_of(7, NUMBER) != code_of(8, NUMBER)


def test_a_code_counts_as_the_number_did_and_shows_nothing() -> None:
    for contact, area in ((NUMBER, "11"), ("552133334444", "21"), ("12125550100", ""), ("11987654321", "")):
        code = code_of(7, contact)
        assert phones.is_erased(code)
        assert not phones.is_erased(contact)
        assert phones.contact_digits(code) == code == phones.written(code)
        assert phones.area_code(code) == phones.area_code(contact) == area
        assert set(phones.masked(code)) == set(phones.display(code)) == {"•"}
    assert code_of(7, NUMBER) == code_of(7, NUMBER) != code_of(7, "5511987654322")


@pytest.mark.parametrize(("number", "found"), [("+12125550100", 1), (f"+{NUMBER}", 3), (NUMBER, 0), ("+5511", 0)])
def test_a_number_of_brazil_has_its_spellings_within_the_country(number, found) -> None:
    assert len(phones.spellings(number)) == found


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_an_erasure_waits_for_whoever_writes_without_knowing_of_it(acme) -> None:

    def free(lock: str) -> bool:
        try:
            with wall.tenant(acme), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_try_{lock}(%s::int, %s::int)", [tombstones.LOCK, acme.pk])
                return bool(cursor.fetchone()[0])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other, wall.tenant(acme):
        with transaction.atomic():
            reading(acme.pk)
            assert other.submit(free, "advisory_xact_lock_shared").result()
            assert not other.submit(free, "advisory_xact_lock").result()
        with transaction.atomic():
            burying(acme.pk)
            assert not other.submit(free, "advisory_xact_lock_shared").result()
        assert other.submit(free, "advisory_xact_lock").result()
