"""Files of the repository that are made of others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def rewrite(folder: Path, files: Mapping[str, str]) -> None:
    """Write each file of a folder that holds nothing else, by its name, and take away those that are no more."""
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
