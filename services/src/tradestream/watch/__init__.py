"""`tradestream watch`: the market and the pipeline in a terminal, out of Kafka alone."""
