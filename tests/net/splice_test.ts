import { testSplice } from "./splice_conformance.ts";
import { SUBJECTS } from "./subjects.ts";

for (const front of SUBJECTS) {
  for (const back of SUBJECTS) testSplice(front, back);
}
