"""A small web page of what Kafka holds: read-only, and never more than a bounded amount of it."""
