/*
 * Submitting a sweep: its JSON, what it would come to (counted by the daemon), and what is wrong
 * with it, marked at the place that is to blame.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, api } from "./api";
import { Select } from "./controls";
import { examples } from "./examples";
import { counted } from "./format";
import { lineOf, type Place, placeOf, syntaxError } from "./json_place";
import { useTitle } from "./view";

const typingPauseMs = 500;

type Verdict =
  | { kind: "none" }
  | { kind: "good"; trials: number; cells: number }
  | { kind: "bad"; message: string; field: string | null; place: Place | null };

export function SubmitView() {
  useTitle("New sweep");
  const [text, setText] = useState(examples[0]!.text);
  const [own, setOwn] = useState<string | null>(null); // what was typed last, to come back to
  const [verdict, setVerdict] = useState<Verdict>({ kind: "none" });
  const [busy, setBusy] = useState(false);
  const key = useRef({ text: "", key: "" });

  useEffect(() => {
    let stale = false;
    const timer = setTimeout(() => {
      void judge(text).then((next) => void (stale || setVerdict(next)));
    }, typingPauseMs);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [text]);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    if (key.current.text !== text) {
      key.current = { text, key: randomKey() };
    }
    try {
      const sweep = await api.submit(text, key.current.key);
      location.hash = `#/sweeps/${sweep.id}`;
    } catch (error) {
      setVerdict(refused(text, error));
    }
    setBusy(false);
  };
  return (
    <>
      <h1>New sweep</h1>
      <form class="card submit" onSubmit={submit}>
        <label for="spec">
          <h2>The sweep as JSON</h2>
        </label>
        <p class="quiet">
          A base configuration, the parameters to vary, and how many seeds for each cell. Every
          combination is trained.
        </p>
        <Select
          label="start from"
          value={String(examples.findIndex((example) => example.text === text))}
          options={[
            ...examples.map((example, i) => ({ value: String(i), label: example.name })),
            ...(own === null ? [] : [{ value: "-1", label: "your own" }]),
          ]}
          choose={(i) => setText(examples[Number(i)]?.text ?? own ?? "")}
        />
        <Editor
          text={text}
          mark={verdict.kind === "bad" ? verdict.place : null}
          change={(typed) => {
            setText(typed);
            setOwn(typed);
          }}
        />
        <div class="actions">
          <button class="primary" disabled={busy || verdict.kind === "bad"}>
            Submit
          </button>
          <VerdictLine text={text} verdict={verdict} />
        </div>
      </form>
    </>
  );
}

async function judge(text: string): Promise<Verdict> {
  const problem = syntaxError(text);
  if (problem !== null) {
    return {
      kind: "bad",
      message: problem.message,
      field: null,
      place: { start: problem.at, end: problem.at + 1 },
    };
  }
  try {
    return { kind: "good", ...(await api.countTrials(text)) };
  } catch (error) {
    return refused(text, error);
  }
}

function refused(text: string, error: unknown): Verdict {
  if (!(error instanceof ApiError)) {
    return { kind: "none" }; // the banner says that the daemon is away
  }
  const place =
    error.field === null || syntaxError(text) !== null ? null : placeOf(text, error.field);
  return { kind: "bad", message: error.message, field: error.field, place };
}

/** Makes a repeated click or a lost answer harmless. */
function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

function VerdictLine({ text, verdict }: { text: string; verdict: Verdict }) {
  const place = verdict.kind === "bad" ? verdict.place : null;
  const at = place === null ? null : lineOf(text, place.start);
  const show = () => {
    const editor = document.getElementById("spec") as HTMLTextAreaElement;
    editor.focus();
    editor.setSelectionRange(place!.start, place!.end);
  };
  return (
    <div id="spec-verdict" role="status" class="verdict">
      {verdict.kind === "good" && (
        <p>
          <b>{counted(verdict.trials, "trial")}</b> in {counted(verdict.cells, "cell")}
        </p>
      )}
      {verdict.kind === "bad" && (
        <p class="problem">
          {at !== null && (
            <>
              <button type="button" class="link" onClick={show}>
                Line {at.line}, column {at.column}
              </button>
              :{" "}
            </>
          )}
          {verdict.message}
        </p>
      )}
    </div>
  );
}

/** A text area with line numbers, and a copy of the text behind it that carries the mark. */
function Editor({
  text,
  change,
  mark,
}: {
  text: string;
  change: (text: string) => void;
  mark: Place | null;
}) {
  const behind = useRef<HTMLPreElement>(null);
  const numbers = useRef<HTMLDivElement>(null);
  const lines = text.split("\n").length;
  const bad = mark === null ? 0 : lineOf(text, mark.start).line;
  const follow = (event: { currentTarget: HTMLTextAreaElement }) => {
    const { scrollTop, scrollLeft } = event.currentTarget;
    behind.current!.scrollTop = scrollTop;
    behind.current!.scrollLeft = scrollLeft;
    numbers.current!.scrollTop = scrollTop;
  };
  return (
    <div class="editor">
      <div class="line-numbers" aria-hidden="true" ref={numbers}>
        {Array.from({ length: lines }, (_, i) => (
          <div key={i} class={i + 1 === bad ? "is-bad" : ""}>
            {i + 1}
          </div>
        ))}
      </div>
      <div class="editor-text">
        <pre aria-hidden="true" ref={behind}>
          {mark === null ? (
            text
          ) : (
            <>
              {text.slice(0, mark.start)}
              <mark>{text.slice(mark.start, mark.end) || " "}</mark>
              {text.slice(mark.end)}
            </>
          )}
          {"\n"}
        </pre>
        <textarea
          id="spec"
          spellcheck={false}
          autocapitalize="off"
          rows={16}
          wrap="off"
          value={text}
          aria-invalid={mark !== null}
          aria-describedby="spec-verdict"
          onScroll={follow}
          onInput={(event) => change(event.currentTarget.value)}
        />
      </div>
    </div>
  );
}
