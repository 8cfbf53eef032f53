"""``python -m nanwatch``."""

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:  # in the place of the working folder, which may hold a click.py
        sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    from nanwatch.cli.main import main

    main(prog_name="nanwatch")
