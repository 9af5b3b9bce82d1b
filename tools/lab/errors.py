"""What goes wrong in the lab in a way that its user can do something about."""

from __future__ import annotations


class LabError(Exception):
    """Said to the user as it is, without a traceback: what is wrong, where, and what to do."""


class UsageError(LabError):
    """What was asked for is wrong in itself: nothing was touched."""
