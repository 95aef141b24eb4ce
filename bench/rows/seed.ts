import { createHash, randomBytes } from "node:crypto";
import type { Store } from "../../mod.ts";
import type { Account } from "../load/contract.ts";

const TOKEN_MS = 3_600_000;

/** Makes accounts with tokens, straight in the store: a password's hash costs more than all that is measured. */
export async function seedAccounts(store: Store, count: number): Promise<readonly Account[]> {
  const accounts = Array.from({ length: count }, (_, index) => ({
    name: `u${String(index).padStart(5, "0")}`,
    token: randomBytes(32).toString("base64url"),
  }));
  const expiresAt = Date.now() + TOKEN_MS;
  for (let start = 0; start < count; start += 500) {
    await Promise.all(
      accounts.slice(start, start + 500).map(async ({ name, token }) => {
        await store.createUser({ name, password: "" });
        const hash = createHash("sha256").update(token).digest("hex");
        await store.addToken({ hash, user: name, expiresAt });
      }),
    );
  }
  return accounts;
}

/** For a store that is to be seeded: what fails there fails the row. */
export function reject(error: unknown): never {
  throw error;
}

/**
 * Makes a group of all of them; the first one owns it.
 *
 * @throws When one of them cannot be in it, such as for want of room: whoever waits for all to have a message would wait for ever.
 */
export async function seedGroup(store: Store, group: string, accounts: readonly Account[]): Promise<void> {
  const [owner, ...others] = accounts;
  const change = async (name: string, how: Parameters<Store["changeGroup"]>[2]): Promise<void> => {
    const { outcome } = await store.changeGroup(group, name, how);
    if (outcome !== "done") throw new Error(`Cannot make ${group}: ${outcome} for ${name}`);
  };
  await change(owner?.name ?? "", { action: "create", mode: "open" });
  for (const { name } of others) await change(name, { action: "join" });
}
