import process from "node:process";
import { connectTls, TlsClientContext, tlsCarrierDriver } from "../../src/net/mod.ts";

/** A process that connects to a port of this machine, trusting whom the system trusts, and says whether it did. */
const SILENT = { data: () => undefined, close: () => undefined };
const carrier = await tlsCarrierDriver().connect(
  { host: "127.0.0.1", port: Number(process.argv[2]) },
  SILENT,
);
const context = TlsClientContext.create({});
if (typeof context === "string") throw new Error(context);
const connection = await connectTls(carrier, context, { host: "127.0.0.1" });
process.stdout.write("trusted\n");
connection.abort();
