// A peer: Node with `ws`. Each change is sent to the sockets of its room in a loop.

import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { announce, Seats, whoAndWhere } from "./seats.js";

const BACKLOG = 4096;
const rooms = new Map();

const seats = new Seats(process.env.REDIS_URL, (room, update) => {
  const frame = Buffer.from(update); // encoded once for all of them
  for (const socket of rooms.get(room) ?? []) {
    socket.send(frame, { binary: false });
  }
});
await seats.listen();

const http = createServer();
new WebSocketServer({ server: http, perMessageDeflate: false }).on("connection", (socket, request) => {
  const { room, user } = whoAndWhere(request.url);
  if (!rooms.has(room)) {
    rooms.set(room, new Set());
  }
  const members = rooms.get(room).add(socket);
  socket.on("close", () => members.delete(socket));
  socket.on("error", () => socket.terminate());
  socket.on("message", async (data) => {
    socket.send(JSON.stringify(await seats.answer(room, user, JSON.parse(data))));
  });
  socket.send(JSON.stringify({ type: "joined" }));
});
http.listen({ host: "127.0.0.1", port: 0, backlog: BACKLOG }, () => announce(http.address().port));
