import { NATIVE_GAPS, testModel } from "../model_conformance.ts";
import {
  BROKEN_LATER,
  CRASHES,
  HANGING_LATER,
  HANGING_START,
  KILLS,
  LOOPS,
} from "../model_ending_conformance.ts";

const ALONE = "there is no worker: what the handler does not catch ends the program";
const ONE = "one connection at a time is what it is";

testModel({
  name: "iterative",
  model: "iterative",
  gaps: {
    ...NATIVE_GAPS,
    [CRASHES]: ALONE,
    [KILLS]: ALONE,
    [LOOPS]: ALONE,
    [BROKEN_LATER]: "the module is imported at the start",
    [HANGING_LATER]: "the module is imported at the start",
    [HANGING_START]: "an import in this process cannot be ended",
    "serves many connections at once": ONE,
    "a client that resets disturbs nobody else": ONE,
  },
});
