"""The one exception of this package."""

from __future__ import annotations


class ArtifactError(Exception):
    """Something fetched is not what the repository says; the message names the file and what to do."""
