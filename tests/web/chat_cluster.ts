import { type Program, type RuntimeName, startProgram } from "../cli/program.ts";

/** A running cluster with its page. */
export interface Cluster extends AsyncDisposable {
  readonly program: Program;
  readonly tcp: string;
  readonly url: string;
}

/** A real `up` on a runtime. */
export async function startUp(runtime: RuntimeName): Promise<Cluster> {
  const where = ["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--admin", "none"];
  const program = startProgram(["up", ...where, "--data", ":memory:", "--grace", "300ms"], { runtime });
  const { tcp = "", web } = await program.ready();
  return { program, tcp, url: `http://${web}/`, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}
