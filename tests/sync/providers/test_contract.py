"""What every vendor keeps to, whichever it is. A new one is held to it by its line in the registry."""

from datetime import date

import pytest

from sync.providers import registry
from sync.providers.access import Access
from sync.providers.base import Part
from sync.providers.errors import UpstreamError
from sync.taxonomy import Fault, Stream
from tests.sync.providers.conftest import by_path, reply

NEEDED = {"originsai": {"agents": "7:Reception"}}
DAYS = [date(2026, 11, 19), date(2026, 11, 20)]

pytestmark = pytest.mark.parametrize("provider", registry.PROVIDERS, ids=lambda provider: provider.key)


def settings_of(provider) -> dict[str, str]:
    return provider.check_settings(NEEDED.get(provider.key, {}))


def session(provider, vendor):
    return provider.session(Access(vendor.url, "secret-token", settings_of(provider), allow_private=True))


def all_asks(provider):
    settings = settings_of(provider)
    for stream in provider.streams:
        for part in provider.parts(stream, settings, DAYS):
            yield from provider.asks(part, settings)


def test_it_is_found_by_its_key(provider):
    assert registry.get(provider.key) is provider
    assert provider.label
    assert set(provider.daily) <= set(provider.streams)
    assert Stream.CALLS in provider.streams


def test_its_fields_are_its_settings(provider):
    settings = settings_of(provider)
    assert set(settings) == {field.key for field in provider.fields}
    assert all(settings[field.key] == field.default for field in provider.fields if field.default)
    assert provider.check_settings(settings) == settings
    with pytest.raises(ValueError, match="unheard"):
        provider.check_settings({**settings, "unheard": "x"})


def test_a_daily_stream_has_a_part_a_day_and_others_do_not(provider):
    settings = settings_of(provider)
    for stream in provider.streams:
        parts = provider.parts(stream, settings, DAYS)
        assert parts
        if stream in provider.daily:
            assert parts == [Part(stream, day.isoformat(), day) for day in DAYS]
        else:
            assert all(part.day is None for part in parts)
            assert provider.parts(stream, settings, []) == parts


def test_asks_are_plain_values_below_the_base_address(provider):
    asks = list(all_asks(provider))
    assert len(set(asks)) == len(asks)
    for ask in asks:
        assert ask.local or (ask.path.startswith("/") and not ask.path.startswith("//"))
        assert ask.at(2).page == 2


def test_only_local_asks_send_nothing(provider, vendor):
    with session(provider, vendor) as http:
        for ask in all_asks(provider):
            before = len(vendor.requests)
            vendor.script = reply(b'{"success":true,"data":[]}')
            try:
                list(provider.read(ask, http))
            except UpstreamError as error:
                assert error.fault == Fault.FORM  # noqa: PT017
            assert len(vendor.requests) - before == (0 if ask.local else 1)


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("401 Unauthorized", Fault.REJECTED),
        ("403 Forbidden", Fault.FORBIDDEN),
        ("404 Not Found", Fault.NOT_FOUND),
        ("422 Unprocessable", Fault.REFUSED),
        ("429 Too Many", Fault.THROTTLED),
        ("500 Error", Fault.SERVER),
    ],
)
def test_a_refusal_is_an_error_and_names_no_secret(provider, vendor, status, fault):
    vendor.script = reply(b'{"message":"secret-token is wrong"}', status=status, Retry_After="30")
    with session(provider, vendor) as http:
        for act in (provider.check, *(_reading(provider, ask) for ask in all_asks(provider) if not ask.local)):
            with pytest.raises(UpstreamError) as caught:
                act(http)
            assert caught.value.fault == fault
            assert "secret-token" not in f"{caught.value} {caught.value.detail}"
            assert caught.value.retry_after == (30 if status.startswith("429") else None)


def _reading(provider, ask):
    return lambda http: list(provider.read(ask, http))


def test_what_is_no_json_is_an_error_everywhere(provider, vendor):
    for body in (b"", b"<html></html>", b"null", b"true"):
        vendor.script = reply(body)
        with session(provider, vendor) as http:
            for act in (provider.check, *(_reading(provider, ask) for ask in all_asks(provider) if not ask.local)):
                with pytest.raises(UpstreamError) as caught:
                    act(http)
                assert caught.value.fault in {Fault.NOT_JSON, Fault.FORM}


def test_the_token_is_sent_in_a_header_and_shown_nowhere(provider, vendor):
    vendor.script = by_path({})
    access = Access(vendor.url, "secret-token", settings_of(provider), allow_private=True)
    with provider.session(access) as http, pytest.raises(UpstreamError):
        provider.check(http)
    line, headers = vendor.requests[0].split("\r\n", 1)
    assert "secret-token" not in line
    assert headers.count("secret-token") == 1
    assert "secret-token" not in repr(access) + repr(http)


def test_an_address_inside_is_refused_before_anything_is_sent(provider, vendor):
    access = Access(f"https://127.0.0.1:{vendor.port}/api", "secret-token", settings_of(provider))
    with provider.session(access) as http, pytest.raises(UpstreamError) as caught:
        provider.check(http)
    assert caught.value.fault == Fault.ADDRESS
    with pytest.raises(UpstreamError):
        provider.session(Access(vendor.url, "secret-token", settings_of(provider)))
    assert vendor.connections == 0
