import type { Driver, DriverOptions } from "../../src/net/mod.ts";
import { test } from "../testing.ts";
import type { Hanging } from "./hanging.ts";

/** A driver that the suites are run against. */
export interface Subject {
  readonly name: string;
  /** What it cannot do, by the name of the test, with the reason. */
  readonly gaps: Readonly<Record<string, string>>;
  make(options?: DriverOptions): Made;
}

/** A fresh driver. */
export interface Made {
  readonly driver: Driver;
  /** A listener in its reach that does not answer. */
  hang(): Promise<Hanging>;
}

/** Defines a test for one driver; one that it has a gap for is shown as skipped. */
export function testOf(subject: Subject): (name: string, body: (made: Made) => Promise<void>) => void {
  return (name, body) =>
    test(`${subject.name} driver: ${name}`, { skip: subject.gaps[name] }, () => body(subject.make()));
}
