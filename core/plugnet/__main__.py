"""``python -m plugnet``: the command line."""

import sys

from plugnet.cli import main

sys.exit(main())
