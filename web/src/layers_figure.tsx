/* The third figure: gradients, weights and units by layer, at one step of training. */

import type { LayerRow } from "./api_types";
import type { Arms } from "./arms";
import { count, magnitude, valueName } from "./format";
import { lastLayers, layerPoints, layersAxis, type Quantity, shrinkage } from "./layers";
import { amount, drawLayers, layerName, type LayersFrame, showsBand } from "./layers_plot";
import { PlotBox, SeriesLegend } from "./plot_box";

interface Props {
  rows: LayerRow[];
  cut: boolean;
  step: number;
  quantity: Quantity;
  arms: Arms;
  version: string;
}

export function LayersFigure({ rows, cut, step, quantity, arms, version }: Props) {
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
  const labels = series?.values.map((value) => valueName(series.name, value)) ?? [];
  const frame: LayersFrame = {
    points,
    quantity,
    labels,
    lasts,
    yAxis: layersAxis(points, quantity.share),
    nSeries: Math.max(1, labels.length),
  };
  return (
    <figure>
      <SeriesLegend labels={labels} />
      <PlotBox
        version={version}
        label={describe(frame, step)}
        draw={(width) => drawLayers(frame, width)}
      />
      <figcaption>{caption(frame, cut)}</figcaption>
    </figure>
  );
}

function describe({ points, quantity, labels }: LayersFrame, step: number): string {
  const texts = points.slice(0, 80).map((point) => {
    const series = labels.length > 1 ? `, ${labels[point.series]}` : "";
    return `${layerName(point)}${series}: ${amount(quantity, point.median)}`;
  });
  return `Median of the ${quantity.axis}, by layer, at step ${step}. ${texts.join("; ")}.`;
}

function caption(frame: LayersFrame, cut: boolean): string {
  const { points, labels, quantity, nSeries } = frame;
  const parts = [
    `Line: median over the seeds; ${showsBand(nSeries) ? "band" : "bar"}: quartiles` +
      (cut ? "; not all cells are loaded" : ""),
  ];
  const ratios = Array.from({ length: nSeries }, (_, series) => ({
    label: labels[series],
    ratio: shrinkage(points, series),
  })).filter(({ ratio }) => ratio !== null);
  if (quantity.vanishes && ratios.length > 0) {
    const texts = ratios.map(({ label, ratio }) => {
      const times = ratio === Infinity ? "∞" : magnitude(Number(ratio!.toPrecision(2)));
      return label === undefined ? times : `${label} ${times}`;
    });
    parts.push(`The logits' gradient over that of layer 0: ${texts.join(", ")}`);
  }
  return `${parts.join(". ")}.`;
}
