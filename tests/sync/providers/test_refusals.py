import pytest
import time_machine
from requests.structures import CaseInsensitiveDict

from sync.providers.refusals import redacted, refusal, retry_after
from sync.taxonomy import Fault

DATE = "Fri, 20 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": " 7 "}, 7),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "86400"}, 3600),
        ({"Retry-After": "9" * 400}, 3600),
        ({"Retry-After": "Fri, 20 Nov 2026 10:00:45 GMT", "Date": DATE}, 45),
        ({"Retry-After": "Fri, 20 Nov 2026 09:00:00 GMT", "Date": DATE}, 1),
        ({"Retry-After": "Fri, 20 Nov 2026 23:00:00 GMT", "Date": DATE}, 3600),
        ({"Retry-After": "Fri, 20 Nov 2026 10:00:45 GMT", "Date": "nonsense"}, 105),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "abc"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
@time_machine.travel("2026-11-20T09:59:00Z", tick=False)
def test_the_wait_is_bounded_and_counted_by_the_vendors_clock(headers, seconds):
    assert retry_after(CaseInsensitiveDict(headers)) == seconds


def test_only_throttled_and_busy_answers_name_a_wait():
    waits = {
        status: refusal(status, {"Retry-After": "9"}, b"", token="t").retry_after for status in (429, 503, 500, 404)
    }
    assert waits == {429: 9, 503: 9, 500: None, 404: None}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"success":false,"message":"Unauthenticated."}', "Unauthenticated."),
        (b'{"message":"Missing Bearer Token"}', "Missing Bearer Token"),
        (b'{"success":false,"error":{"code":"X","message":"Invalid key","details":{}}}', "Invalid key"),
        (b'{"detail":"Not found"}', "Not found"),
        (
            b'{"detail":[{"loc":["path"],"msg":"value is not a valid integer","type":"t"}]}',
            "value is not a valid integer",
        ),
        (b"plain words", "plain words"),
        (b"", ""),
        (b"[1]", ""),
        (b"\xff\xfe", "��"),
    ],
)
def test_the_message_is_found_in_every_documented_form(body, detail):
    assert refusal(401, {}, body, token="secret").detail == detail
    assert refusal(401, {}, body, token="secret").fault == Fault.REJECTED


@pytest.mark.parametrize(
    "secret",
    [
        "hunter2",
        "talq_abc",
        "Bearer abc",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
        "+5511987654321",
        "(11) 98765-4321",
        "11 98765 4321",
        "0049 89 1234567",
    ],
)
def test_no_secret_and_no_number_survives(secret):
    shown = redacted(f"before {secret} after 2026-11-20", "hunter2")
    assert shown == "before ••• after 2026-11-20"
