/**
 * Ways to ask a backend whether it lives.
 *
 * @module
 */
export { chatProbe } from "./chat.ts";
export type { Probe, ProbeAnswer, ProbeOptions } from "./contract.ts";
export { type HttpProbeOptions, httpProbe } from "./http.ts";
export { type SendExpectOptions, sendExpectProbe } from "./send_expect.ts";
export { noProbe, tcpProbe } from "./tcp.ts";
export { type UdpProbeOptions, udpProbe } from "./udp.ts";
