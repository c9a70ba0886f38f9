"""``python -m cmgsd_lite``."""

import sys

from cmgsd_lite.cli.stopping import Stoppable

if __name__ == "__main__":
    with Stoppable("cmgsd_lite: stopped", program=True):
        from cmgsd_lite.cli.main import main

        code = main()
    sys.exit(code)
