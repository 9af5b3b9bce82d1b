"""The broker of the integration tests serves here too."""

from __future__ import annotations

from integration.conftest import kafka

__all__ = ["kafka"]
