"""Coinbase Exchange: the feed at `/` and REST at `/products`."""
