"""The vault: secrets open where they were sealed, with a key that is there, and nowhere else."""

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.db import transaction

from portal.tenants import wall
from portal.vault import HIDDEN, VaultError, mark, new_key, seal, unseal
from sync.connections import TokenSealed, access_of, sealed
from sync.models.connections import Connection
from tests.sync.conftest import make_connection

SECRET = "talq_of-one-row"


def stored(row: Connection) -> str:
    with wall.every_tenant("what is in the table"), database.cursor() as cursor:
        cursor.execute("SELECT token FROM sync_connection WHERE id = %s", [row.pk])
        return str(cursor.fetchone()[0])


def put(row: Connection, text: str) -> None:
    """As whoever reaches the database could."""
    with wall.every_tenant("what is in the table"), database.cursor() as cursor:
        cursor.execute("UPDATE sync_connection SET token = %s WHERE id = %s", [text, row.pk])


def fresh(row: Connection) -> Connection:
    with wall.tenant(row.tenant_id):
        return Connection.objects.get(pk=row.pk)


@pytest.fixture
def mine(acme, sales) -> Connection:
    with wall.tenant(acme):
        return make_connection(sales, token=SECRET)


def test_a_secret_opens_in_its_place_alone() -> None:
    text = seal(SECRET, "table", "column", 7, "row")
    assert SECRET not in text
    assert unseal(text, "table", "column", 7, "row").reveal() == SECRET
    for other in ((), ("table", "column", 8, "row"), ("table", "column", 7), ("tablecolumn", 7, "row")):
        with pytest.raises(VaultError, match="another place"):
            unseal(text, *other)


def test_the_words_of_a_place_do_not_run_together() -> None:
    with pytest.raises(VaultError):
        unseal(seal(SECRET, "1", "23"), "12", "3")


def test_what_is_sealed_twice_looks_different() -> None:
    assert seal(SECRET, "x") != seal(SECRET, "x")


def test_a_damaged_secret_and_a_missing_key_are_told_apart(settings) -> None:
    text = seal(SECRET, "x")
    with pytest.raises(VaultError, match="damaged"):
        unseal(text[:-6] + "AAAAA=", "x")
    needed = mark(settings.TOKEN_KEYS[0])
    settings.TOKEN_KEYS = [new_key()]
    with pytest.raises(VaultError, match=f"needs the key {needed}, which is not among TOKEN_KEYS"):
        unseal(text, "x")


def test_a_row_keeps_its_secret_and_shows_it_nobody(mine) -> None:
    row = fresh(mine)
    assert row.token.reveal() == SECRET
    assert (repr(row.token), f"{row.token}") == (HIDDEN, HIDDEN)
    assert SECRET not in stored(mine) + str(vars(row)) + str(vars(mine))


def test_a_secret_moved_to_another_row_or_tenant_does_not_open(mine, care, foreign, globex) -> None:
    with wall.tenant(mine.tenant_id):
        beside = make_connection(care, token="talq_other")
    with wall.tenant(globex):
        theirs = make_connection(foreign, token="talq_theirs")
    for thief in (beside, theirs):
        put(thief, stored(mine))
        with wall.tenant(thief.tenant_id):
            with pytest.raises(VaultError, match="another place"):
                fresh(thief).token  # noqa: B018
            with pytest.raises(TokenSealed):
                access_of(thief)
            assert sealed([thief.pk]).keys() == {thief.pk}
    assert fresh(mine).token.reveal() == SECRET


def test_a_secret_that_does_not_open_hides_nothing_else_of_its_row(mine) -> None:
    put(mine, "bound:00000000:AAAA")
    row = fresh(mine)
    row.rate_per_minute = 7
    with wall.tenant(row.tenant_id):
        row.save(update_fields=["rate_per_minute"])
    assert fresh(mine).rate_per_minute == 7


def test_a_column_is_never_written_without_its_row(mine) -> None:
    with wall.tenant(mine.tenant_id), pytest.raises(VaultError, match="save the row"), transaction.atomic():
        Connection.objects.update(token="talq_plain")
    assert fresh(mine).token.reveal() == SECRET


@pytest.mark.parametrize("form", ["{mark}:{text}", "{text}"], ids=["with its key's mark", "of before keys had marks"])
def test_a_secret_of_before_opens_until_that_is_refused(mine, settings, form) -> None:
    text = Fernet(settings.TOKEN_KEYS[0]).encrypt(b"talq_of-before").decode()
    put(mine, form.format(mark=mark(settings.TOKEN_KEYS[0]), text=text))
    assert fresh(mine).token.reveal() == "talq_of-before"
    settings.TOKENS_BOUND = True
    with pytest.raises(VaultError, match="bound to no place"):
        fresh(mine).token  # noqa: B018
    settings.TOKENS_BOUND = False
    call_command("rotate_tokens")
    settings.TOKENS_BOUND = True
    assert fresh(mine).token.reveal() == "talq_of-before"
    assert stored(mine).startswith(f"bound:{mark(settings.TOKEN_KEYS[0])}:")


def test_an_older_secret_whose_key_is_away_is_told(settings) -> None:
    old = Fernet(settings.TOKEN_KEYS[0]).encrypt(b"talq_old").decode()
    settings.TOKEN_KEYS = [new_key()]
    with pytest.raises(VaultError, match="needs a key that is not among TOKEN_KEYS"):
        unseal(old)


def test_rotating_moves_everything_to_the_newest_key_or_nothing(mine, settings) -> None:
    old, new = settings.TOKEN_KEYS[0], new_key()
    settings.TOKEN_KEYS = [new, old]
    call_command("rotate_tokens")
    settings.TOKEN_KEYS = [new]
    assert fresh(mine).token.reveal() == SECRET
    kept = stored(mine)
    settings.TOKEN_KEYS = [new_key()]
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("rotate_tokens")
    assert stored(mine) == kept
