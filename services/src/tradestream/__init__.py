"""Trades from an exchange through Kafka and Spark to candles."""

__version__ = "0.1.0"
