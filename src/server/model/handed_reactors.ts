import { listenPaused, type PausedSocket } from "../../net/mod.ts";
import { type HandOver, handOver } from "../hand_over.ts";
import type { Worker } from "../worker.ts";
import { MAX_WAITING, type ModelOptions, type ModelServer } from "./contract.ts";
import { Crew } from "./crew.ts";
import { employ, tellHang } from "./employ.ts";
import { sizesOf } from "./reactors.ts";
import { running } from "./running.ts";
import { Turns } from "./turns.ts";

/** Reactors in processes that are handed their connections by this one, in turn. */
export async function handedReactors(
  handler: string,
  options: ModelOptions,
  start: () => Promise<Worker>,
): Promise<ModelServer> {
  const { listen, onError = () => undefined } = options;
  const { workers, maxConnections } = sizesOf(options);
  const links: HandOver[] = [];
  const turns: Turns<PausedSocket> = new Turns({
    places: maxConnections,
    maxWaiting: MAX_WAITING,
    serve: (socket: PausedSocket) => handToNext(links, socket, turns),
  });
  const onReady = ({ channel }: Worker): void => {
    const link = handOver(channel);
    links.push(link);
    void channel.closed.then(() => links.splice(links.indexOf(link), 1));
    turns.advance();
  };
  const employed = { handler, model: options, places: maxConnections };
  const crew = new Crew({
    model: options,
    start,
    employ: (worker, at, progress) =>
      employ(worker, {
        ...employed,
        ...progress,
        listen: at,
        onReady(address) {
          onReady(worker);
          progress.onReady(address);
        },
      }),
    onHang: tellHang(options),
  });
  const listener = await listenPaused(listen, (socket) => turns.add(socket), { onError });
  await crew.start(workers, "handed").catch(async (error: unknown) => {
    await listener.close();
    throw error;
  });
  return running(
    {
      address: listener.address,
      connections: () => turns.taken,
      async stop(graceMs) {
        await listener.close();
        const empty = turns.close();
        await crew.stop(graceMs);
        await empty;
      },
      abort: () => crew.kill(),
    },
    options,
  );
}

/** Hands a connection to the child whose turn it is, or the next one that can take it. */
function handToNext(links: HandOver[], socket: PausedSocket, turns: Turns<PausedSocket>): boolean {
  for (let tried = 0; tried < links.length; tried++) {
    const link = links.shift();
    if (!link) return false;
    links.push(link);
    const leave = (): void => turns.leave();
    const returned = (): void => {
      turns.leave();
      turns.add(socket);
    };
    if (link.send(socket.native, { closed: leave, reset: leave, returned })) return true;
  }
  return false;
}
