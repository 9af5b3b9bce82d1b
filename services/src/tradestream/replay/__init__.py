"""Dumps of trades straight into Kafka, in the order in which they were recorded."""
