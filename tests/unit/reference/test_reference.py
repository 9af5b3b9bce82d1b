"""The reference is what roles and commands say of themselves, whoever writes it and wherever."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lab.reference import FOLDER
from reference import roles
from reference.files import files

_ROLES = Path(__file__).parents[3] / "roles"


def test_what_is_there_is_what_roles_and_commands_say() -> None:
    """After a change of either `./lab reference` writes it anew."""
    assert {path.name: path.read_bytes() for path in FOLDER.iterdir()} == {
        name: text.encode() for name, text in files().items()
    }


@pytest.mark.parametrize(("variable", "value"), [("COLUMNS", "40"), ("COLUMNS", "400"), ("LAB_INSTANCE", "second")])
def test_it_depends_on_no_terminal_and_no_instance(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(variable, raising=False)
    before = files()
    monkeypatch.setenv(variable, value)
    assert files() == before


def test_every_role_has_a_section() -> None:
    assert {line.removeprefix("## ") for line in files()["roles.md"].splitlines() if line.startswith("## ")} == {
        path.name for path in _ROLES.iterdir()
    }


def test_commands_below_commands_have_sections() -> None:
    lines = files()["cli.md"].splitlines()
    for command in ("tradestream", "tradestream repair", "./lab", "./lab up", "./lab bench producer"):
        assert [line for line in lines if line.lstrip("#") == f" {command}"], command


def _role(folder: Path, options: str, defaults: str = "") -> str:
    for name, text in {
        "meta/argument_specs.yml": f"argument_specs: {{main: {{short_description: It, options: {options}}}}}",
        "defaults/main.yml": defaults,
    }.items():
        if text:
            (folder / name).parent.mkdir()
            (folder / name).write_text(text)
    return roles.section(folder)


@pytest.mark.parametrize(
    ("option", "defaults", "line"),
    [
        ("{type: str, default: x, description: It.}", "", "(str, default `x`): It."),
        ("{type: str, description: It.}", "a: x", "(str, default `x`): It."),
        ("{type: str, description: It.}", "", "(str): It."),
        ("{type: str, default: '', description: It.}", "", "(str, default `''`): It."),
        ("{type: bool, default: false, description: It.}", "", "(bool, default `false`): It."),
        ("{type: int, required: true, description: It.}", "a: 1", "(int, required): It."),
        ("{type: str, no_log: true, description: It.}", "", "(str, secret): It."),
        ("{type: str, choices: [x, y], description: It.}", "", "(str, one of `x`, `y`): It."),
        ("{type: list, elements: int, default: [1, 2], description: It.}", "", "(list of int, default `[1, 2]`): It."),
        ("{type: str, description: It.}", "a: >-\n  {{ b\n     if c }}", "(str, default `{{ b if c }}`): It."),
        ("{type: str, description: [Of C(b).  , 'See P(c#role).']}", "", "(str): Of `b`. See `c`."),
    ],
)
def test_a_variable_is_told_on_a_line(option: str, defaults: str, line: str, tmp_path: Path) -> None:
    assert f"- `a` {line}\n" in _role(tmp_path, f"{{a: {option}}}", defaults)


def test_what_a_value_is_made_of_is_told_below_it(tmp_path: Path) -> None:
    inner = "{type: int, required: true, description: Its number.}"
    text = _role(tmp_path, f"{{a: {{type: list, elements: dict, description: It., options: {{b: {inner}}}}}}}")
    assert text.endswith("- `a` (list of dict): It.\n  - `b` (int, required): Its number.\n")


def test_every_variable_of_every_role_is_there() -> None:
    text = files()["roles.md"]
    for path in _ROLES.glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            for name in entry["options"]:
                assert f"\n- `{name}` (" in text, name
