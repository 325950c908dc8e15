"""Where parts of a page stand: what is looked for first comes first on a telephone, and what is one line is one."""

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.browser.conftest import NARROW, WIDE

pytestmark = [pytest.mark.browser, pytest.mark.looks, pytest.mark.django_db]
SMALL = {"width": 320, "height": 640}
LANGUAGES = pytest.mark.parametrize("language", ["en", "pt-br"])


def box(page: Any, selector: str) -> dict[str, float]:
    return page.locator(selector).first.bounding_box()


def in_order(page: Any, *selectors: str) -> bool:
    tops = [box(page, selector)["y"] for selector in selectors]
    return tops == sorted(tops)


def first_call(page: Any) -> None:
    page.locator("table.calls tbody a[href*='/calls/']").first.click()
    page.wait_for_selector("#facts-title")


@LANGUAGES
def test_the_overview_of_a_telephone_has_short_lists_before_the_long_table(visit, language) -> None:
    page = visit.open("?period=last_7_days", language, viewport=NARROW)
    assert in_order(page, "#trend", "#movers", ".figures", "#hours")
    lists = page.locator(".movers > div")
    rows = [lists.nth(place).locator("tbody tr:visible").count() for place in range(lists.count())]
    assert rows
    assert max(rows) == 3
    hidden = page.locator("#by-agent tbody tr").count() - 3
    if hidden > 0:
        assert any(sign.isdigit() for sign in lists.first.locator(".all").inner_text())
    page.set_viewport_size(WIDE)
    assert in_order(page, "#trend", "#movers", ".figures")
    assert page.locator("#by-agent tbody tr:visible").count() > 3


def test_a_list_without_a_rate_is_left_out_on_a_telephone(visit, town) -> None:
    sunday = town.box.now.date() - timedelta(days=town.box.now.isoweekday())  # a day with next to no calls
    shown = []
    for period in ("period=last_7_days", f"period=custom&date_from={sunday}&date_to={sunday}"):
        page = visit.open(f"?{period}", viewport=NARROW)
        for part in page.locator(".movers > div").all():
            figures = part.locator("tbody td").all_text_contents()
            assert part.is_visible() == any(
                re.search(r"\d\s%", figure) for figure in figures if "n too small" not in figure
            )
            shown.append(part.is_visible())
    assert set(shown) == {True, False}


def test_a_call_on_a_telephone_has_remarks_before_raw_data(visit) -> None:
    page = visit.open("calls/?outcome=connected", viewport=NARROW)
    first_call(page)
    assert in_order(page, "#facts-title", ".call-main", "#flags", "#notes", "#contact", "#history", "#raw")
    folded = page.locator(".call-fold")
    assert folded.count() == 2
    assert not folded.first.locator("dd").first.is_visible()
    folded.first.locator("summary").click()
    assert folded.first.locator("dd").first.is_visible()
    above = page.locator("a[rel=prev]")
    assert above.inner_text().strip() == "Call above"
    assert above.bounding_box()["width"] < 60
    assert box(page, "h1 bdi")["height"] < 40


def test_a_call_on_a_wide_screen_folds_nothing_and_tears_nothing(visit, town) -> None:
    page = visit.open("calls/", viewport=WIDE)
    environments = page.request.get(f"{town.url}/api/v1/environments/").json()["results"]
    talks = next(each["id"] for each in environments if each["provider"] == "originsai")
    visit.goto(page, f"calls/?outcome=connected&environment={talks}")
    first_call(page)
    assert page.locator(".call:not(.brief)").count() == 1
    assert page.locator(".call-fold code").first.is_visible()
    assert not page.locator(".call-fold summary").first.is_visible()
    facts, side = box(page, ".call-facts"), box(page, ".call-side")
    main, rest = box(page, ".call-main"), box(page, ".call-rest")
    assert side["y"] == facts["y"] + facts["height"]
    assert rest["y"] <= max(main["y"] + main["height"], side["y"])


@LANGUAGES
def test_nothing_that_unfolds_leans_out_of_a_small_telephone(visit, language) -> None:
    page = visit.open("keys/", language, viewport=SMALL)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    page.locator(".pages-menu summary").click()
    assert page.evaluate(fits)
    page.locator(".pages-menu summary").click()
    page.fill("#name", "warehouse")
    page.locator(".mail-form button.main").click()
    page.locator(".issued .narrowing summary").click()
    assert page.locator(".issued pre").is_visible()
    assert page.evaluate(fits)


