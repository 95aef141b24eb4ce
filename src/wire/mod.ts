/**
 * Bytes to values and back, pure.
 *
 * @module
 */
export { LineDecoder, type LineHandler } from "./line_decoder.ts";
