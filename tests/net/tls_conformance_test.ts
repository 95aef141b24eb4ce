import { testBreaks } from "./break_conformance.ts";
import { testEnds } from "./end_conformance.ts";
import { testStreams } from "./stream_conformance.ts";
import { tlsSubjects } from "./tls_subject.ts";

for (const subject of await tlsSubjects()) {
  testStreams(subject);
  testEnds(subject);
  testBreaks(subject);
}
