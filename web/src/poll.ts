/*
 * Data that is loaded again and again. A hidden tab asks nothing; a slow answer makes the next
 * question wait longer, so that a dashboard never takes more than a tenth of the daemon's time;
 * failures back off, and what was loaded before stays on the page.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, Unreachable } from "./api";
import { onWake, reportAway, reportLocked, reportOk } from "./connection";

const slowestMs = 30_000;

/** How long to wait before the next load. */
export function nextDelay(everyMs: number, failures: number, tookMs: number): number {
  const patience = Math.max(everyMs, 10 * tookMs);
  return failures === 0
    ? patience
    : Math.min(slowestMs, Math.max(1000, everyMs) * 1.7 ** (failures - 1));
}

export interface Polled<T> {
  data: T | undefined;
  /** The daemon's refusal; polling has ended. */
  error: ApiError | undefined;
  refresh: () => void;
}

/**
 * Loads at once, then every `everyMs` (or slower) as long as the component lives; `key` names what
 * is loaded, and another key starts afresh. A result of another key is never shown.
 */
export function usePolled<T>(
  key: string,
  everyMs: number,
  load: (signal: AbortSignal) => Promise<T>,
): Polled<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: ApiError }>({ key });
  const latest = useRef({ load, everyMs });
  latest.current = { load, everyMs };
  const refresh = useRef(() => {});

  useEffect(() => {
    const loop = new PollLoop(
      () => latest.current.everyMs,
      (signal) => latest.current.load(signal),
      {
        loaded: (data) => setState({ key, data }),
        refused: (error) => setState({ key, error }),
      },
    );
    refresh.current = () => loop.now();
    loop.now();
    return () => loop.stop();
  }, [key]);

  const mine = state.key === key;
  return {
    data: mine ? state.data : undefined,
    error: mine ? state.error : undefined,
    refresh: () => refresh.current(),
  };
}

class PollLoop<T> {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private controller: AbortController | null = null;
  private again = false;
  private ended = false;
  private failures = 0;
  private readonly forget: (() => void)[];

  constructor(
    private readonly everyMs: () => number,
    private readonly load: (signal: AbortSignal) => Promise<T>,
    private readonly on: { loaded: (data: T) => void; refused: (error: ApiError) => void },
  ) {
    const visible = () => void (document.hidden || this.now());
    document.addEventListener("visibilitychange", visible);
    this.forget = [
      onWake(() => this.now()),
      () => document.removeEventListener("visibilitychange", visible),
    ];
  }

  /** Loads now, or once more when the load under way has ended. */
  now(): void {
    clearTimeout(this.timer);
    if (this.controller !== null) {
      this.again = true;
    } else if (!this.ended) {
      void this.turn();
    }
  }

  stop(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.controller?.abort();
    this.forget.forEach((undo) => undo());
  }

  private async turn(): Promise<void> {
    const began = performance.now();
    this.controller = new AbortController();
    this.again = false;
    let locked = false;
    try {
      const data = await this.load(this.controller.signal);
      if (this.ended) {
        return;
      }
      this.failures = 0;
      reportOk();
      this.on.loaded(data);
    } catch (error) {
      if (this.ended) {
        return;
      }
      locked = this.failed(error);
    } finally {
      this.controller = null;
    }
    if (this.again && !this.ended) {
      void this.turn();
    } else if (!document.hidden && !this.ended && !locked) {
      const delay = nextDelay(this.everyMs(), this.failures, performance.now() - began);
      this.timer = setTimeout(() => void (document.hidden || this.now()), delay);
    }
  }

  /** True when there is no sense in asking again before somebody wakes us. */
  private failed(error: unknown): boolean {
    this.failures += 1;
    if (error instanceof ApiError && error.status === 401) {
      reportLocked();
      return true;
    }
    if (error instanceof ApiError) {
      reportOk();
      this.on.refused(error);
      this.stop();
      return true;
    }
    if (!(error instanceof Unreachable)) {
      console.error(error);
    }
    const retryAtMs = Date.now() + nextDelay(this.everyMs(), this.failures, 0);
    reportAway(error instanceof Error ? error.message : String(error), Date.now(), retryAtMs);
    return false;
  }
}
