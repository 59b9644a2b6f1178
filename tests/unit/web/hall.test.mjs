/** The arithmetic under the drawing of a hall: where seats are, what the view shows, which colours can be read. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Camera, LARGEST_FIT } from "../../../seatserver/web/seat-map/hall/camera.js";
import { css, inkOn, mix, parse, standingOut } from "../../../seatserver/web/seat-map/hall/palette.js";
import { Plan } from "../../../seatserver/web/seat-map/hall/plan.js";

const SCREEN = { x: 0, y: -3, width: 8 };

/** A hall of rows of seats at the places `xs`, one pitch apart from the screen to the back. */
function planOf(rows, { groups = [], general_areas = [] } = {}) {
  const seats = rows.flatMap(([name, y, ...xs]) => xs.map((x, at) => ({ row: name, number: String(at + 1), x, y })));
  return new Plan({ seats, groups, general_areas, screen: SCREEN });
}

/** Rows A and B; in both an aisle between the second and the third seat. */
const HALL = planOf([
  ["A", 0, -3, -2, 1, 2],
  ["B", 1, -3, -2, 1, 2],
]);

// ------------------------------------------------------------------ the plan

test("rows go from the screen to the back, seats from left to right, however the layout lists them", () => {
  const plan = planOf([
    ["B", 1, 2, 0],
    ["A", 0, 1, -1],
  ]);
  assert.deepEqual(
    plan.rows.map(({ name, seats }) => [name, ...seats]),
    [
      ["A", 3, 2],
      ["B", 1, 0],
    ],
  );
  assert.deepEqual(plan.places[0], { row: 1, column: 1 });
});

test("the bounds hold every seat, every area and the screen, which is never far from the first row", () => {
  const general_areas = [{ x: 0, y: 6, width: 20, height: 2 }];
  const { bounds, screen } = planOf([["A", 0, -3, 3]], { general_areas });
  assert.ok(bounds.left < -10 && bounds.right > 10 && bounds.bottom > 7);
  assert.ok(screen.y < -0.5 && bounds.top < screen.y);
  const far = new Plan({
    seats: [{ row: "A", number: "1", x: 0, y: 0 }],
    groups: [],
    general_areas: [],
    screen: { ...SCREEN, y: -100 },
  });
  assert.ok(far.bounds.top > -5);
});

test("the seat at a point is the nearest within reach", () => {
  assert.equal(HALL.seatAt(-3, 0), 0);
  assert.equal(HALL.seatAt(-2.6, 0.4), 0);
  assert.equal(HALL.seatAt(-2.4, 0.4), 1);
  assert.equal(HALL.seatAt(-0.5, 0), null);
  assert.equal(HALL.seatAt(-1.2, 0, 0.5), 1);
});

test("a rectangle finds the seats that it overlaps, and those of a wide hall too", () => {
  assert.deepEqual(HALL.seatsIn(-4, -1, 0, 0.4).sort(), [0, 1]);
  assert.deepEqual(HALL.seatsIn(10, 10, 11, 11), []);
  const wide = planOf([["A", 0, 0, 100_000]]);
  assert.deepEqual(wide.seatsIn(-1, -1, 100_001, 1).sort(), [0, 1]);
});

test("the arrow keys move along a row and across aisles, and stop at its end", () => {
  assert.equal(HALL.beside(1, 1), 2);
  assert.equal(HALL.isAisleBetween(1, 2), true);
  assert.equal(HALL.isAisleBetween(0, 1), false);
  assert.equal(HALL.beside(0, -1), 0);
  assert.deepEqual([HALL.rowEnd(1, -1), HALL.rowEnd(1, 1)], [0, 3]);
});

test("at the end of a row, the focus moves on to a row at the same height", () => {
  const plan = planOf([
    ["A", 0, -6, -5],
    ["K", 0.3, 5, 6],
  ]);
  assert.equal(plan.beside(1, 1), 2);
  assert.equal(plan.beside(2, -1), 1);
});

test("up and down keep the column in which they started", () => {
  const plan = planOf([
    ["A", 0, -4, 4],
    ["B", 1, 0],
    ["C", 2, -4, 4],
  ]);
  assert.equal(plan.ahead(0, 1), 2);
  assert.equal(plan.ahead(2, 1, -4), 3);
  assert.equal(plan.ahead(2, 1, 4), 4);
  assert.equal(plan.ahead(0, -1), 0);
});

test("a row of another block, far to the side, is skipped", () => {
  const plan = planOf([
    ["A", 0, 0, 1],
    ["X", 1, 30, 31],
    ["B", 2, 0, 1],
  ]);
  assert.equal(plan.ahead(0, 1), 4);
});

test("a sofa in a curved row is drawn as one piece", () => {
  const seats = [0, 1].map((x) => ({ row: "A", number: String(x), x, y: 0.2 * x }));
  const plan = new Plan({ seats, groups: [[0, 1]], general_areas: [], screen: SCREEN });
  assert.deepEqual(
    plan.spots.map(({ y }) => y),
    [0.1, 0.1],
  );
  assert.deepEqual(plan.sofas, [{ left: -0.5, top: -0.4, width: 2, height: 1 }]);
});

