"""A week has one number of calls on every page, file, list and mail: no test calls, days in the company's zone."""

import io
import json
import re
from html import unescape

import pytest
import python_calamine

from portal.tenants import wall
from reports.files.making import make
from reports.files.models import Export
from tests.journeys import truth
from tests.journeys.week import KATHMANDU, SAO_PAULO, World, params_of, week_of

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ("", "calls/", "agents/", "callbacks/", "campaigns/", "reports/query/")
# What a page, file or mail says of how many calls it counts or holds.
SAID = re.compile(r"([\d,]+)(?: of ([\d,]+))? calls? (?:mirrored|counted)")


@pytest.mark.parametrize("zone", [SAO_PAULO, KATHMANDU])
def test_a_week_has_one_number_of_calls_everywhere(world: World, zone: str) -> None:
    world.set_zone(zone)
    first, last = week_of(world)
    params = params_of(world, first, last)
    here, by_utc = ({call.id for call in truth.within(world.calls(), first, last, each)} for each in (zone, "UTC"))
    number = len(here)
    # The week holds what would tell another base apart: test calls, and calls whose UTC day is another one.
    assert here != by_utc
    started = [element["created_at"][:10] for element in world.box.world.calls.values() if element["is_testing"]]
    assert any(first.isoformat() <= day <= last.isoformat() for day in started)

    assert world.api(metrics="attempts", **params)["totals"]["attempts"]["value"] == number
    assert world.api(metrics="attempts", **params)["counted"] == number
    by_agent = world.api(metrics="attempts", by="agent", **params)["rows"]
    assert sum(row["cells"]["attempts"]["value"] for row in by_agent) == number
    assert len(api_list(world, params)) == number
    assert len(world.csv(**params)[0]) == number
    assert exported(world, params) == number
    assert float(world.page(**params).figures["attempts"].replace(",", "")) == number
    assert f"{number:,} calls" in text(world, "calls/", params)
    for path in PAGES:
        found = SAID.findall(text(world, path, params))
        assert {int(each.replace(",", "")) for pair in found for each in pair if each} <= {number}, path
    text_mail, html_mail = world.mail()
    for body in (text_mail.text, html_mail.said):
        assert {int(each.replace(",", "")) for found in SAID.findall(body) for each in found if each} == {number}


def text(world: World, path: str, params: dict[str, str]) -> str:
    answer = world.client.get(f"/t/{world.tenant.slug}/{path}", params, headers={"Accept-Language": "en"})
    assert answer.status_code == 200, path
    return " ".join(
        re.sub(r"<[^>]+>", " ", unescape(answer.content.decode())).replace("\N{NO-BREAK SPACE}", " ").split()
    )


def api_list(world: World, params: dict[str, str]) -> list[str]:
    """All pages of the API's list of calls."""
    ids: list[str] = []
    more = {**params, "page_size": "200"}
    while True:
        answer = world.client.get("/api/v1/calls/", more, headers={"Authorization": f"Bearer {world.key}"})
        page = json.loads(answer.content)
        ids += [row["id"] for row in page["results"]]
        if not page["next"]:
            return ids
        more = dict(re.findall(r"[?&]([a-z_]+)=([^&]*)", unescape(page["next"])))


def exported(world: World, params: dict[str, str]) -> int:
    """The rows of a workbook of the calls."""
    asked = {"what": "calls", "format": "xlsx", **params}
    headers = {"Authorization": f"Bearer {world.key}"}
    made = world.client.post("/api/v1/exports/", asked, content_type="application/json", headers=headers).json()
    with wall.tenant(world.tenant):
        make(Export.objects.get(public_id=made["id"]).pk)
    file = world.client.get(f"/api/v1/exports/{made['id']}/download/", headers=headers)
    book = python_calamine.load_workbook(io.BytesIO(b"".join(file.streaming_content)))
    _heads, *rows = book.get_sheet_by_index(0).to_python()
    return len([row for row in rows if any(row)])
