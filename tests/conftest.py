"""How properties are tested."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long an example takes, to make or to try, is up to what else the machine does.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
