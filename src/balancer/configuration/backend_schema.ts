import * as v from "valibot";
import { formatAddress } from "../../net/mod.ts";
import { BACKEND_FORM, parseBackend } from "../discovery/backend_text.ts";
import type { BackendSpec } from "../pool/backend.ts";
import type { BackendConfiguration } from "./contract.ts";
import { address, amount, flag, line, parsed, whole } from "./kinds.ts";
import { section, textOr } from "./section.ts";

const asText = parsed(
  `\`${BACKEND_FORM}\``,
  `a backend; write ${BACKEND_FORM} or an object with an address`,
  (found) => {
    const spec = parseBackend(found);
    return typeof spec === "string" ? spec : { value: toBackend(spec) };
  },
);

const asObject = v.pipe(
  section({
    address: address("Where it is: `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`."),
    name: v.optional(line("Names it in its pool, in the API and in metrics. Absent: its address.", 255)),
    weight: v.optional(
      amount("Its share of new clients compared with others; with 0 it takes none.", {
        minimum: 0,
        maximum: 1_000_000,
      }),
      1,
    ),
    backup: v.optional(flag("Serves only when no other can."), false),
    maxConnections: v.optional(
      whole("Connections that it has at once; more clients wait. Absent: no limit.", {
        minimum: 1,
        maximum: 1_000_000_000,
      }),
    ),
  }),
  v.description("A backend with more to say."),
  v.transform((found) => toBackend(found)),
);

function toBackend({
  address: where,
  name,
  weight,
  backup,
  maxConnections,
}: BackendSpec): BackendConfiguration {
  return {
    name: name ?? formatAddress(where),
    address: where,
    weight: weight ?? 1,
    backup: backup ?? false,
    maxConnections,
  };
}

/** The schema of one backend, as a text or as an object. */
export const backendSchema: v.GenericSchema<unknown, BackendConfiguration> = textOr(asText, asObject);
