"""The console script, and `python -m tradestream`, which is the same."""

import signal
import sys

# Until a command has something to undo, Ctrl-C just ends it: an exception among imports prints a trace, or gets lost.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from tradestream.cli import main

if __name__ == "__main__":
    sys.exit(main())
