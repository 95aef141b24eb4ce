import type { Logger } from "@logtape/logtape";
import {
  type AdminServer,
  type AdminToken,
  type Control,
  type ProcessUsage,
  startAdmin,
} from "../admin/mod.ts";
import type { TcpAddress } from "../net/mod.ts";
import { logErrors } from "./log.ts";
import { onFreePort } from "./process.ts";
import { processUsage } from "./process_usage.ts";

/** Where and for whom a role serves its operators. */
export interface AdminService {
  readonly listen: TcpAddress | "none";
  /** Whether that was asked for: else another port is taken where that one is in use. */
  readonly isAskedFor: boolean;
  readonly token: AdminToken | undefined;
  readonly control: Control;
  readonly log: Logger;
  /** @default {what this process uses} */
  readonly usage?: (() => ProcessUsage) | undefined;
}

/** Starts the admin server of a role, unless none is wanted. @throws {NetError} When it cannot listen. */
export async function serveAdmin(service: AdminService): Promise<AdminServer | undefined> {
  const { listen, isAskedFor, token, control, log, usage = processUsage } = service;
  if (listen === "none") return undefined;
  if (token?.isNew) log.info("a token for operators was made");
  const handler = {
    changed: ({ client, request, status }: { client: string; request: string; status: number }): void =>
      log.info("operator {client}: {request}, {status}", { client, request, status }),
    error: logErrors(log),
  };
  return await onFreePort(listen, isAskedFor, log, (free) =>
    startAdmin({ listen: free, control, token, usage, handler }),
  );
}
