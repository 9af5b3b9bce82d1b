"""The page of pictures: it shows those that there are, and no other is kept."""

from __future__ import annotations

from pathlib import Path

from lab import screenshots


def test_the_page_is_that_of_the_pictures_that_are_kept() -> None:
    assert screenshots.PAGE.read_text() == screenshots.page(screenshots.FOLDER)


def test_no_picture_is_kept_that_no_page_shows() -> None:
    page = screenshots.PAGE.read_text()
    kept = screenshots.FOLDER.iterdir() if screenshots.FOLDER.exists() else []
    assert [path.name for path in kept if f"images/{path.name})" not in page] == []


def test_a_picture_that_was_not_taken_has_no_place_in_the_page(tmp_path: Path) -> None:
    (tmp_path / "alerts.png").touch()
    page = screenshots.page(tmp_path)
    assert "![Prometheus: alerts; only Watchdog may fire](images/alerts.png)" in page
    assert page.count("![") == 1
