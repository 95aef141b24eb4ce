/** A child for the tests that has a child of its own and tells its process id. */
import process from "node:process";
import { endWithParent, parentChannel, startChild } from "../../src/server/mod.ts";

endWithParent();
const [module = ""] = process.argv.slice(2);
const child = await startChild(module, []);
child.channel.on("args", () => parentChannel()?.send("pid", child.pid));
