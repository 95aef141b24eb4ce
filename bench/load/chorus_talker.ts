import { connectChat, parseAddress, systemDriver, tcpDial } from "../../mod.ts";
import type { Talker, TalkerOptions } from "./contract.ts";

/** Connects as people do: by our own client. */
export async function chorusTalker({ address, account, onText }: TalkerOptions): Promise<Talker> {
  const parsed = parseAddress(address);
  if (typeof parsed === "string") throw new TypeError(parsed);
  const client = await connectChat({
    dial: tcpDial(systemDriver(), [parsed]),
    credentials: { token: account.token },
    handler: {
      message: ({ from, text }) => void (from === account.name || onText(text)),
      signal: ({ data }) => onText(String(data)),
    },
  });
  return {
    send: (to, text) => client.send(to, text),
    signal: async (to, text) => client.signal(to, text),
    close: () => client.close(),
  };
}
