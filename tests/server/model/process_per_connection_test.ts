import { NATIVE_GAPS, testModel } from "../model_conformance.ts";
import { CONNECTION_GAPS } from "./gaps.ts";

const model = "process-per-connection";
testModel({ name: model, model, gaps: { ...NATIVE_GAPS, ...CONNECTION_GAPS } });
