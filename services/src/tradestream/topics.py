"""The names of the topics, unless a configuration or an option gives others."""

TRADES = "streaming-events"
DEAD_LETTERS = "streaming-events-dlq"
CANDLES = "candles"
SIGNALS = "signals"
