/* What figures of single arms have in common: which arms they show, and rows loaded for them. */

import { useRef, useState } from "preact/hooks";
import type { SummaryRow } from "./api_types";
import { HeldChoices, Select } from "./controls";
import { cellsOf, chooseRoles, type Field, heldValues } from "./fields";
import { fieldName } from "./format";
import { usePolled } from "./poll";
import { maxSeries } from "./series";
import type { SweepSnapshot } from "./sweep_data";

export interface Arms {
  /** What the colours stand for; the other fields are held. null: one series. */
  series: Field | null;
  held: Record<string, string>;
  /** The cells that are shown, one of each arm; figures load nothing of the others. */
  cells: number[];
  /** The same text for the same arms. */
  key: string;
  choose: {
    fields: Field[];
    colours: Field[];
    colour: (name: string) => void;
    held: (name: string, key: string) => void;
  };
}

export function useArms(fields: Field[], summary: SummaryRow[]): Arms {
  const [colour, setColour] = useState<string | null>(null);
  const [chosen, setChosen] = useState<Record<string, string>>({});
  const few = fields.filter((field) => field.values.length <= maxSeries);
  const usual =
    fields.length === 1 ? few[0] : few.find((field) => field.name === chooseRoles(fields).series);
  const series = few.find((field) => field.name === colour) ?? usual ?? null;
  const names = fields.map((field) => field.name).filter((name) => name !== series?.name);
  const held = heldValues(fields, names, chosen, summary);
  return {
    series,
    held,
    cells: cellsOf(summary, held),
    key: `${series?.name} ${JSON.stringify(held)}`,
    choose: {
      fields,
      colours: few,
      colour: setColour,
      held: (name, key) => setChosen({ ...chosen, [name]: key }),
    },
  };
}

export function ArmChoices({ arms: { series, held, choose } }: { arms: Arms }) {
  return (
    <>
      {choose.colours.length > 1 && (
        <Select
          label="colour"
          value={series?.name ?? ""}
          choose={choose.colour}
          options={choose.colours.map(({ name }) => ({ value: name, label: fieldName(name) }))}
        />
      )}
      <HeldChoices fields={choose.fields} held={held} choose={choose.held} />
    </>
  );
}

/** Rows of a sweep, loaded again while trials run or when the results changed. */
export function useRows<T>(
  what: string,
  { sweep, version }: SweepSnapshot,
  load: (signal: AbortSignal) => Promise<T>,
): { data: T | undefined; last: T | undefined; loads: number } {
  const kept = useRef<{ key: string; version: number; loads: number; data?: T }>({
    key: "",
    version: -1,
    loads: 0,
  });
  const key = `${what} ${sweep.id}`;
  const { data } = usePolled(key, 3000, async (signal) => {
    const last = kept.current;
    if (last.key !== key || last.version !== version || sweep.running > 0) {
      const data = await load(signal);
      kept.current = { key, version, loads: last.loads + 1, data };
    }
    return kept.current.data!;
  });
  return { data, last: data ?? kept.current.data, loads: kept.current.loads };
}