// ------------------------------------------------------------------ the camera

const BOUNDS = { left: -20, right: 20, top: -10, bottom: 10 };

function cameraIn(width, height, rim) {
  const camera = new Camera(BOUNDS, rim);
  camera.resize(width, height);
  return camera;
}

const rounded = (values) => values.map((value) => Math.round(value * 1000) / 1000);

test("the whole hall is visible at first and after every change of size", () => {
  const camera = cameraIn(800, 600);
  assert.equal(camera.scale, 20);
  assert.equal(camera.isWhole, true);
  camera.resize(400, 600);
  assert.equal(camera.scale, 10);
  assert.deepEqual(camera.toView(0, 0), [200, 300]);
});

test("a small hall does not fill a large view", () => {
  const camera = new Camera({ left: 0, right: 4, top: 0, bottom: 2 });
  camera.resize(2000, 1000);
  assert.equal(camera.scale, LARGEST_FIT);
});

test("zooming keeps the point under the pointer in place", () => {
  const camera = cameraIn(800, 600);
  const at = camera.toHall(300, 250);
  camera.go(camera.zoomed(40, 300, 250));
  assert.deepEqual(rounded(camera.toView(...at)), [300, 250]);
  assert.equal(camera.isWhole, false);
});

test("a view shows no avoidable empty space and stays within the smallest and largest scale", () => {
  const camera = cameraIn(800, 600);
  camera.go({ x: 1000, y: 1000, scale: 40 });
  assert.deepEqual(rounded(camera.toView(BOUNDS.right, BOUNDS.bottom)), [800, 600]);
  camera.go({ x: 0, y: 0, scale: 1e6 });
  assert.equal(camera.scale, camera.largest);
  camera.go({ x: 0, y: 0, scale: 0 });
  assert.equal(camera.scale, camera.least);
});

test("the edge of the view is kept free of seats", () => {
  const camera = cameraIn(800, 600, { side: 40, head: 100, foot: 20 });
  const [left] = camera.toView(BOUNDS.left, 0);
  const [, top] = camera.toView(0, BOUNDS.top);
  assert.ok(left >= 40 - 1e-9);
  assert.ok(top >= 100 - 1e-9);
});

test("a rectangle is brought into view, unless it is visible already", () => {
  const camera = cameraIn(800, 600);
  camera.go(camera.showing({ left: 15, top: 5, width: 2, height: 1 }, 20, 46));
  const [x, y] = camera.toView(15, 5);
  assert.ok(x >= 19 && x <= 781 && y >= 19 && y <= 581);
  assert.equal(camera.scale, 46);
  const before = camera.target;
  assert.deepEqual(camera.showing({ left: 15, top: 5, width: 2, height: 1 }, 20), before);
});

test("a glide starts at the current view and stops at its target", () => {
  const camera = cameraIn(800, 600);
  camera.go({ x: 5, y: 2, scale: 40 }, 1000);
  assert.equal(camera.isGliding, true);
  assert.equal(camera.step(900), true); // a frame's time may lie before the call
  assert.equal(camera.scale, 20);
  assert.equal(camera.step(1100), true);
  assert.ok(camera.scale > 20 && camera.scale < 40);
  assert.equal(camera.step(2000), false);
  assert.equal(camera.scale, 40);
  assert.equal(camera.isGliding, false);
});

test("a dragging finger ends a glide and moves the hall", () => {
  const camera = cameraIn(800, 600);
  camera.go({ x: 0, y: 0, scale: 40 });
  camera.go({ x: 5, y: 2, scale: 60 }, 0);
  camera.pan(80, 0);
  assert.equal(camera.isGliding, false);
  assert.deepEqual(rounded(camera.toView(0, 0)), [480, 300]);
});

// ------------------------------------------------------------------ colours

test("colours are read, mixed and written", () => {
  assert.deepEqual(parse("#1d1a22"), [29, 26, 34]);
  assert.deepEqual(mix([0, 0, 0], [255, 255, 255], 0.6), [102, 102, 102]);
  assert.equal(css([1, 2, 3]), "rgb(1 2 3)");
  assert.equal(css([1, 2, 3], 0.5), "rgb(1 2 3 / 0.5)");
});

test("text is readable on its background, and marks stand out from it", () => {
  assert.deepEqual(inkOn([255, 240, 200]), [0, 0, 0]);
  assert.deepEqual(inkOn([60, 0, 20]), [255, 255, 255]);
  assert.deepEqual(standingOut([0, 0, 0], [255, 255, 255], [9, 9, 9], 3), [0, 0, 0]);
  assert.deepEqual(standingOut([250, 250, 250], [255, 255, 255], [0, 0, 0], 21), [0, 0, 0]);
});
