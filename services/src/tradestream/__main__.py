"""`python -m tradestream` is the same as the console script."""

import sys

from tradestream.cli import main

sys.exit(main())
