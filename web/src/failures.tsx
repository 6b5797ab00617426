/* The trials that failed, and why. */

import { useState } from "preact/hooks";
import type { Trial } from "./api_types";
import { type Column, DataTable } from "./data_table";
import { type Field, fieldOf } from "./fields";
import { count, fieldName, valueName } from "./format";
import { maxFailures } from "./sweep_data";

const rowsAtFirst = 10;

function columnsOf(fields: Field[]): Column<Trial>[] {
  return [
    { title: "trial", show: (trial) => trial.id },
    ...fields.map((field) => ({
      title: fieldName(field.name),
      show: (trial: Trial) => valueName(field.name, fieldOf(trial.config, field.name) ?? "–"),
    })),
    { title: "seed", style: "number", show: (trial) => String(trial.config.seed ?? "–") },
    { title: "attempts", style: "number", show: (trial) => count(trial.attempts) },
    { title: "reason", style: "reason", show: (trial) => trial.error ?? "no reason was reported" },
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
  const [all, setAll] = useState(false);
  const shown = all ? failures : failures.slice(0, rowsAtFirst);
  return (
    <section class="card" aria-labelledby="failures-title">
      <h2 id="failures-title">
        Failed trials{" "}
        <span class="quiet">
          {count(failed)}
          {diverged > 0 && `, ${count(diverged)} of them diverged`}
        </span>
      </h2>
      <DataTable label="Table of failed trials" columns={columnsOf(fields)} rows={shown} />
      {shown.length < failures.length && (
        <button onClick={() => setAll(true)}>Show {count(failures.length)}</button>
      )}
      {failed > maxFailures && <p class="quiet">The first {maxFailures} are listed.</p>}
    </section>
  );
}
