/** What `srvx` says of a request beside what the web does, as far as it is used here. */
interface ServedRequest extends Request {
  readonly runtime?: {
    readonly node?: { readonly req?: { readonly socket?: { readonly remotePort?: number } } };
    readonly bun?: {
      readonly server?: { requestIP(request: Request): { readonly port: number } | null };
    };
    readonly deno?: { readonly info?: { readonly remoteAddr?: { readonly port?: number } } };
  };
}

/** The port that a request comes from. The HTTP servers of the runtimes say it each in their own way. */
export function callerPort(request: Request): number | undefined {
  const { node, bun, deno } = (request as ServedRequest).runtime ?? {};
  return (
    node?.req?.socket?.remotePort ?? bun?.server?.requestIP(request)?.port ?? deno?.info?.remoteAddr?.port
  );
}
