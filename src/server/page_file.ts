import { createHash } from "node:crypto";

/** The types of what pages are made of. */
const TYPES = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
} as const;

/** One file of a page, as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly body: string;
  /** Changes with the body, quoted as HTTP has it. */
  readonly tag: string;
}

/** Makes a file of a page out of its text. */
export function pageFile(type: keyof typeof TYPES, body: string): PageFile {
  return { type: TYPES[type], body, tag: `"${createHash("sha256").update(body).digest("base64url")}"` };
}

/**
 * The answer to who asks for a file, or who has it already.
 *
 * @param extra Headers beside those of the file.
 */
export function sendPageFile(
  request: Request,
  { type, body, tag }: PageFile,
  extra: Readonly<Record<string, string>>,
): Response {
  // Kept, and asked for each time: after an update of the program it is the new one.
  const headers = { ...extra, "content-type": type, "cache-control": "no-cache", etag: tag };
  const known = request.headers.get("if-none-match");
  if (known?.split(",").some((one) => one.trim() === tag))
    return new Response(null, { status: 304, headers });
  return new Response(request.method === "HEAD" ? null : body, { headers });
}
