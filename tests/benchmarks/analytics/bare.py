"""The limit: messages of the topic through `from_json`, and nothing done with what comes out."""

from __future__ import annotations

from benchmarks.analytics.sketch import parsed, run

if __name__ == "__main__":
    run(lambda messages, _: {"parsed": parsed(messages).writeStream.format("noop")})
