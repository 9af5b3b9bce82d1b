"""The reference as files."""

from __future__ import annotations

from reference import commands, roles

_GENERATED = "<!-- Made by `./lab reference`: change what it is made of, and run that again. -->\n\n"


def files() -> dict[str, str]:
    """The text of each file, by its name."""
    return {"roles.md": _GENERATED + roles.page(), "cli.md": _GENERATED + commands.page()}
