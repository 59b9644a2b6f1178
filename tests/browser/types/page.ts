/** A page's script as its maker may write it, for the compiler to read: test_types.py. What must not pass says so. */

import { SeatMapElement, type Basket, type SeatState } from "../../../seatserver/web/seat-map.js";
import { CommandError, SeatMapClient, TIMES, newHoldId } from "../../../seatserver/web/seatmap-client.js";

const map = document.createElement("seat-map");
map.showtime = "tonight";
map.token = async (refused: string | null) => (refused === null ? "the first" : "another");
map.strings = { holdBest: "Take the best", liveTaken: { one: "One less.", other: "{count} less." } };
document.body.append(map);

map.addEventListener("seat-map-booked", ({ detail }) => {
  const paid: number = detail.totalMinor;
  console.log(
    detail.bookingId,
    detail.seats.join(),
    paid,
    detail.lines.map(({ priceMinor }) => priceMinor),
  );
});
document.addEventListener("seat-map-refused", ({ detail }) => console.log(detail.code, detail.seats[0]?.reason));
addEventListener("seat-map-error", ({ detail }) => console.error(detail.message, detail.code ?? ""));
map.addEventListener("click", (event) => console.log(event.clientX));

const box: DOMRect | undefined = map.boxOf("C-7");
const state: SeatState | undefined = map.seatState("C-7");
const basket: Basket | null = map.basket;
console.log(box?.width, state === "mine", basket?.seats.length, map instanceof SeatMapElement);

export async function buy(): Promise<string> {
  const client = new SeatMapClient("wss://seats.example/ws/showtimes/tonight", {
    token: "of ann",
    encoding: "json",
    times: { probeMs: 2 * TIMES.probeMs },
  });
  client.addEventListener("change", ({ detail: seats }) => console.log(seats?.length ?? "all", client.states?.[0]));
  client.addEventListener("expired", ({ detail }) => console.log(detail.reason));
  client.connect();
  try {
    const held = await client.best({ count: 2 });
    const { booking_id } = await client.book(held.hold_id, { payLater: true });
    return booking_id;
  } catch (error) {
    if (error instanceof CommandError && error.retryable) return newHoldId();
    throw error;
  } finally {
    client.close();
  }
}

// @ts-expect-error: the element has no such event
map.addEventListener("seat-map-bought", ({ detail }) => console.log(detail));
// @ts-expect-error: seats are called by their labels here
map.reveal(7);
// @ts-expect-error: only the server changes it
map.client!.version = 3;
// @ts-expect-error: no such encoding
new SeatMapClient("wss://seats.example/", { token: "of ann", encoding: "xml" });
