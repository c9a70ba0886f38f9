"""``python -m cmgsd_lite``."""

import sys

from cmgsd_lite.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
