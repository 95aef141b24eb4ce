/** A balancer that is being closed takes no other configuration. */
export class BalancerClosedError extends Error {
  /** Tells it from other errors. */
  override readonly name = "BalancerClosedError";

  constructor() {
    super("Cannot apply configuration: the balancer is closed");
  }
}
