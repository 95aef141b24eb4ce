import { testModel } from "../model_conformance.ts";
import { REACTOR_GAPS, THREAD_GAPS } from "./gaps.ts";

const model = "reactors-in-threads";
testModel({ name: model, model, gaps: { ...REACTOR_GAPS, ...THREAD_GAPS } });