@LANGUAGES
def test_the_agents_of_a_telephone_fit_and_keep_their_names(visit, language) -> None:
    page = visit.open("agents/?period=yesterday", language, viewport=NARROW)
    assert page.locator("#agents .wide").evaluate("(part) => part.scrollWidth <= part.clientWidth")
    assert page.locator("#agents tbody th").first.evaluate("(cell) => getComputedStyle(cell).position") == "sticky"
    assert page.locator("#agents .sign-told").is_visible() == (page.locator("#agents .sign:visible").count() > 0)


def test_the_last_column_of_a_report_keeps_off_the_edge(visit) -> None:
    page = visit.open("reports/query/?metrics=attempts,connect_rate&by=agent&columns=full", viewport=NARROW)
    for part in ("thead tr:last-child > th:visible", "tbody tr:nth-child(2) > td:visible"):
        cell = page.locator(f"table.report {part}").last
        assert cell.evaluate("(cell) => getComputedStyle(cell).paddingRight") == "16px"


@LANGUAGES
def test_a_report_of_a_telephone_shows_a_figure_beside_long_names(visit, language) -> None:
    page = visit.open("reports/query/?metrics=attempts,connect_rate&by=week,agent", language, viewport=NARROW)
    for figure in page.locator("table.report tbody td[data-metric=attempts] data").all():
        edge = figure.bounding_box()
        assert edge["x"] + edge["width"] <= NARROW["width"] - 16


@LANGUAGES
@pytest.mark.parametrize("path", ["exports/", "", "?period=custom&date_from=2026-01-01&date_to=2026-01-05", "calls/"])
def test_fields_of_a_telephone_fill_their_lines(visit, language, path) -> None:
    """No field leans out of the page, and none stands alone beside a hole."""
    page = visit.open(path, language, viewport=NARROW)
    for fold in page.locator(".fold > summary").all():
        fold.click()
    form = page.locator("form.filters, form.export-form").first
    form.evaluate(
        "(form) => { for (const field of form.querySelectorAll('select')) field.add(new Option('n'.repeat(60))); }"
    )
    inside = form.bounding_box()
    right = (
        inside["x"]
        + inside["width"]
        - float(form.evaluate("(form) => parseFloat(getComputedStyle(form).paddingRight)"))
    )
    ends: dict[float, float] = {}
    for field in form.locator(".field:visible").all():
        edges = [field.bounding_box(), *(part.bounding_box() for part in field.locator("input, select").all())]
        for edge in edges:
            assert edge is None or edge["x"] + edge["width"] <= right + 0.5
        line = round(edges[0]["y"])
        ends[line] = max(ends.get(line, 0), edges[0]["x"] + edges[0]["width"])
    assert len({round(end) for end in ends.values()}) == 1


@LANGUAGES
def test_the_first_figure_of_a_telephone_stands_above_the_fold(visit, language) -> None:
    page = visit.open("?period=last_7_days", language, viewport=SMALL)
    figure = box(page, ".lead .value")
    assert figure["y"] + figure["height"] <= SMALL["height"]
    page.set_viewport_size(WIDE)
    assert page.locator("#period").is_visible()
    assert not page.locator(".fold > summary").is_visible()


def test_an_answer_is_scrolled_with_its_page(visit) -> None:
    page = visit.open("reports/query/?metrics=attempts&by=day,agent&period=last_30_days", viewport=WIDE)
    answer = page.locator(".wide.tall")
    assert answer.evaluate("(part) => part.scrollHeight <= part.clientHeight + 1")
    page.locator("table.report tbody tr").last.scroll_into_view_if_needed()
    assert 0 <= box(page, "table.report thead")["y"] < 2
    page.evaluate("scrollTo(0, 0)")
    page.locator(".question > summary").click()
    button = box(page, ".question .go .button")
    assert button["y"] + button["height"] <= WIDE["height"]


def test_fields_of_a_wide_screen_stand_in_one_line(visit) -> None:
    page = visit.open("?period=custom&date_from=2026-01-01&date_to=2026-01-05", viewport=WIDE)
    assert box(page, "#date_from")["height"] == box(page, "#period")["height"]
    assert box(page, "#date_from")["y"] == box(page, "#period")["y"]


@LANGUAGES
@pytest.mark.parametrize("path", ["", "callbacks/"])
def test_main_figures_stand_in_one_line(visit, language, path) -> None:
    page = visit.open(path, language, viewport=WIDE)
    figures = page.locator(".lead .value").all()
    assert len(figures) == 6
    assert len({figure.bounding_box()["y"] for figure in figures}) == 1


