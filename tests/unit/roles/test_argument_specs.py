"""Each role's reference is its argument_specs: every option is in it, with the default that counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).parents[3] / "roles"


def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text()) or {} if path.exists() else {}


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir()))
def test_defaults_are_as_documented(role: str) -> None:
    defaults = _read(ROLES / role / "defaults" / "main.yml")
    entry_points = _read(ROLES / role / "meta" / "argument_specs.yml")["argument_specs"]
    options = entry_points["main"]["options"]
    elsewhere = {name for entry, spec in entry_points.items() if entry != "main" for name in spec["options"]}
    required = {name for name, option in options.items() if option.get("required")}
    assert set(options) - required <= set(defaults) <= set(options) | elsewhere
    computed = {name for name, value in defaults.items() if "{{" in str(value)}
    documented = {name: option["default"] for name, option in options.items() if "default" in option}
    assert documented == {name: defaults[name] for name in set(options) - required - computed if name in defaults}
