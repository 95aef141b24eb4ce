import { Refusal } from "./refusal.ts";

/** What every answer says: nothing is to be kept, and nothing is to be taken for something else than it says it is. */
const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

/** An answer in JSON. */
export function jsonAnswer(
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(value, { status, headers: { ...HEADERS, ...headers } });
}

/** An answer of text. */
export function textAnswer(text: string, contentType: string): Response {
  return new Response(text, { headers: { ...HEADERS, "content-type": contentType } });
}

/** An answer that goes on: server-sent events. @param events Absent for HEAD. */
export function eventsAnswer(events: ReadableStream<Uint8Array> | null): Response {
  return new Response(events, { headers: { ...HEADERS, "content-type": "text/event-stream" } });
}

/** The answer to a request that is refused: `{"error": …}`, with `problems` where there are some. */
export function refusalAnswer({ status, message, headers, problems }: Refusal): Response {
  return jsonAnswer({ error: message, problems }, status, headers);
}

/** The answer to what failed within: tells nothing of what it was. */
export function failureAnswer(): Response {
  return refusalAnswer(new Refusal("internal", { status: 500 }));
}
