/* What the daemon answers, as docs/http-api.md says it. */

export type Value = number | string | boolean | number[];
export type Config = Record<string, Value>;

export type SweepState = "active" | "paused" | "finished" | "cancelled";
export type TrialState = "queued" | "running" | "succeeded" | "failed" | "cancelled";
/** What is known of the network; the first three are in every figure. */
export type Outcome = "reached" | "censored" | "diverged" | "failed" | "cancelled" | "pending";

export interface Sweep {
  id: number;
  name: string;
  state: SweepState;
  replicates: number;
  cells: number;
  trials: number;
  queued: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** By outcome; a diverged one is among the failed, too. */
  reached: number;
  censored: number;
  diverged: number;
  /** Of the succeeded ones, how many took over the result of an earlier sweep. */
  reused: number;
  trials_per_minute: number | null;
  seconds_left: number | null;
  /** worker, free worker, next attempt, preparation or resume; null while trials run. */
  waits_for?: string | null;
  created_at: string;
  finished_at: string | null;
}

export interface SweepSpec {
  name?: string;
  base?: Config;
  parameters?: Record<string, Value[] | { min: number; max: number }>;
}

export interface SweepDetail extends Sweep {
  spec: SweepSpec;
}

export interface Trial {
  id: number;
  cell: number;
  replicate: number;
  state: TrialState;
  outcome: Outcome;
  config: Config;
  attempts: number;
  steps: number | null;
  steps_to_target: number | null;
  error: string | null;
}

/** A row of the view `summary`: the configuration's columns and these. */
export interface SummaryRow {
  cell: number;
  /** Trials that are in its figures: reached + censored + diverged. */
  n: number;
  reached: number;
  censored: number;
  diverged: number;
  median_steps: number | null;
  q1_steps: number | null;
  q3_steps: number | null;
  failed: number;
  cancelled: number;
  pending: number;
  median_seconds: number | null;
  mean_ms_per_step: number | null;
  /** Of the n trials; "mixed" where they differ. */
  kernel: string | null;
  trainer: string | null;
  cpu: string | null;
  [column: string]: Value | null;
}

/** A row of the view `curves`: one measurement with its trial's configuration. */
export interface CurveRow {
  trial: number;
  state: TrialState;
  outcome: Outcome;
  step: number;
  test_accuracy: number | null;
  cpu_ms: number | null;
  [column: string]: Value | null;
}

/** What a layer of a cell's networks looked like at a step: over its trials, with the configuration. */
export interface LayerRow {
  cell: number;
  step: number;
  /** 0 is the one at the input, `depth` the logits. */
  layer: number;
  trials: number;
  q1: number | null;
  median: number | null;
  q3: number | null;
  [column: string]: Value | null;
}

export interface LayerStep {
  step: number;
  trials: number;
}

export interface Worker {
  id: number;
  host: string;
  pid: number;
  slots: number;
  cpu: string;
  kernel: string;
  version: string;
  running: number;
  succeeded: number;
  failed: number;
  trials_per_minute: number | null;
  state: "alive" | "gone";
  seen_at: string;
}

export type SweepAction = "pause" | "resume" | "cancel" | "retry";
