import { testModel } from "../model_conformance.ts";
import { REACTOR_GAPS } from "./gaps.ts";

const model = "reactors-in-processes";
testModel({ name: model, model, gaps: REACTOR_GAPS });
