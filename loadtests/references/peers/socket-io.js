// A peer: Socket.IO with its Redis adapter, which tells the sockets of a room in every process. Whoever connects says in
// `auth` which room, and who it is.

import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { announce, Seats } from "./seats.js";

const BACKLOG = 4096;
const http = createServer();
const publisher = new Redis(process.env.REDIS_URL);
const adapter = createAdapter(publisher, publisher.duplicate());
const io = new Server(http, { adapter, transports: ["websocket"], serveClient: false, perMessageDeflate: false });

const seats = new Seats(process.env.REDIS_URL, (room, update) => {
  io.to(room).emit("update", JSON.parse(update));
});

io.on("connection", (socket) => {
  const { room, user } = socket.handshake.auth;
  socket.join(room);
  for (const type of ["hold", "release"]) {
    socket.on(type, async ({ ref, seats: wanted }) => {
      const answer = await seats.answer(room, user, { type, ref, seats: wanted });
      socket.emit(answer.type, answer);
    });
  }
  socket.emit("joined", {});
});
http.listen({ host: "127.0.0.1", port: 0, backlog: BACKLOG }, () => announce(http.address().port));
