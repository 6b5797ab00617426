import assert from "node:assert/strict";
import { test } from "node:test";
import { sizeText } from "../src/progress";
import { sweep } from "./rows";

test("the size tells what was not trained anew", () => {
  const one = sweep({ cells: 14, replicates: 5, trials: 70 });
  assert.equal(sizeText(one), "14 cells × 5 seeds = 70 trials");
  assert.equal(
    sizeText({ ...one, reused: 40 }),
    "14 cells × 5 seeds = 70 trials, 40 of them from earlier sweeps",
  );
});
