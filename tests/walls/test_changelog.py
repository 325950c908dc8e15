"""What is new is told in both languages: each change of the changelog stands in the Portuguese one, under its mark."""

import re

from reports.web.help.news import CHANGELOG, TRANSLATED, mark_of, points, releases, translated


def test_every_change_is_told_in_portuguese() -> None:
    said = translated("pt-br")
    lacks = [point for point in points(CHANGELOG.read_text(encoding="utf-8")) if mark_of(point) not in said]
    words = "\n".join(f"- … <!-- {mark_of(point)} -->\n  is to say: {point}" for point in lacks)
    assert not lacks, f"{TRANSLATED['pt-br'].name} lacks:\n{words}"


def test_nothing_is_told_that_the_changelog_no_longer_says() -> None:
    marks = {mark_of(point) for point in points(CHANGELOG.read_text(encoding="utf-8"))}
    left = {mark: text for mark, text in translated("pt-br").items() if mark not in marks}
    assert not left, f"{TRANSLATED['pt-br'].name} still has: {left}"


def test_both_have_the_same_versions() -> None:
    versions = [
        re.findall(r"^## .*", path.read_text(encoding="utf-8"), re.M) for path in (CHANGELOG, TRANSLATED["pt-br"])
    ]
    assert versions[0] == versions[1]


def test_the_help_page_tells_them_in_the_readers_language() -> None:
    assert {told.language for release in releases("pt-br") for told in release.changes + release.further} == {"pt-br"}
    assert {told.language for release in releases() for told in release.changes + release.further} == {"en"}


def test_no_change_is_left_out_of_the_help_page() -> None:
    told = [change for release in releases("en", most=100) for change in (*release.changes, *release.further)]
    assert len(told) == len(list(points(CHANGELOG.read_text(encoding="utf-8"))))
    assert any(release.further for release in releases())
