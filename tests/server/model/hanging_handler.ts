/** A handler module for the tests whose import never ends. */
await new Promise(() => undefined);
export const accept = undefined;
