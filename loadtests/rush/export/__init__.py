"""The same scenario for those who have their own tools: a Locust file and a k6 script, made of templates.

Both get the schedule itself, so the same people come at the same moments. They do less than the lab: no corrected
latencies, no maps that are compared, no oracle. What they share with it is the crowd.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from loadtests.rush.scenario import Scenario
from loadtests.rush.schedule import schedule

Tool = Literal["locust", "k6"]
FOLDER = Path(__file__).parent
TEMPLATES: dict[Tool, str] = {"locust": "locustfile.py.template", "k6": "k6.template.js"}
FILES: dict[Tool, str] = {"locust": "locustfile.py", "k6": "k6.js"}
PLAN = "__PLAN__"
THOUGHTS = 4
"""Times to think that each person gets; whoever needs more begins again."""


def script(tool: Tool, scenario: Scenario, *, seed: int, count: int | None = None) -> str:
    """The whole file for a tool."""
    template = (FOLDER / TEMPLATES[tool]).read_text(encoding="utf-8")
    # As a JSON text in quotes, which Python and JavaScript read alike.
    plan = json.dumps(json.dumps(_plan(scenario, seed, count), separators=(",", ":")), ensure_ascii=True)
    return template.replace(f'"{PLAN}"', plan)


def _plan(scenario: Scenario, seed: int, count: int | None) -> dict[str, Any]:
    plans = schedule(scenario, seed=seed, count=count)
    return {
        "title": scenario.title,
        "question": scenario.question,
        "seconds": scenario.seconds,
        "tries": scenario.habits.tries,
        "people": [
            {
                "kind": plan.kind,
                "showtime": plan.showtime,
                "arrives": round(plan.arrives, 3),
                "thinks": [round(plan.thinks_before(step), 3) for step in range(THOUGHTS)],
                "party": plan.party,
                "ends": plan.ends,
            }
            for plan in plans
        ],
    }