def test_the_tiles_of_a_contact_leave_no_hole(visit) -> None:
    page = visit.open("callbacks/", viewport=NARROW)
    page.locator("main a[href*='/contacts/']").first.click()
    page.wait_for_selector(".lead.five")
    tiles, last = box(page, ".lead"), box(page, ".lead > :last-child")
    assert last["width"] == tiles["width"]


def test_the_order_of_calls_opens_on_a_phone_and_closes_by_escape(visit) -> None:
    """It stands in no form; what a script says of that fails the visit."""
    page = visit.open("calls/", viewport=NARROW)
    menu = page.locator("details.narrow-only")
    menu.locator("summary").click()
    assert menu.get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    menu.locator("summary").click()
    menu.locator("a").nth(1).click()
    page.wait_for_url("**ordering=**")


@LANGUAGES
def test_who_still_waits_is_told_within_a_small_telephone(visit, language) -> None:
    page = visit.open("callbacks/", language, viewport=SMALL)
    page.locator("main a[href*='/contacts/']").first.click()
    page.wait_for_selector(".waits .mark")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [SMALL, {"width": 360, "height": 640}])
def test_a_file_for_excel_in_portuguese_is_listed_within_a_telephone(visit, size) -> None:
    page = visit.open("exports/", "pt-br", viewport=size)
    page.locator("input[name=format][value=csv]").check()
    page.locator("#dialect").select_option("excel-pt")
    with page.expect_navigation():
        page.locator("form.export-form button.main").click()
    assert page.locator(".jobs .tag", has_text="ponto e vírgula").first.is_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


@LANGUAGES
@pytest.mark.parametrize("size", [NARROW, WIDE])
@pytest.mark.parametrize("more", ["", "&compare=none"])
def test_the_name_of_a_figure_stands_over_it(visit, language, size, more) -> None:
    """Also where a telephone leaves columns out: each name begins where its values do."""
    page = visit.open(
        f"reports/query/?metrics=attempts,connect_rate,average_duration&by=agent&columns=full{more}",
        language,
        viewport=size,
    )
    names = page.locator("table.report thead tr:first-child > .metric:visible").all()
    values = page.locator("table.report tbody tr").nth(1).locator("td[data-metric]").all()
    assert len(names) == len(values) == 3
    for name, value in zip(names, values, strict=True):
        assert name.bounding_box()["x"] == value.bounding_box()["x"]


@LANGUAGES
@pytest.mark.parametrize("path", ["mail/new/", "alerts/new/", "exports/scheduled/new/", "exports/destinations/new/"])
def test_forms_of_a_telephone_show_what_is_chosen_and_fill_their_lines(visit, language, path) -> None:
    page = visit.open(path, language, viewport={"width": 360, "height": 640})
    for line in page.locator(".mail-form > .pieces").all():
        edge, ends = line.bounding_box(), {}
        for field in line.locator("> .field:visible").all():
            part = field.bounding_box()
            ends[round(part["y"] + part["height"])] = round(part["x"] + part["width"])
        assert set(ends.values()) <= {round(edge["x"] + edge["width"])}, ends
        assert page.evaluate(
            """(line) => [...line.querySelectorAll("select")].filter((list) => list.offsetParent).every((list) => {
              const whole = list.cloneNode(true);
              whole.style.cssText = "position: absolute; width: max-content";
              list.after(whole);
              const fits = whole.offsetWidth <= list.offsetWidth + 1 || list.offsetWidth >= line.clientWidth - 1;
              whole.remove();
              return fits;
            })""",
            line.element_handle(),
        )


@pytest.mark.parametrize("path", ["mail/", "reports/links/"])
def test_rows_of_a_list_stand_in_line_whether_or_not_they_can_be_pressed(visit, path) -> None:
    page = visit.open(path, viewport=WIDE)
    rows = page.locator(".deliveries > li, .links > li")
    buttons = [rows.nth(place).locator("button").count() for place in range(rows.count())]
    assert 0 in buttons
    assert any(buttons)
    assert len({rows.nth(place).locator("> *").nth(1).bounding_box()["x"] for place in range(rows.count())}) == 1


def test_shared_reports_and_boards_are_told_in_their_gender(visit) -> None:
    page = visit.open("reports/")  # whose reports these are
    page.get_by_role("button", name="Português").click()
    page.wait_for_selector("html[lang=pt-br]")
    told = page.locator(".catalogue .quiet", has_text="compartilhad").all_inner_texts()
    assert told
    assert all("compartilhada" not in words for words in told)
