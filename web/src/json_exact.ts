/*
 * JSON as the daemon writes it. JavaScript's numbers are doubles: an integer that no double holds
 * (a seed above 2^53) would become another one, so it stays the text that it was.
 */

/** JSON.parse, but for integers beyond Number.MAX_SAFE_INTEGER, which come as strings. */
export function parseExact(text: string): unknown {
  if (!/\d{16}/.test(text)) {
    return JSON.parse(text);
  }
  const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  return JSON.parse(
    text.replace(token, (found) =>
      /^-?\d+$/.test(found) && !Number.isSafeInteger(Number(found)) ? `"${found}"` : found,
    ),
  );
}
