/** The way to a server of this machine, which can be held: nothing arrives until it is let go. */
import { type Server, type Socket, connect, createServer } from "node:net";

export class Wire {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #held = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(host: string, port: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server);
    server.on("connection", (client) => wire.#carry(client, connect(port, host)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return wire;
  }

  get port(): string {
    const address = this.#server.address();
    return String(typeof address === "object" && address !== null ? address.port : 0);
  }

  hold(): void {
    this.#held = true;
    for (const socket of this.#sockets) socket.pause();
  }

  letGo(): void {
    this.#held = false;
    for (const socket of this.#sockets) socket.resume();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #carry(client: Socket, server: Socket): void {
    for (const [from, to] of [[client, server], [server, client]] as const) {
      this.#sockets.add(from);
      from.on("data", (data) => to.write(data));
      from.on("close", () => {
        this.#sockets.delete(from);
        to.end();
      });
      from.on("error", () => to.destroy());
      if (this.#held) from.pause();
    }
  }
}
