"""The variables of every role, from its argument_specs and defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lab.paths import ROOT

_ROLES = ROOT / "roles"
_ABOUT = """\
# Roles

Each variable with its type and, where it has one, its default. `{{ ... }}` is worked out for each host. Set them in the
inventory, as [deploying](../deploying.md) says; a value of another type stops the play before anything changes.
"""

Spec = dict[str, Any]
"""An entry point or an option, as argument_specs has it."""


def page() -> str:
    """The page of all roles, by name."""
    roles = sorted(_ROLES.iterdir())
    contents = " · ".join(f"[{role.name}](#{role.name})" for role in roles) + "\n"
    return "\n".join([_ABOUT, contents, *(section(role) for role in roles)])


def section(role: Path) -> str:
    """What one role does and takes.

    Raises:
        OSError: it has no argument_specs.
    """
    entries = _read(role / "meta" / "argument_specs.yml")["argument_specs"]
    file = role / "defaults" / "main.yml"
    defaults = _read(file) if file.exists() else {}
    return f"## {role.name}\n\n" + "\n".join(_entry(name, spec, defaults) for name, spec in entries.items())


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


def _entry(name: str, spec: Spec, defaults: dict[str, Any]) -> str:
    """What is known of an entry point; another than `main` is one that other roles include."""
    heading = "" if name == "main" else f"### tasks/{name}.yml\n\n"
    about = "\n\n".join([f"{spec['short_description']}.", *_paragraphs(spec.get("description", []))])
    options = "\n".join(_options(spec["options"], defaults))
    return f"{heading}{about}\n\n{options}\n"


def _options(options: dict[str, Spec], defaults: dict[str, Any], indent: str = "") -> Iterator[str]:
    """A line for each option, and below it those that its value is made of."""
    for name, option in options.items():
        facts = ", ".join(_facts(option, defaults.get(name)))
        yield f"{indent}- `{name}` ({facts}): {' '.join(_paragraphs(option['description']))}"
        yield from _options(option.get("options", {}), {}, indent + "  ")


def _facts(option: Spec, default: Any) -> Iterator[str]:  # noqa: ANN401 - any value
    """The type; then whether it has to be set, or what it is where nobody sets it."""
    yield f"list of {option['elements']}" if "elements" in option else str(option["type"])
    if "choices" in option:
        yield "one of " + ", ".join(f"`{choice}`" for choice in option["choices"])
    if option.get("no_log"):
        yield "secret"
    if option.get("required"):
        yield "required"
    elif (value := option.get("default", default)) is not None:
        yield f"default `{_as_yaml(value)}`"


def _as_yaml(value: Any) -> str:  # noqa: ANN401 - any value
    """A value on one line, as one would write it into an inventory; an expression without its quotes."""
    if isinstance(value, str) and value:
        return " ".join(value.split())
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True)
    return text.removesuffix("...\n").strip()


def _paragraphs(description: str | list[str]) -> list[str]:
    """Descriptions as Markdown: Ansible writes C(code) and P(role#role)."""
    texts = [description] if isinstance(description, str) else description
    return [re.sub(r"\b[CP]\(([^)#]*)(?:#role)?\)", r"`\1`", text) for text in texts]
