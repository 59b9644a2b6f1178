"""``python -m loadtests NAME``: one load test by name; each prints a table and, with ``--json``, one JSON object."""

from __future__ import annotations

import argparse

from loadtests import rush


def main() -> int:
    """Parse the command line and run one load test."""
    parser = argparse.ArgumentParser(prog="python -m loadtests", description=__doc__)
    tests = parser.add_subparsers(required=True, metavar="NAME")
    rush.add(tests)
    args = parser.parse_args()
    result: int = args.run(args)
    return result


if __name__ == "__main__":
    raise SystemExit(main())
