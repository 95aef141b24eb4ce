/** Longer than a chat client is silent, so that the system asks only those who do not speak by themselves. */
const LEAST_MS = 60_000;
const SPREAD_MS = 30_000;

/**
 * After how much silence the system is to ask whether the other side of one connection still lives, in milliseconds: from 60 s to 90 s,
 * for each connection another time.
 *
 * A connection whose side is not heard then is over: on Node and Bun after ten questions, one a second. Questions to very many connections at
 * the same moment do not get through: Linux fires all timers of up to 2 s at once, and drops what is more than a queue of packets
 * holds (`net.core.netdev_max_backlog`, 1000 on the loopback). That has ended a quarter of 60,000 connections, asked after 15 s each.
 *
 * @param random Gives a number from 0 up to but not including 1. @default {Math.random}
 */
export function keepAliveMs(random: () => number = Math.random): number {
  return LEAST_MS + Math.floor(random() * SPREAD_MS);
}
