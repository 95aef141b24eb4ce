import { authorization, errorOf } from "./follow.ts";
import type { Action } from "./ui.ts";

/** How long the answer to a change may take, in milliseconds. */
const ANSWER_MS = 10_000;

/** A change as it is sent. */
export interface ChangeRequest {
  readonly method: "PATCH" | "POST";
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** What was done, once it is. */
  readonly done: string;
}

/** What is to be sent for something that was confirmed. @param fields What was filled in. */
export function requestFor(action: Action, fields: FormData): ChangeRequest {
  const pool = `/api/pools/${encodeURIComponent(action.pool)}`;
  const text = (name: string): string => String(fields.get(name) ?? "").trim();
  const deadline = text("deadline") === "" ? "" : `?deadline=${encodeURIComponent(text("deadline"))}`;
  const patch = (path: string, body: ChangeRequest["body"], done: string): ChangeRequest => ({
    method: "PATCH",
    path,
    body,
    done,
  });
  const backend = (name: string): string => `${pool}/backends/${encodeURIComponent(name)}`;
  switch (action.kind) {
    case "drain":
      return patch(backend(action.backend) + deadline, { state: "draining" }, `${action.backend} drains`);
    case "undrain":
      return patch(backend(action.backend), { state: "enabled" }, `${action.backend} takes clients again`);
    case "weight": {
      const weight = Number(text("weight"));
      return patch(backend(action.backend), { weight }, `${action.backend} has weight ${weight}`);
    }
    case "add": {
      const [address, weight] = [text("address"), Number(text("weight"))];
      const body = { address, weight, backup: fields.has("backup") };
      return {
        method: "POST",
        path: `${pool}/backends`,
        body,
        done: `${address} was added to ${action.pool}`,
      };
    }
    case "drain_pool":
      return patch(pool + deadline, { state: "draining" }, `pool ${action.pool} drains`);
    case "undrain_pool":
      return patch(pool, { state: "enabled" }, `pool ${action.pool} takes clients again`);
  }
}

/** Asks for a change. @returns Undefined when it was done, else why not, in one sentence. */
export async function send(
  { method, path, body }: ChangeRequest,
  token: string | undefined,
): Promise<string | undefined> {
  try {
    const response = await fetch(path, {
      method,
      headers: { "content-type": "application/json", ...authorization(token) },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return response.ok ? undefined : await errorOf(response);
  } catch (error) {
    return `the server does not answer: ${error instanceof Error ? error.message : String(error)}`;
  }
}
