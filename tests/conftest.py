"""What all tests rely on, wherever they are started."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# How long an example takes, to make or to try, is up to what else the machine does.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# What a shell's `&` has the tests ignore, the programs that they start would ignore too.
signal.signal(signal.SIGINT, signal.default_int_handler)
