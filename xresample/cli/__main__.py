"""Run the command line with ``python -m xresample.cli``."""

from __future__ import annotations

import sys

from .main import main

sys.exit(main())
