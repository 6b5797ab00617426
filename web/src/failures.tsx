/* The trials that failed, and why: by reason, and one by one on demand. */

import type { Trial } from "./api_types";
import { type Column, DataTable } from "./data_table";
import { groupFailures, reasonOf } from "./failure_groups";
import { type Field, fieldOf } from "./fields";
import { count, counted, fieldName, valueName } from "./format";

function columnsOf(fields: Field[]): Column<Trial>[] {
  return [
    { title: "trial", show: (trial) => trial.id },
    ...fields.map((field) => ({
      title: fieldName(field.name),
      show: (trial: Trial) => valueName(field.name, fieldOf(trial.config, field.name) ?? "–"),
    })),
    { title: "seed", style: "number", show: (trial) => String(trial.config.seed ?? "–") },
    { title: "attempts", style: "number", show: (trial) => count(trial.attempts) },
    { title: "reason", style: "reason", show: reasonOf },
  ];
}

/** `failed`: how many there are in all, and how many of them diverged; `failures` may be just the
 * first of them. */
export function Failures({
  failures,
  failed,
  diverged,
  fields,
}: {
  failures: Trial[];
  failed: number;
  diverged: number;
  fields: Field[];
}) {
  const groups = groupFailures(failures, fields);
  return (
    <section class="card" aria-labelledby="failures-title">
      <h2 id="failures-title">
        Failed trials{" "}
        <span class="quiet">
          {count(failed)}
          {diverged > 0 && `, ${count(diverged)} of them diverged`}
        </span>
      </h2>
      <ul class="reasons">
        {groups.map((group) => (
          <li key={group.trials[0]!.id}>
            <b>{count(group.trials.length)}</b> <span class="reason">{group.reason}</span>
            {group.where !== "" && <span class="quiet"> ({group.where})</span>}
          </li>
        ))}
      </ul>
      {failed > failures.length && (
        <p class="quiet">
          Of the first {count(failures.length)}; {count(failed - failures.length)} more are not
          loaded.
        </p>
      )}
      <details>
        <summary>
          {failures.length === 1 ? "The trial" : `The ${counted(failures.length, "trial")}`}
        </summary>
        <DataTable label="Table of failed trials" columns={columnsOf(fields)} rows={failures} />
      </details>
    </section>
  );
}
