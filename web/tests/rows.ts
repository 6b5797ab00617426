/* Rows as the daemon answers them, with just the members a test is about. */

import type { CurveRow, SummaryRow, SweepDetail, Trial } from "../src/api_types";

export function summaryRow(members: Partial<SummaryRow>): SummaryRow {
  return {
    cell: 0,
    n: 5,
    reached: 5,
    censored: 0,
    diverged: 0,
    failed: 0,
    cancelled: 0,
    pending: 0,
    median_steps: 20,
    q1_steps: 18,
    q3_steps: 25,
    median_seconds: 0.3,
    mean_ms_per_step: 11,
    kernel: "Haswell",
    trainer: "ninety-trainer",
    cpu: "a CPU",
    ...members,
  };
}

export function trial(members: Partial<Trial>): Trial {
  return {
    id: 1,
    cell: 0,
    replicate: 0,
    state: "succeeded",
    outcome: "reached",
    config: {},
    attempts: 1,
    steps: 20,
    steps_to_target: 20,
    error: null,
    ...members,
  };
}

export function curveRows(
  trialId: number,
  points: [number, number][],
  members: Partial<CurveRow> = {},
): CurveRow[] {
  return points.map(([step, test_accuracy]) => ({
    trial: trialId,
    state: "succeeded",
    outcome: "reached",
    step,
    test_accuracy,
    cpu_ms: step * 10,
    ...members,
  }));
}

export function sweep(members: Partial<SweepDetail>): SweepDetail {
  return {
    id: 1,
    name: "test",
    state: "active",
    replicates: 1,
    cells: 1,
    trials: 1,
    queued: 0,
    running: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    reached: 0,
    censored: 0,
    diverged: 0,
    reused: 0,
    trials_per_minute: null,
    seconds_left: null,
    created_at: "2026-01-31T12:00:00.000Z",
    finished_at: null,
    spec: {},
    ...members,
  };
}
