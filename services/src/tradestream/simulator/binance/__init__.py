"""Binance spot: `/ws`, `/stream` and `/api/v3`."""
