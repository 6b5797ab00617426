/*
 * All that the page of one sweep shows, loaded so that a running sweep costs the daemon little: the
 * counters each time, the rest only when the counters moved, and of the trials only the pages that
 * can still change. Above `maxTrials` single trials are left out and the summary speaks alone.
 */

import type { api } from "./api";
import type { SummaryRow, SweepDetail, Trial } from "./api_types";

export const maxTrials = 3000;
/** As many as the daemon gives in one page. */
export const maxFailures = 1000;
const pageSize = 500;

export interface SweepSnapshot {
  sweep: SweepDetail;
  summary: SummaryRow[];
  /** null: too many to show one by one. */
  trials: Trial[] | null;
  failures: Trial[];
  /** Changes whenever summary, trials or failures did. */
  version: number;
}

interface Page {
  after: number;
  trials: Trial[];
  settled: boolean;
}

type Source = Pick<typeof api, "sweep" | "summary" | "trials" | "failures">;

export class SweepLoader {
  private pages: Page[] = [];
  private last: SweepSnapshot | null = null;
  private shown = "";
  private version = 0;
  private restUntilMs = 0;

  constructor(
    private readonly source: Source,
    private readonly id: number,
    private readonly nowMs: () => number,
  ) {}

  async load(signal: AbortSignal): Promise<SweepSnapshot> {
    const sweep = await this.source.sweep(this.id, signal);
    const counters = [
      sweep.succeeded,
      sweep.failed,
      sweep.cancelled,
      sweep.running,
      sweep.state,
    ].join();
    const ended = sweep.state === "finished" || sweep.state === "cancelled";
    if (
      this.last !== null &&
      (counters === this.shown || (!ended && this.nowMs() < this.restUntilMs))
    ) {
      this.last = { ...this.last, sweep };
      return this.last;
    }
    const began = this.nowMs();
    const [summary, trials, failures] = await Promise.all([
      this.source.summary(this.id, signal),
      sweep.trials <= maxTrials ? this.loadTrials(signal) : null,
      sweep.failed > 0 ? this.source.failures(this.id, maxFailures, signal) : null,
    ]);
    // As in poll.ts: at most a tenth of the daemon's time, and no redraw more often than this.
    this.restUntilMs = this.nowMs() + Math.max(1500, 10 * (this.nowMs() - began));
    this.shown = counters;
    this.version += 1;
    this.last = {
      sweep,
      summary: summary.summary,
      trials,
      failures: failures?.trials ?? [],
      version: this.version,
    };
    return this.last;
  }

  /** Only pages with a trial that may still change, and those behind the last full one. */
  private async loadTrials(signal: AbortSignal): Promise<Trial[]> {
    const pages: Page[] = [];
    for (let after = 0, i = 0; ; i++) {
      const known = this.pages[i];
      const page =
        known?.settled && known.after === after ? known : await this.loadPage(after, signal);
      pages.push(page);
      if (page.trials.length < pageSize) {
        break;
      }
      after = page.trials.at(-1)!.id;
    }
    this.pages = pages;
    return pages.flatMap((page) => page.trials);
  }

  private async loadPage(after: number, signal: AbortSignal): Promise<Page> {
    const { trials } = await this.source.trials(this.id, after, pageSize, signal);
    const settled =
      trials.length === pageSize && trials.every((trial) => trial.state === "succeeded");
    return { after, trials, settled };
  }
}
