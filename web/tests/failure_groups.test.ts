import assert from "node:assert/strict";
import { test } from "node:test";
import type { Trial } from "../src/api_types";
import { groupFailures } from "../src/failure_groups";
import { type Field } from "../src/fields";

const fields: Field[] = [
  { name: "depth", values: [1, 2], numeric: true },
  { name: "learning_rate", values: [0.01, 50], numeric: true },
];

function failed(id: number, depth: number, learning_rate: number, error: string | null): Trial {
  const config = { hidden_units: Array<number>(depth).fill(8), learning_rate };
  return { id, config, error } as unknown as Trial;
}

test("reasons that differ in their numbers only are one, and say where it happened (B12)", () => {
  const groups = groupFailures(
    [
      failed(1, 1, 50, "diverged at step 12: the loss is nan"),
      failed(2, 2, 50, "diverged at step 7: the loss is nan"),
      failed(3, 1, 0.01, "killed by signal 9"),
      failed(4, 1, 50, null),
    ],
    fields,
  );
  assert.deepEqual(
    groups.map((group) => [group.trials.map((trial) => trial.id), group.reason, group.where]),
    [
      [[1, 2], "diverged at step 12: the loss is nan", "learning rate 50"],
      [[3], "killed by signal 9", "hidden layers 1; learning rate 0.01"],
      [[4], "no reason was reported", "hidden layers 1; learning rate 50"],
    ],
  );
});
