/*
 * Where in a JSON text the value of a path such as "parameters.depth[2]" stands, so that a refusal
 * can be shown at the place that caused it. Pure. The text is valid JSON; for text that is not,
 * `syntaxError` says where it breaks.
 */

export interface Place {
  start: number;
  end: number;
}

/** The place of the path, or of its longest beginning that exists; null for an empty path. */
export function placeOf(text: string, path: string): Place | null {
  const wanted = path.split(/[.[\]]+/).filter((part) => part !== "");
  let best: { depth: number; place: Place } | null = null;
  scan(text, (at, place) => {
    const fits = at.length <= wanted.length && at.every((part, i) => part === wanted[i]);
    if (fits && at.length > (best?.depth ?? 0)) {
      best = { depth: at.length, place };
    }
  });
  return (best as { place: Place } | null)?.place ?? null;
}

export interface SyntaxProblem {
  message: string;
  at: number;
}

/** null when the text is valid JSON. */
export function syntaxError(text: string): SyntaxProblem | null {
  try {
    JSON.parse(text);
    return null;
  } catch {
    try {
      scan(text, () => {});
    } catch (error) {
      if (error instanceof Unexpected) {
        return { message: error.message, at: error.at };
      }
      throw error;
    }
    return { message: "this is not JSON", at: 0 };
  }
}

export function lineOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

class Unexpected extends Error {
  constructor(
    readonly at: number,
    wanted: string,
    text: string,
  ) {
    super(
      at >= text.length
        ? `the text ends where ${wanted} should stand`
        : `${wanted} should stand here`,
    );
  }
}

type Visit = (path: string[], place: Place) => void;

/** Reads the text from left to right and tells of each value with its path. Patterns are sticky. */
function scan(text: string, visit: Visit): void {
  let at = 0;
  const space = () => {
    token(/[ \t\r\n]*/y, "");
  };
  const token = (pattern: RegExp, wanted: string): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) {
      throw new Unexpected(at, wanted, text);
    }
    at += found[0].length;
    return found[0];
  };
  const string = () => token(/"(?:[^"\\\u0000-\u001f]|\\.)*"/y, "a text in double quotes");

  const list = (close: string, item: (index: number) => void) => {
    at += 1;
    space();
    for (let index = 0; text[at] !== close; index++) {
      if (index > 0) {
        token(/,/y, `a comma or ${close}`);
        space();
      }
      item(index);
      space();
    }
    at += 1;
  };
  const value = (path: string[]) => {
    const start = at;
    if (text[at] === "{") {
      list("}", () => {
        const name = JSON.parse(string()) as string;
        space();
        token(/:/y, "a colon");
        space();
        value([...path, name]);
      });
    } else if (text[at] === "[") {
      list("]", (index) => value([...path, String(index)]));
    } else if (text[at] === '"') {
      string();
    } else {
      token(/(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y, "a value");
    }
    visit(path, { start, end: at });
  };

  space();
  value([]);
  space();
  if (at < text.length) {
    throw new Unexpected(at, "the end", text);
  }
}
