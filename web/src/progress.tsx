/* A sweep's progress: the bar, its legend, and a sentence for those who do not see it. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Sweep } from "./api_types";
import { count, counted, duration, percent, rate } from "./format";

interface Part {
  key: string;
  label: string;
  n: number;
}

/** What failed and says nothing about the network. */
function failedOtherwise(sweep: Sweep): number {
  return sweep.succeeded + sweep.failed - sweep.reached - sweep.censored - sweep.diverged;
}

export function progressParts(sweep: Sweep): Part[] {
  return [
    { key: "reached", label: "reached", n: sweep.reached },
    { key: "censored", label: "not reached", n: sweep.censored },
    { key: "diverged", label: "diverged", n: sweep.diverged },
    { key: "failed", label: "failed", n: failedOtherwise(sweep) },
    { key: "cancelled", label: "cancelled", n: sweep.cancelled },
    { key: "running", label: "running", n: sweep.running },
    { key: "queued", label: "queued", n: sweep.queued },
  ];
}

/** Trials that have their final state, as a share of all. */
export function doneShare(sweep: Sweep): number {
  const done = sweep.succeeded + sweep.failed + sweep.cancelled;
  return sweep.trials > 0 ? done / sweep.trials : 1;
}

export function progressText(sweep: Sweep): string {
  const parts = progressParts(sweep)
    .filter((part) => part.n > 0)
    .map((part) => `${count(part.n)} ${part.label}`);
  const share = percent(Math.floor(doneShare(sweep) * 100) / 100, 0);
  return `${share} of ${counted(sweep.trials, "trial")} done: ${parts.join(", ")}`;
}

export function ProgressBar({ sweep, label }: { sweep: Sweep; label: string }) {
  return (
    <div
      class="bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(doneShare(sweep) * 100)}
      aria-valuetext={progressText(sweep)}
    >
      {progressParts(sweep)
        .filter((part) => part.key !== "queued")
        .map((part) => (
          <span
            key={part.key}
            class={`bar-part is-${part.key}`}
            style={{ width: `${(100 * part.n) / Math.max(1, sweep.trials)}%` }}
          />
        ))}
    </div>
  );
}

export function ProgressLegend({ sweep }: { sweep: Sweep }) {
  return (
    <ul class="bar-legend" aria-hidden="true">
      {progressParts(sweep)
        .filter((part) => part.n > 0 || part.key === "reached")
        .map((part) => (
          <li key={part.key}>
            <span class={`swatch is-${part.key}`} /> <b>{count(part.n)}</b> {part.label}
          </li>
        ))}
    </ul>
  );
}

/** "14 cells × 5 seeds = 70 trials, 40 of them from earlier sweeps". */
export function sizeText({ cells, replicates, trials, reused }: Sweep): string {
  const product = `${counted(cells, "cell")} × ${counted(replicates, "seed")}`;
  const taken = reused > 0 ? `, ${count(reused)} of them from earlier sweeps` : "";
  return `${product} = ${counted(trials, "trial")}${taken}`;
}

/** Why a sweep does not move. */
const waitingTexts: Record<string, string> = {
  worker: "waiting for a worker",
  "free worker": "waiting: the workers are busy with other sweeps",
  "next attempt": "waiting: a failed trial is tried again shortly",
  preparation: "waiting: the sweep is being prepared",
};

/** "63 trials/min · 1 min 20 s left", or how it ended. */
export function paceText(sweep: Sweep): string {
  if (sweep.state === "finished" || sweep.state === "cancelled") {
    const took =
      sweep.finished_at === null
        ? null
        : (Date.parse(sweep.finished_at) - Date.parse(sweep.created_at)) / 1000;
    return took === null ? "" : `took ${duration(took)}`;
  }
  if (sweep.state === "paused") {
    return sweep.running > 0 ? "running trials go on to their end" : "nothing is handed out";
  }
  const parts = [
    (sweep.trials_per_minute ?? 0) > 0 ? rate(sweep.trials_per_minute) : "",
    sweep.seconds_left === null ? "" : `${duration(sweep.seconds_left)} left`,
  ].filter((part) => part !== "");
  const waiting = sweep.waits_for ? waitingTexts[sweep.waits_for] : undefined;
  return waiting ?? parts.join(" · ");
}

/** Speaks at each tenth and at the end, not at every trial. */
export function ProgressAnnouncer({ sweep }: { sweep: Sweep }) {
  const tenth = Math.floor(doneShare(sweep) * 10);
  const milestone = [sweep.id, sweep.state, tenth, sweep.failed > 0].join();
  const [text, setText] = useState("");
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) {
      setText(`${sweep.name}: ${sweep.state}, ${progressText(sweep)}`);
    }
    first.current = false;
  }, [milestone]);
  return (
    <p class="visually-hidden" aria-live="polite">
      {text}
    </p>
  );
}
