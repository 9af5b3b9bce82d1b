"""Asking what the Spark job has stored: candles, SQL, and whether all of it is there."""
