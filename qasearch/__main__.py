"""``python -m qasearch`` is ``qasearch``."""

import sys

from qasearch.cli import main

if __name__ == "__main__":
    sys.exit(main())
