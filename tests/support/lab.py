"""All that the tests borrow from the load lab: processes, plain halls, meters, and the hall in a browser.

The lab imports nothing of the tests. Apart from tests of the lab itself, this is the only module of theirs that imports
the lab (`tests/unit/test_borrowing.py`).
"""

from __future__ import annotations

from loadtests.children import Running, running
from loadtests.drawing import ACTIVITIES, MEASURE
from loadtests.hall_page import ARGUMENTS, BROWSERS, new_page, open_hall
from loadtests.installation import CATEGORY, hall
from loadtests.meters import cpu_s, rss_kib
from loadtests.seating import plain_hall

__all__ = [
    "ACTIVITIES",
    "ARGUMENTS",
    "BROWSERS",
    "CATEGORY",
    "MEASURE",
    "Running",
    "cpu_s",
    "hall",
    "new_page",
    "open_hall",
    "plain_hall",
    "rss_kib",
    "running",
]
