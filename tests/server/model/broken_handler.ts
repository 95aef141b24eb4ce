/** A handler module for the tests that cannot be imported. */
throw new Error("broken on purpose");
