/** A module for the tests that is no handler module. */
export const nothing = true;
