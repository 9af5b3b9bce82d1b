"""Fetches what the hosts need, holds it against the digests in the repository, and packs it into bundles."""
