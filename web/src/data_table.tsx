/* A table of rows of one kind: the first column names the row, the others say something of it. */

import type { ComponentChildren } from "preact";

export interface Column<Row> {
  title: string;
  /** "number" stands to the right. */
  style?: string;
  show: (row: Row) => ComponentChildren;
}

export function DataTable<Row extends { id: number }>({
  label,
  columns,
  rows,
}: {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
}) {
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title, style }) => (
              <th key={title} scope="col" class={style ?? ""}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              {columns.map(({ title, style, show }, i) =>
                i === 0 ? (
                  <th key={title} scope="row" class={style ?? ""}>
                    {show(row)}
                  </th>
                ) : (
                  <td key={title} class={style ?? ""}>
                    {show(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
