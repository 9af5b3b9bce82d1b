"""The simulator: an exchange that speaks Binance's WebSocket and REST, so that clients cannot tell."""
