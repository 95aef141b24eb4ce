import { type RedisProcess, redisCommand, redisProcess, redisReady } from "./redis_process.ts";

/** Options for {@linkcode redisCluster}. */
export interface RedisClusterOptions {
  /** @default {3} */
  masters?: number;
  /** Replicas of each master. @default {0} */
  replicas?: number;
  /** After how long without an answer a node takes another one for down, in milliseconds. @default {1000} */
  nodeTimeoutMs?: number;
  /** More arguments for the nodes. @default {[]} */
  args?: readonly string[];
}

/** One node of a cluster. */
export interface ClusterNode extends RedisProcess {
  /** Its name in the cluster. */
  readonly id: string;
}

/** A cluster of real processes. Disposing kills them all. */
export interface RedisCluster extends AsyncDisposable {
  /** `redis+cluster://127.0.0.1:PORT,…` with all nodes. */
  readonly url: string;
  /** The masters at the start, each with an equal share of the slots, in order; then their replicas, in the same order. */
  readonly nodes: readonly ClusterNode[];
  /** The node that owns a slot now. */
  owner(slot: number): Promise<ClusterNode>;
  /** A master that does not own a slot. */
  elsewhere(slot: number): Promise<ClusterNode>;
  /** Begins to move a slot with its keys: what is not there any more is asked for at the new owner. */
  beginMove(slot: number, to: ClusterNode): Promise<SlotMove>;
  /** Moves a slot with its keys. Resolves when every node knows. */
  moveSlot(slot: number, to: ClusterNode): Promise<void>;
  /** Lets a replica take over from its master in good order. Resolves when every node knows. */
  failOver(replica: ClusterNode): Promise<void>;
  /** Kills a master. Resolves when a replica has taken over. */
  killMaster(master: ClusterNode): Promise<void>;
}

/** A slot on its way. */
export interface SlotMove {
  /** Moves the keys that are left and tells every node. */
  finish(): Promise<void>;
}

const SLOTS = 16_384;

