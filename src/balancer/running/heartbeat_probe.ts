import type { Driver } from "../../net/mod.ts";
import type { HeartbeatConfiguration } from "../configuration/contract.ts";
import type { HeartbeatOptions } from "../heartbeat/heartbeat.ts";
import {
  chatProbe,
  httpProbe,
  noProbe,
  type Probe,
  sendExpectProbe,
  tcpProbe,
  udpProbe,
} from "../probe/mod.ts";

/** When a backend goes down and comes up again, as a configuration says. */
export function heartbeatOf(configuration: HeartbeatConfiguration): HeartbeatOptions {
  const { intervalMs, fastIntervalMs, downIntervalMs, timeoutMs, threshold, rise } = configuration;
  return {
    intervalMs,
    threshold,
    rise,
    ...(fastIntervalMs !== undefined && { fastIntervalMs }),
    ...(downIntervalMs !== undefined && { downIntervalMs }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}

/** The probe that a configuration asks for, over a driver that connects as the pool wants. */
export function probeOf(configuration: HeartbeatConfiguration, driver: Driver): Probe {
  const { kind, path, host, statuses, send, expect = "" } = configuration;
  switch (kind) {
    case "tcp":
      return tcpProbe(driver);
    case "chat":
      return chatProbe(driver);
    case "http":
      return httpProbe(driver, {
        ...(path !== undefined && { path }),
        ...(host !== undefined && { host }),
        ...(statuses !== undefined && { statuses }),
      });
    case "send-expect":
      return sendExpectProbe(driver, { expect, ...(send !== undefined && { send }) });
    case "udp":
      return udpProbe({ send: send ?? "", ...(configuration.expect !== undefined && { expect }) });
    case "none":
      return noProbe;
  }
}
