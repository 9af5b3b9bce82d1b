"""The simulator: an exchange that speaks as Binance, Coinbase and Kraken do, so that clients cannot tell."""
