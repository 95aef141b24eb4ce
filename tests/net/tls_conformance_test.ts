import { testBreaks } from "./break_conformance.ts";
import { testEnds } from "./end_conformance.ts";
import { testSplice } from "./splice_conformance.ts";
import { testStreams } from "./stream_conformance.ts";
import { SUBJECTS } from "./subjects.ts";
import { tlsSubjects } from "./tls_subject.ts";

const [plain] = SUBJECTS;
const subjects = await tlsSubjects();
for (const subject of subjects) {
  testEnds(subject);
  testBreaks(subject);
  if (!plain) continue;
  testSplice(plain, subject);
  testSplice(subject, plain);
}
// The one that is used; bytes go the same way in the others.
if (subjects[0]) testStreams(subjects[0]);
