"""The producer: exchange, gap check, Kafka; each its own module."""
