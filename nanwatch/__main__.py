"""``python -m nanwatch``."""

from nanwatch.cli.main import main

if __name__ == "__main__":
    main(prog_name="nanwatch")
