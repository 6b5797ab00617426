/* The numbers behind the first figure, one row per cell. */

import { useState } from "preact/hooks";
import type { SummaryRow } from "./api_types";
import { type Order, sortCells } from "./cells";
import { type Field, fieldOf } from "./fields";
import { count, fieldName, measure, quartiles, trainingTime, valueName } from "./format";

const rowsAtFirst = 100;

export function CellsTable({
  rows,
  fields,
  replicates,
}: {
  rows: SummaryRow[];
  fields: Field[];
  replicates: number;
}) {
  const [order, setOrder] = useState<Order | null>(null);
  const [all, setAll] = useState(false);
  const sorted = sortCells(rows, order, fields);
  const shown = all ? sorted : sorted.slice(0, rowsAtFirst);
  const most = Math.max(
    0,
    ...rows.map((row) => row.q3_steps ?? row.median_steps ?? row.q1_steps ?? 0),
  );
  const head = (column: string, text: string, number: boolean, style = "") => (
    <Heading
      key={column}
      style={style}
      column={column}
      text={text}
      number={number}
      order={order}
      choose={setOrder}
    />
  );
  return (
    <>
      <div class="table-box" tabIndex={0} role="region" aria-label="Table of cells">
        <table>
          <thead>
            <tr>
              <th scope="col" class={fields.length > 0 ? "in-one" : ""}>
                cell
              </th>
              {fields.map((field) =>
                head(field.name, fieldName(field.name), field.numeric, "axis"),
              )}
              <th scope="col" class="number more">
                trials
              </th>
              {head("reached", "reached", true)}
              {head("median", "median steps [quartiles]", true)}
              <th scope="col" class="range">
                <span class="visually-hidden">steps, drawn</span>
              </th>
              {head("seconds", "median training time", true, "more")}
              {head("ms", "ms per step", true, "more")}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <Cell key={row.cell} row={row} fields={fields} replicates={replicates} most={most} />
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < sorted.length && (
        <button onClick={() => setAll(true)}>Show all {count(sorted.length)} cells</button>
      )}
    </>
  );
}

function Heading({
  column,
  text,
  style,
  number,
  order,
  choose,
}: {
  column: string;
  text: string;
  style: string;
  number: boolean;
  order: Order | null;
  choose: (order: Order | null) => void;
}) {
  const mine = order?.column === column ? order : null;
  const next =
    mine === null
      ? { column, descending: false }
      : mine.descending
        ? null
        : { column, descending: true };
  return (
    <th
      scope="col"
      class={`${number ? "number" : ""} ${style}`}
      aria-sort={mine === null ? "none" : mine.descending ? "descending" : "ascending"}
    >
      <button class="sort" onClick={() => choose(next)}>
        {text}
        <span class="arrow" aria-hidden="true">
          {mine === null ? "" : mine.descending ? "▼" : "▲"}
        </span>
      </button>
    </th>
  );
}

function Cell({
  row,
  fields,
  replicates,
  most,
}: {
  row: SummaryRow;
  fields: Field[];
  replicates: number;
  most: number;
}) {
  const limit = typeof row.max_steps === "number" ? row.max_steps : null;
  return (
    <tr>
      {/* On a narrow screen the axes are one column. */}
      <th scope="row" class={fields.length > 0 ? "in-one" : ""}>
        {fields.length === 0 ? row.cell + 1 : fields.map((field) => inWords(row, field)).join(", ")}
      </th>
      {fields.map((field, i) => {
        const style = field.numeric ? "number axis" : "axis";
        const text = valueName(field.name, fieldOf(row, field.name) ?? "");
        return i === 0 ? (
          <th key={field.name} scope="row" class={style}>
            {text}
          </th>
        ) : (
          <td key={field.name} class={style}>
            {text}
          </td>
        );
      })}
      <td class="number more">
        {row.diverged > 0 && <span class="is-warned">{count(row.diverged)} diverged, </span>}
        {row.failed > 0 && <span class="is-warned">{count(row.failed)} failed, </span>}
        {row.n < replicates ? `${count(row.n)} of ${count(replicates)}` : count(row.n)}
      </td>
      <td class={`number ${row.reached < row.n ? "is-warned" : ""}`}>
        {row.n > 0 ? `${count(row.reached)}/${count(row.n)}` : "–"}
      </td>
      <td class="number">
        {row.n > 0 ? quartiles(row.median_steps, row.q1_steps, row.q3_steps, limit) : "–"}
      </td>
      <td class="range">
        <Range row={row} most={most} />
      </td>
      <td class="number more">
        {row.n === 0
          ? "–"
          : row.median_seconds === null
            ? "not reached"
            : trainingTime(row.median_seconds)}
      </td>
      <td class="number more">{measure(row.mean_ms_per_step)}</td>
    </tr>
  );
}

/** A value that tells its axis: numbers alone do not. */
function inWords(row: SummaryRow, field: Field): string {
  const text = valueName(field.name, fieldOf(row, field.name) ?? "");
  return field.numeric ? `${fieldName(field.name)} ${text}` : text;
}

/** Quartiles as a line and the median as a dot, on one scale for the whole table. */
function Range({ row, most }: { row: SummaryRow; most: number }) {
  if (row.n === 0 || most === 0) {
    return null;
  }
  const width = 120;
  const at = (steps: number | null) =>
    steps === null ? width - 4 : 4 + ((width - 16) * steps) / most;
  return (
    <svg width={width} height="14" aria-hidden="true">
      <line x1="4" x2={width - 4} y1="7" y2="7" stroke="var(--grid)" />
      <line
        x1={at(row.q1_steps)}
        x2={at(row.q3_steps)}
        y1="7"
        y2="7"
        stroke="var(--accent)"
        stroke-width="3"
        stroke-linecap="round"
        stroke-opacity="0.5"
      />
      {row.median_steps === null ? (
        <path
          d={`M${at(null)},3l4,7h-8z`}
          fill="var(--card)"
          stroke="var(--accent)"
          stroke-width="1.2"
        />
      ) : (
        <circle cx={at(row.median_steps)} cy="7" r="3.5" fill="var(--accent)" />
      )}
    </svg>
  );
}
