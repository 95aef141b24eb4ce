import * as v from "valibot";
import { nearest, oneOf, show } from "./problem.ts";

/**
 * The schema of an object that has these keys and no others.
 *
 * Unlike valibot's own it reports every key that it does not know, with the one that was probably meant; and a list is no object.
 */
export function section<const E extends v.ObjectEntries>(entries: E): v.StrictObjectSchema<E, undefined> {
  const known = Object.keys(entries);
  const inner = v.object(entries, ({ expected }) => `the key ${expected} is missing`);
  const schema: v.StrictObjectSchema<E, undefined> = v.strictObject(entries);
  type Result = ReturnType<(typeof schema)["~run"]>;
  return {
    ...schema,
    "~run"(dataset, config) {
      const { value } = dataset;
      const expected = `an object with the keys ${known.join(", ")}`;
      if (!isRecord(value)) return refuse(schema, dataset, config, expected) as Result;
      const result = inner["~run"](dataset, config);
      for (const key of Object.keys(value)) {
        if (Object.hasOwn(entries, key)) continue;
        v._addIssue(schema, "key", result, config, {
          input: key,
          expected: "never",
          message: unknownKey(key, known),
          path: [{ type: "object", origin: "key", input: value, key, value: value[key] }],
        });
      }
      // The same values, whose issues are of two kinds.
      return result as Result;
    },
  };
}

type Dataset = v.OutputDataset<unknown, v.BaseIssue<unknown>>;

/** Says that a value is of another kind than an object. */
function refuse(
  schema: v.GenericSchema,
  dataset: v.UnknownDataset,
  config: v.Config<v.BaseIssue<unknown>>,
  expected: string,
): Dataset {
  v._addIssue(schema, "type", dataset, config, { message: `${show(dataset.value)} is not ${expected}` });
  // It has an issue from now on, and so is one that is judged.
  return dataset as unknown as Dataset;
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  const hint = meant === undefined ? `there are ${known.join(", ")}` : `did you mean "${meant}"?`;
  return `there is no such key; ${hint}`;
}

/** The most entries of an object whose keys the user chooses. */
const MAX_NAMED = 1000;

/** The schema of values by names that the user chooses. A list is no object, unlike to valibot. */
export function named<T>(
  description: string,
  key: v.GenericSchema<string, string>,
  value: v.GenericSchema<unknown, T>,
): v.GenericSchema<unknown, Record<string, T>> {
  const schema: v.GenericSchema<unknown, Record<string, T>> = v.pipe(
    v.record(key, value),
    v.maxEntries(MAX_NAMED, ({ received }) => `${received} are too many; ${MAX_NAMED} are allowed`),
    v.description(description),
  );
  return {
    ...schema,
    "~run"(dataset, config) {
      if (isRecord(dataset.value)) return schema["~run"](dataset, config);
      return refuse(schema, dataset, config, 'an object; write {"NAME": {…}}') as ReturnType<
        (typeof schema)["~run"]
      >;
    },
  };
}

/**
 * The schema of a value that is a text or an object: whichever it is, only that schema judges it.
 *
 * @param text Judges everything that is no object, so that its message has to name both.
 */
export function textOr<T, O>(
  text: v.GenericSchema<string, T>,
  object: v.GenericSchema<unknown, O>,
): v.GenericSchema<unknown, T | O> {
  const union: v.GenericSchema<unknown, T | O> = v.union([text, object]);
  return {
    ...union,
    "~run": (dataset, config) => (isRecord(dataset.value) ? object : text)["~run"](dataset, config),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The schema of one of a few words. */
export function choice<const W extends string>(
  words: readonly W[],
  description: string,
): v.GenericSchema<W, W> {
  const schema = v.picklist(words, (issue) => {
    const meant = typeof issue.input === "string" ? nearest(issue.input, words) : undefined;
    const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
    return `${show(issue.input)} is not ${oneOf(words)}${hint}`;
  });
  return v.pipe(schema, v.description(description));
}
