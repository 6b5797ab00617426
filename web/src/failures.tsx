/* The trials that failed, and why. */

import { useState } from "preact/hooks";
import type { Trial } from "./api_types";
import { type Field, fieldOf } from "./fields";
import { count, fieldName, valueName } from "./format";
import { maxFailures } from "./sweep_data";

const rowsAtFirst = 10;

/** `failed`: how many there are in all; `failures` may be just the first of them. */
export function Failures({
  failures,
  failed,
  fields,
}: {
  failures: Trial[];
  failed: number;
  fields: Field[];
}) {
  const [all, setAll] = useState(false);
  const shown = all ? failures : failures.slice(0, rowsAtFirst);
  return (
    <section class="card" aria-labelledby="failures-title">
      <h2 id="failures-title">
        Failed trials <span class="quiet">{count(failed)}</span>
      </h2>
      <div class="table-box" tabIndex={0} role="region" aria-label="Table of failed trials">
        <table>
          <thead>
            <tr>
              <th scope="col">trial</th>
              {fields.map((field) => (
                <th key={field.name} scope="col">
                  {fieldName(field.name)}
                </th>
              ))}
              <th scope="col" class="number">
                seed
              </th>
              <th scope="col" class="number">
                attempts
              </th>
              <th scope="col">reason</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((trial) => (
              <tr key={trial.id}>
                <th scope="row">{trial.id}</th>
                {fields.map((field) => (
                  <td key={field.name}>
                    {valueName(field.name, fieldOf(trial.config, field.name) ?? "–")}
                  </td>
                ))}
                <td class="number">{String(trial.config.seed ?? "–")}</td>
                <td class="number">{count(trial.attempts)}</td>
                <td class="reason">{trial.error ?? "no reason was reported"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < failures.length && (
        <button onClick={() => setAll(true)}>Show {count(failures.length)}</button>
      )}
      {failed > maxFailures && <p class="quiet">The first {maxFailures} are listed.</p>}
    </section>
  );
}
