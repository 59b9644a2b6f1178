// A peer: Bun's own WebSocket server (uWebSockets), which keeps the rooms itself and publishes to them.

import { announce, Seats, whoAndWhere } from "./seats.js";

let server;
const seats = new Seats(process.env.REDIS_URL, (room, update) => server.publish(room, update));
await seats.listen();

server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, self) {
    if (!self.upgrade(request, { data: whoAndWhere(request.url) })) {
      return new Response("expected a WebSocket", { status: 426 });
    }
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe(socket.data.room);
      socket.send(JSON.stringify({ type: "joined" }));
    },
    async message(socket, text) {
      const { room, user } = socket.data;
      socket.send(JSON.stringify(await seats.answer(room, user, JSON.parse(text))));
    },
  },
});
announce(server.port);
