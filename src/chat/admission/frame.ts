/** The topic between the servers that listen on one address, and the process that counts for them. */
export const ADMISSION_TOPIC = "admission";

/** What goes over the topic. Guests and questions have numbers of the child's own. */
export type AdmissionFrame =
  /** From a child: those who came, with their addresses, and those who have gone. */
  | {
      readonly type: "moved";
      readonly entered: readonly (readonly [number, string])[];
      readonly left: readonly number[];
    }
  /** From a child: an address would make an account. */
  | { readonly type: "register"; readonly number: number; readonly host: string }
  /** To a child: this guest is one too many; without a message it is to be cut. */
  | { readonly type: "refused"; readonly number: number; readonly message?: string }
  /** To a child: for how long the address has to wait, in milliseconds. */
  | { readonly type: "wait"; readonly number: number; readonly waitMs: number }
  /** To a child: how many guests the others have. */
  | { readonly type: "elsewhere"; readonly count: number };
