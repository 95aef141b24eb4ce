/**
 * Bytes to values and back, pure.
 *
 * @module
 */
export { bufferOf } from "./buffer_of.ts";
export { type ClientHello, peekClientHello } from "./client_hello.ts";
export {
  type Http1Head,
  type Http2Preface,
  type HttpHead,
  type HttpHeader,
  peekHttpHead,
} from "./http_head.ts";
export { peekJsonField } from "./json_field.ts";
export { LineDecoder, type LineHandler } from "./line_decoder.ts";
export { MAX_PEEK_BYTES, type Peek } from "./peek.ts";
export {
  decodeProxyHeader,
  encodeProxyHeader,
  hasProxySignature,
  isProxySignaturePrefix,
} from "./proxy_header.ts";
export { PROXY_TLV, type ProxyAddress, type ProxyHeader, type ProxyTlv } from "./proxy_route.ts";
export { MAX_V1_BYTES as MAX_PROXY_V1_BYTES } from "./proxy_v1.ts";
export { MAX_V2_BYTES as MAX_PROXY_V2_BYTES } from "./proxy_v2.ts";
