"""`python -m lab`: what `./lab` runs once the Python environment is there."""

import sys

from lab.cli import main

sys.exit(main())
