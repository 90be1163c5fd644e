"""Entry point: ``fluenzr`` and ``python -m fluenzr_smtp``."""

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    from fluenzr_smtp.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
