import { testBreaks } from "./break_conformance.ts";
import { testDials } from "./dial_conformance.ts";
import { testEnds } from "./end_conformance.ts";
import { testStreams } from "./stream_conformance.ts";
import { SUBJECTS } from "./subjects.ts";

for (const subject of SUBJECTS) {
  testStreams(subject);
  testEnds(subject);
  testBreaks(subject);
  testDials(subject);
}
