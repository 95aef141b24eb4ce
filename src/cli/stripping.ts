import module from "node:module";
import process from "node:process";

/** Takes the types out of a TypeScript module. Each runtime has its own way to, which it also runs this program by. */
export function stripTypes(source: string): string {
  const { Bun: bun } = globalThis as { Bun?: { Transpiler: new (options: object) => Transpiler } };
  if (bun) return new bun.Transpiler({ loader: "ts", target: "browser" }).transformSync(source);
  const { emitWarning } = process;
  // Node says at the first call that this is experimental, among the lines of the log.
  process.emitWarning = () => undefined;
  try {
    return module.stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}

interface Transpiler {
  transformSync(source: string): string;
}
