import { SHARED_PORT_GAPS } from "../model_conformance.ts";
import {
  BROKEN_LATER,
  BROKEN_START,
  HANGING_LATER,
  HANGING_START,
  KILLS,
  LOOPS,
} from "../model_ending_conformance.ts";

const AT_START = "reactors import the module at the start";
const EACH_TIME = "the module is imported for each connection";

/** The gaps of a model with reactors. */
export const REACTOR_GAPS: Readonly<Record<string, string>> = {
  ...SHARED_PORT_GAPS,
  [BROKEN_LATER]: AT_START,
  [HANGING_LATER]: AT_START,
};

/** The gaps of a model with a worker for each connection. */
export const CONNECTION_GAPS: Readonly<Record<string, string>> = {
  [BROKEN_START]: EACH_TIME,
  [HANGING_START]: EACH_TIME,
  [LOOPS]: "a worker that has served is not started again; the next connection gets its own at once",
};

/** The gap of a model with threads. */
export const THREAD_GAPS: Readonly<Record<string, string>> = {
  [KILLS]: "a signal ends the process with all of its threads",
};
