"""``python -m seatserver`` is the same as ``seatserver``."""

from seatserver.cli import main

raise SystemExit(main())
