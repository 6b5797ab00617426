/* The third figure: gradients, weights and units by layer, at one step of training. */

import type { LayerRow } from "./api_types";
import type { Arms } from "./arms";
import type { Field } from "./fields";
import { count, fieldName, magnitude } from "./format";
import { lastLayers, layerPoints, layersAxis, type Quantity, shrinkage } from "./layers";
import { amount, drawLayers, layerName, type LayersFrame } from "./layers_plot";
import { Figure } from "./plot_box";
import { bandsFit } from "./plot_frame";
import { seriesLabels } from "./series";

interface Props {
  rows: LayerRow[];
  step: number;
  quantity: Quantity;
  arms: Arms;
  version: string;
}

export function LayersFigure({ rows, step, quantity, arms, version }: Props) {
  const { series, held } = arms;
  const points = layerPoints(rows, series, held);
  const lasts = lastLayers(rows, held);
  if (points.length === 0) {
    return (
      <p class="empty">
        {lasts.length > 0
          ? quantity.absent
          : `None of these trials has statistics of its layers at step ${count(step)}.`}
      </p>
    );
  }
  const labels = seriesLabels(series);
  const frame: LayersFrame = {
    points,
    quantity,
    labels,
    lasts,
    yAxis: layersAxis(points, quantity.share),
    nSeries: Math.max(1, labels.length),
  };
  return (
    <Figure
      labels={labels}
      version={version}
      label={describe(frame, step)}
      draw={(width) => drawLayers(frame, width)}
    >
      {caption(frame, series)}
    </Figure>
  );
}

function describe({ points, quantity, labels }: LayersFrame, step: number): string {
  const texts = points.slice(0, 80).map((point) => {
    const series = labels.length > 1 ? `, ${labels[point.series]}` : "";
    return `${layerName(point)}${series}: ${amount(quantity, point.median)}`;
  });
  return `Median of the ${quantity.axis}, by layer, at step ${step}. ${texts.join("; ")}.`;
}

function caption(frame: LayersFrame, series: Field | null): string {
  const { quantity, nSeries } = frame;
  const parts = [`Line: median over the seeds; ${bandsFit(nSeries) ? "band" : "bar"}: quartiles`];
  const falls = Array.from({ length: nSeries }, (_, rank) => fall(frame, rank, series));
  const known = falls.filter((text) => text !== null);
  if (quantity.vanishes && known.length > 0) {
    parts.push(`The logits' gradient over that of layer 0: ${known.join(", ")}`);
  }
  return `${parts.join(". ")}.`;
}

/** "46,000 (without BN)"; the name of the field where a value alone would be a bare number. */
function fall({ points, labels }: LayersFrame, rank: number, series: Field | null): string | null {
  const ratio = shrinkage(points, rank);
  if (ratio === null) {
    return null;
  }
  const times = ratio === Infinity ? "∞" : magnitude(Number(ratio.toPrecision(2)));
  if (series === null) {
    return times;
  }
  const name = series.numeric ? `${fieldName(series.name)}: ` : "";
  return `${times} (${name}${labels[rank]})`;
}
