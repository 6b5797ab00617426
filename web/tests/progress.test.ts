import assert from "node:assert/strict";
import { test } from "node:test";
import { progressText, sizeText } from "../src/progress";
import { sweep } from "./rows";

test("the size tells what was not trained anew", () => {
  const one = sweep({ cells: 14, replicates: 5, trials: 70 });
  assert.equal(sizeText(one), "14 cells × 5 seeds = 70 trials");
  assert.equal(
    sizeText({ ...one, reused: 40 }),
    "14 cells × 5 seeds = 70 trials, 40 of them from earlier sweeps",
  );
});

// C1, C2: the parts are outcomes, and all of them are the trials.
test("what diverged is told apart from what failed", () => {
  const one = sweep({
    state: "finished",
    trials: 20,
    succeeded: 12,
    failed: 8,
    reached: 11, // one of them diverged later
    censored: 2,
    diverged: 4,
  });
  assert.equal(
    progressText(one),
    "100 % of 20 trials done: 11 reached, 2 not reached, 4 diverged, 3 failed",
  );
});
