import { PAGE_POLICY, type PageFile, sendPageFile } from "../../server/mod.ts";

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": PAGE_POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Whether something follows the head of a request. */
export function hasBody({ headers }: Request): boolean {
  return headers.has("transfer-encoding") || (headers.get("content-length") ?? "0") !== "0";
}

/** A sentence for whoever asked wrongly. */
export function sayWhy(
  status: number,
  why: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${why}\n`, {
    status,
    headers: {
      ...HEADERS,
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      ...headers,
    },
  });
}

/** A value as JSON, of this moment. */
export function sayJson(value: unknown): Response {
  return Response.json(value, { headers: { ...HEADERS, "cache-control": "no-store" } });
}

/** A file, unless the browser has it already. */
export function sendFile(request: Request, file: PageFile): Response {
  return sendPageFile(request, file, HEADERS);
}
