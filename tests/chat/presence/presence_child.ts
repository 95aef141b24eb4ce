/**
 * A server process that holds users, started by the tests: `channel` or the URL of a Redis, then the users. It says `ready` on the topic of
 * that name.
 */
import process from "node:process";
import { channelPresence, type Presence, redisPresence } from "../../../src/chat/presence/mod.ts";
import { parentChannel } from "../../../src/server/mod.ts";
import { TIMING } from "./timing.ts";
import { unexpected } from "./unexpected.ts";

const [where = "", ...users] = process.argv.slice(2);
const channel = parentChannel();
if (!channel) throw new Error("Cannot run child: it has no parent");
const options = { server: `child ${process.pid}`, onGone: () => undefined, onError: unexpected };
const presence: Presence =
  where === "channel"
    ? channelPresence(channel, options)
    : await redisPresence({ ...options, url: where, timing: TIMING });
await Promise.all(users.map((user) => presence.arrive(user)));
channel.send("ready", {});
