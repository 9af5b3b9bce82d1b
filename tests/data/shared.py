"""Real data that may be beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARED = Path(__file__).parents[3] / "shared" / "data"


def real(name: str) -> Path:
    """Returns a file of real data, or skips the test and says why."""
    path = _SHARED / name
    if not path.exists():
        pytest.skip(f"../shared/data/{name} is not here: real data are not part of the repository")
    return path
