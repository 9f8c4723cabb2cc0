"""`python -m workings`."""

import sys

from workings.cli.main import main

sys.exit(main())
