/* The second figure: test accuracy against steps or training time, single trials and median. */

import type { CurveRow } from "./api_types";
import { capCurves, type CurveAxis, curvesOf } from "./curves";
import { type CurvesFrame, drawCurves } from "./curves_plot";
import type { Field } from "./fields";
import { count, counted } from "./format";
import { Figure } from "./plot_box";
import { seriesLabels } from "./series";

const linesPerSeries = 40;

interface Props {
  rows: CurveRow[];
  /** Of how many seeds of each cell these are, and how many it has; `cut`: not even of all cells. */
  replicates: { loaded: number; all: number };
  cut: boolean;
  series: Field | null;
  held: Record<string, string>;
  axis: CurveAxis;
  log: boolean;
  goal: number | null;
  version: string;
}

export function CurvesFigure({
  rows,
  replicates,
  cut,
  series,
  held,
  axis,
  log,
  goal,
  version,
}: Props) {
  const all = curvesOf(rows, axis, series, held);
  const labels = seriesLabels(series);
  const frame: CurvesFrame = {
    all,
    shown: capCurves(all, linesPerSeries),
    axis,
    log,
    goal,
    labels,
    complete: !cut && replicates.loaded >= replicates.all,
    nSeries: Math.max(1, labels.length),
  };
  const left = all.length - frame.shown.length;
  return (
    <Figure
      labels={labels}
      version={version}
      label={describe(frame, labels)}
      draw={(width) => drawCurves(frame, width)}
    >
      Thin lines: single trials ({count(frame.shown.length)}
      {left > 0 ? `, ${count(left)} more not drawn` : ""}
      {cut ? ", more not loaded" : ""}), straight from one measurement to the next
      {frame.complete
        ? "; bold: their median, as long as all of them train."
        : `. No median: ${unloaded(replicates, cut)}.`}
    </Figure>
  );
}

function unloaded({ loaded, all }: Props["replicates"], cut: boolean): string {
  return cut ? "not all trials are loaded" : `${count(loaded)} of ${count(all)} seeds are loaded`;
}

function describe({ all, axis }: CurvesFrame, labels: string[]): string {
  const of = labels.length > 1 ? ` for ${labels.join(", ")}` : "";
  const against = axis === "step" ? "optimizer steps" : "training seconds";
  return `Test accuracy against ${against}${of}: ${counted(all.length, "trial")}.`;
}
