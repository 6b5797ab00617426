/*
 * What the page knows about the daemon as a whole: answering, away, or asking for a token. Pollers
 * report here; the banner and the login watch it. `wake` makes every poller try now.
 */

import { useEffect, useState } from "preact/hooks";
import { hasToken } from "./api";

export type Connection =
  | { kind: "unknown" }
  | { kind: "ok" }
  | { kind: "away"; message: string; sinceMs: number; retryAtMs: number }
  | { kind: "locked"; /** A token was sent and is not the right one. */ refused: boolean };

let state: Connection = { kind: "unknown" };
const watchers = new Set<(state: Connection) => void>();
const sleepers = new Set<() => void>();

function setConnection(next: Connection): void {
  state = next;
  for (const watch of watchers) {
    watch(next);
  }
}

export function reportAway(message: string, nowMs: number, retryAtMs: number): void {
  const sinceMs = state.kind === "away" ? state.sinceMs : nowMs;
  setConnection({ kind: "away", message, sinceMs, retryAtMs });
}

export function reportOk(): void {
  if (state.kind !== "ok") {
    const wasAway = state.kind === "away";
    setConnection({ kind: "ok" });
    if (wasAway) {
      wake();
    }
  }
}

export function reportLocked(): void {
  setConnection({ kind: "locked", refused: hasToken() });
}

export function useConnection(): Connection {
  const [current, setCurrent] = useState(state);
  useEffect(() => {
    watchers.add(setCurrent);
    setCurrent(state);
    return () => void watchers.delete(setCurrent);
  }, []);
  return current;
}

export function onWake(listener: () => void): () => void {
  sleepers.add(listener);
  return () => void sleepers.delete(listener);
}

export function wake(): void {
  for (const sleeper of [...sleepers]) {
    sleeper();
  }
}
