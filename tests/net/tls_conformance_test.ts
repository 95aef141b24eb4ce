import { testBreaks } from "./break_conformance.ts";
import { testEnds } from "./end_conformance.ts";
import { testStreams } from "./stream_conformance.ts";
import { tlsSubject } from "./tls_subject.ts";

const subject = await tlsSubject({});
testStreams(subject);
testEnds(subject);
testBreaks(subject);
