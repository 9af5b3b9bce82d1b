"""How properties are tested."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes is up to what else the machine does.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
