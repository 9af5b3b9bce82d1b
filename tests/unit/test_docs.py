"""What the documentation names is there: pages, headings, commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reference.files import files

_ROOT = Path(__file__).parents[2]
_PAGES = [_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", *sorted((_ROOT / "docs").rglob("*.md"))]
_COMMANDS = set(re.findall(r"^### (.+)$", files()["cli.md"], re.MULTILINE))
_COMMAND = re.compile(r"(?<![\w/.-])(tradestream|\./lab(?: --instance \w+)?) ([a-z][a-z-]*)(?![\w(/.-])")
_CODE = re.compile(r"^```.*?^```|^    .*?$|`[^`\n]+`", re.DOTALL | re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """What a link may name in a page, as GitHub makes it of headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_its_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def _commands(text: str) -> set[str]:
    """The commands in a page's code, each as its first two words."""
    found = [match for code in _CODE.findall(text) for match in _COMMAND.findall(code)]
    return {f"{program.split()[0]} {word}" for program, word in found}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_its_commands_exist(page: Path) -> None:
    assert _commands(page.read_text(encoding="utf-8")) - _COMMANDS == set()


def test_a_command_is_found_in_every_kind_of_code() -> None:
    text = "run `tradestream one` or `./lab two -f`\n\n    tradestream three\n\n```\n./lab --instance x four\n```\n"
    assert _commands(text) == {"tradestream one", "./lab two", "tradestream three", "./lab four"}


def test_every_page_is_reached_from_the_readme() -> None:
    reached, ahead = set(), [_ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page.suffix != ".md" or page in reached:
            continue
        reached.add(page)
        ahead += [
            (page.parent / path).resolve() for path in re.findall(r"\]\(([^)#:\s]+)", page.read_text(encoding="utf-8"))
        ]
    assert reached >= set(_PAGES)
