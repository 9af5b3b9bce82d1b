"""Kraken: WebSocket v2 at `/v2` and REST at `/0/public`."""