/** Starts a cluster. Resolves when every node says that it works, and replicas are in step. */
export async function redisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 0, nodeTimeoutMs = 1000, args = [] } = options;
  await using opening = new AsyncDisposableStack();
  const nodes = await Promise.all(
    Array.from({ length: masters * (1 + replicas) }, async () =>
      opening.use(await startNode(["--cluster-node-timeout", `${nodeTimeoutMs}`, ...args])),
    ),
  );
  await assignSlots(nodes.slice(0, masters));
  const [first, ...others] = nodes;
  for (const { port } of others) {
    await redisCommand(first?.port ?? 0, "CLUSTER", "MEET", "127.0.0.1", `${port}`);
  }
  await redisReady("nodes that know each other", () => all(nodes, (node) => knows(node, nodes)));
  await Promise.all(
    nodes.slice(masters).map(async ({ port }, index) => {
      await redisCommand(port, "CLUSTER", "REPLICATE", nodes[index % masters]?.id ?? "");
    }),
  );
  await redisReady("a cluster that works", () => all(nodes, isWorking));
  const opened = opening.move();
  const url = `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  return { url, nodes, ...acts(nodes), [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

type Acts = Omit<RedisCluster, "url" | "nodes" | typeof Symbol.asyncDispose>;

function acts(nodes: readonly ClusterNode[]): Acts {
  const alive = new Set(nodes);
  async function ownerAsSeenBy(node: ClusterNode, slot: number): Promise<ClusterNode | undefined> {
    const port = await ownerPort(node, slot);
    return nodes.find((one) => one.port === port);
  }
  async function owner(slot: number): Promise<ClusterNode> {
    for (const node of alive) {
      const found = await ownerAsSeenBy(node, slot);
      if (found) return found;
    }
    throw new Error(`Cannot find the owner of slot ${slot}`);
  }
  const agreed = (slot: number, isRight: (node: ClusterNode | undefined) => boolean): Promise<void> =>
    redisReady(`nodes that know the owner of slot ${slot}`, () =>
      all([...alive], async (node) => (await isWorking(node)) && isRight(await ownerAsSeenBy(node, slot))),
    );
  async function beginMove(slot: number, to: ClusterNode): Promise<SlotMove> {
    const from = await owner(slot);
    await redisCommand(to.port, "CLUSTER", "SETSLOT", `${slot}`, "IMPORTING", from.id);
    await redisCommand(from.port, "CLUSTER", "SETSLOT", `${slot}`, "MIGRATING", to.id);
    return {
      async finish() {
        await moveKeys(slot, from, to);
        for (const { port } of new Set([to, from, ...alive])) {
          if (await isMaster(port)) await redisCommand(port, "CLUSTER", "SETSLOT", `${slot}`, "NODE", to.id);
        }
        await agreed(slot, (node) => node === to);
      },
    };
  }
  async function elsewhere(slot: number): Promise<ClusterNode> {
    const from = await owner(slot);
    for (let other = 0; other < SLOTS; other += 500) {
      const node = await owner(other);
      if (node !== from) return node;
    }
    throw new Error(`Cannot find a node that does not own slot ${slot}`);
  }
  return {
    owner,
    elsewhere,
    beginMove,
    moveSlot: async (slot, to) => (await beginMove(slot, to)).finish(),
    async failOver(replica) {
      const slot = await firstSlot(await masterOf(replica, nodes));
      await redisCommand(replica.port, "CLUSTER", "FAILOVER");
      await agreed(slot, (node) => node === replica);
    },
    async killMaster(master) {
      const slot = await firstSlot(master);
      alive.delete(master);
      master.kill("SIGKILL");
      await agreed(slot, (node) => node !== undefined && node !== master);
    },
  };
}

async function startNode(args: readonly string[]): Promise<ClusterNode> {
  const node = await redisProcess({
    readyText: "Ready to accept connections",
    prepare(port, folder) {
      const place = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
      const settings = ["--cluster-enabled", "yes", "--repl-diskless-sync-delay", "0"];
      return [...place, ...settings, ...args];
    },
  });
  const id = String(await redisCommand(node.port, "CLUSTER", "MYID"));
  return Object.defineProperties({ id } as ClusterNode, Object.getOwnPropertyDescriptors(node));
}

async function assignSlots(masters: readonly ClusterNode[]): Promise<void> {
  await Promise.all(
    masters.map(async ({ port }, index) => {
      const start = Math.round((index * SLOTS) / masters.length);
      const end = Math.round(((index + 1) * SLOTS) / masters.length) - 1;
      await redisCommand(port, "CLUSTER", "SET-CONFIG-EPOCH", `${index + 1}`);
      await redisCommand(port, "CLUSTER", "ADDSLOTSRANGE", `${start}`, `${end}`);
    }),
  );
}

async function all(
  nodes: readonly ClusterNode[],
  test: (node: ClusterNode) => Promise<boolean>,
): Promise<boolean> {
  const results = await Promise.all(nodes.map(test));
  return results.every(Boolean);
}

async function knows(node: ClusterNode, nodes: readonly ClusterNode[]): Promise<boolean> {
  const text = String(await redisCommand(node.port, "CLUSTER", "NODES"));
  return nodes.every(({ id }) => text.includes(id)) && !text.includes("handshake");
}

async function isWorking({ port }: ClusterNode): Promise<boolean> {
  const state = String(await redisCommand(port, "CLUSTER", "INFO"));
  const replication = String(await redisCommand(port, "INFO", "replication"));
  return state.includes("cluster_state:ok") && !replication.includes("master_link_status:down");
}

async function isMaster(port: number): Promise<boolean> {
  return String(await redisCommand(port, "INFO", "replication")).includes("role:master");
}

/** The port of a slot's owner as a node sees it. */
async function ownerPort(node: ClusterNode, slot: number): Promise<number | undefined> {
  const ranges = await redisCommand(node.port, "CLUSTER", "SLOTS");
  if (!Array.isArray(ranges)) return undefined;
  for (const [start, end, [, port]] of ranges) if (start <= slot && slot <= end) return Number(port);
  return undefined;
}

async function masterOf(replica: ClusterNode, nodes: readonly ClusterNode[]): Promise<ClusterNode> {
  const info = String(await redisCommand(replica.port, "INFO", "replication"));
  const port = Number(/master_port:(\d+)/.exec(info)?.[1]);
  const master = nodes.find((node) => node.port === port);
  if (!master) throw new Error(`Cannot find the master of ${replica.id}`);
  return master;
}

async function firstSlot({ port }: ClusterNode): Promise<number> {
  const ranges = await redisCommand(port, "CLUSTER", "SLOTS");
  if (Array.isArray(ranges)) {
    for (const [start, , [, owner]] of ranges) if (Number(owner) === port) return Number(start);
  }
  throw new Error(`Cannot find a slot of the node on port ${port}`);
}

async function moveKeys(slot: number, from: ClusterNode, to: ClusterNode): Promise<void> {
  for (;;) {
    const keys = await redisCommand(from.port, "CLUSTER", "GETKEYSINSLOT", `${slot}`, "100");
    if (!Array.isArray(keys) || keys.length === 0) return;
    await redisCommand(from.port, "MIGRATE", "127.0.0.1", `${to.port}`, "", "0", "5000", "KEYS", ...keys);
  }
}
