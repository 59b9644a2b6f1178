"""Frames per second of the drawn hall in a browser, while seats change and while the hall is moved and zoomed.

It runs in headless Chromium without a graphics card, so the processor draws every pixel: a worst case that no visitor
has, on a machine that also runs the test. There is no server; a hall of 12,000 seats gets 100 changed seats a second,
as it would from a feed. For each activity, over a few hundred frames, it reports the milliseconds between two frames
(16.7 for a screen's 60 a second; a multiple means dropped frames), the milliseconds of script in each, and the CPU
milliseconds per frame on the page's own thread, which do not depend on what else the machine is doing.
"""

from __future__ import annotations

import argparse
import shutil
from typing import TYPE_CHECKING, Any

from loadtests import report
from loadtests.hall_page import ARGUMENTS, BROWSERS, new_page, open_hall
from loadtests.meters import percentile
from loadtests.seating import plain_hall
from seatserver.errors import StartError

if TYPE_CHECKING:  # only who runs it needs Playwright
    from playwright.sync_api import CDPSession

SEATS = 12_000
CHANGES_PER_S = 100
ACTIVITIES = {
    "looking at all of it": "look",
    "zooming in and out": "zoom",
    "moving it, half as near": "move",
    "moving it, near enough to pick": "move near",
}

MEASURE = """async ({ activity, frames, rate }) => {
  const canvas = document.getElementById("host").shadowRoot.querySelector("canvas");
  const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const box = canvas.getBoundingClientRect();
  const middle = [box.left + box.width / 2, box.top + box.height / 2];
  const point = (type, dx, dy) =>
    canvas.dispatchEvent(
      new PointerEvent(type, {
        ...{ pointerId: 1, pointerType: "touch", button: 0 },
        ...{ clientX: middle[0] + dx, clientY: middle[1] + dy },
      }),
    );
  const wheel = (deltaY) =>
    canvas.dispatchEvent(
      new WheelEvent("wheel", { deltaY, ctrlKey: true, cancelable: true, clientX: middle[0], clientY: middle[1] }),
    );
  canvas.setPointerCapture = () => {}; // of a pointer that is none
  window.stage.fit();
  await rest(600);
  for (let step = { move: 2, "move near": 5 }[activity] ?? 0; step > 0; step--) {
    window.stage.zoomIn();
    await rest(400);
  }
  await rest(400);

  const looks = ["free", "held", "sold", "mine"];
  const any = (count) => Math.floor(Math.random() * count);
  let due = 0;
  const [between, script] = [[], []];
  const request = window.requestAnimationFrame;
  let own = 0;
  window.requestAnimationFrame = (act) =>
    request.call(window, (now) => {
      const since = performance.now();
      act(now);
      own += performance.now() - since;
    });
  if (activity.startsWith("move")) point("pointerdown", 0, 0);
  let before = await new Promise((resolve) => request.call(window, resolve));
  for (let frame = 1; frame <= frames; frame++) {
    const now = await new Promise((resolve) => request.call(window, resolve));
    if (frame > 1) {
      between.push(now - before);
      script.push(own);
    }
    due += (rate * (now - before)) / 1000;
    before = now;
    own = 0;
    const changes = Array.from({ length: Math.floor(due) }, () => [any(window.looks.length), looks[any(4)]]);
    due -= changes.length;
    if (changes.length > 0) window.change(changes);
    if (activity === "zoom") wheel(-12 * Math.cos(frame / 30));
    if (activity.startsWith("move")) point("pointermove", 300 * Math.sin(frame / 20), 200 * Math.sin(frame / 27));
  }
  if (activity.startsWith("move")) point("pointercancel", 0, 0);
  window.requestAnimationFrame = request;
  return { between, script };
}"""


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("frames", help="the drawn hall in a browser: frames while it changes and moves")
    parser.add_argument("--seats", type=report.at_least(8), default=SEATS, help="of the hall (default 12000)")
    parser.add_argument("--frames", type=report.at_least(10), default=300, help="for each activity (default 300)")
    parser.add_argument("--ratio", type=report.at_least(1), default=1, help="screen pixels of a CSS pixel (default 1)")
    report.output_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and report."""
    try:
        from playwright.sync_api import sync_playwright  # only this load test needs it
    except ImportError:
        raise StartError("Playwright is missing: pip install playwright") from None
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise StartError(f"no browser on this machine: expected one of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        page = new_page(browser, viewport={"width": 1100, "height": 900}, device_scale_factor=args.ratio)
        open_hall(page, plain_hall(args.seats))
        asked = {"frames": args.frames, "rate": CHANGES_PER_S}
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        rows = []
        for name, activity in ACTIVITIES.items():
            before_s = _busy_s(devtools)
            measured = page.evaluate(MEASURE, {"activity": activity, **asked})
            cpu_ms = 1000 * (_busy_s(devtools) - before_s) / args.frames
            rows.append({"activity": name, **_summary(**measured), "cpu_ms_per_frame": cpu_ms})
        browser.close()
    result = {"seats": args.seats, "changes_per_s": CHANGES_PER_S, "activities": rows}
    return report.tell(args, result, _show)


def _busy_s(devtools: CDPSession) -> float:
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def _summary(between: list[float], script: list[float]) -> dict[str, Any]:
    return {
        "frames_per_s": 1000 * len(between) / sum(between),
        "between_p50_ms": percentile(between, 0.5),
        "between_p95_ms": percentile(between, 0.95),
        "between_max_ms": max(between),
        "script_p50_ms": percentile(script, 0.5),
        "script_p95_ms": percentile(script, 0.95),
        "script_max_ms": max(script),
    }


def _show(result: dict[str, Any]) -> None:
    print(f"{result['seats']:,} seats, {result['changes_per_s']} changes a second, Chromium without a graphics card\n")
    heads = [
        "while",
        "frames/s",
        "between, ms",
        "95 of 100",
        "longest",
        "script, ms",
        "95 of 100",
        "longest",
        "CPU, ms",
    ]
    report.table(heads, [list(row.values()) for row in result["activities"]])
