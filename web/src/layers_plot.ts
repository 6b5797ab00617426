/* The drawing of the third figure, layer by layer of the picture. */

import * as Plot from "@observablehq/plot";
import { counted, magnitude, percent, power } from "./format";
import { type LayerPoint, type LayersAxis, type Quantity } from "./layers";
import { bandsFit, color, drawPlot, type Mark, outlined, spreadMark, tips } from "./plot_frame";
import { linearTicks } from "./scales";

export interface LayersFrame {
  points: LayerPoint[];
  quantity: Quantity;
  labels: string[];
  /** The layer of the logits, of each depth that is shown. */
  lasts: number[];
  yAxis: LayersAxis;
  nSeries: number;
}

const manyLayers = 16;

export function drawLayers(frame: LayersFrame, width: number): Element {
  const { quantity, lasts, yAxis } = frame;
  const end = lasts.at(-1)!;
  const every = Array.from({ length: end + 1 }, (_, layer) => layer);
  const inner = linearTicks(0, end, 8).filter((layer) => end - layer > end / 16);
  const x = {
    name: "layer, from the input",
    type: "linear" as const,
    domain: [-0.35, end + 0.35] as [number, number],
    ticks: end <= manyLayers ? every : [...inner, end],
    label: (layer: number) => (lasts.length === 1 && layer === end ? "logits" : String(layer)),
  };
  const y = {
    name: quantity.axis,
    type: yAxis.log ? ("log" as const) : ("linear" as const),
    domain: yAxis.domain,
    ticks: yAxis.ticks,
    label: tickNames(yAxis),
  };
  return drawPlot(width, x, y, [spread(frame), ...lines(frame)]);
}

/** Powers of ten where there is nothing else. */
function tickNames({ log, ticks, zero }: LayersAxis): (tick: number) => string {
  const exponent = (tick: number) => Math.round(Math.log10(tick));
  const plain = (tick: number) => Math.abs(tick / 10 ** exponent(tick) - 1) < 1e-6;
  const powers = ticks.every((tick) => tick === zero || plain(tick));
  return (tick) =>
    !log
      ? percent(tick, 0)
      : tick === zero
        ? "0"
        : powers
          ? power(exponent(tick))
          : magnitude(tick);
}

/** On a logarithmic axis 0 has a place of its own. */
function atY({ zero }: LayersAxis, value: number): number {
  return zero !== null && value <= 0 ? zero : value;
}

function spread({ points, yAxis, nSeries }: LayersFrame): Mark {
  const ends = {
    x: "layer",
    y1: (point: LayerPoint) => atY(yAxis, point.q1),
    y2: (point: LayerPoint) => atY(yAxis, point.q3),
  };
  return spreadMark(points, ends, bandsFit(nSeries) ? "band" : 10);
}

function lines(frame: LayersFrame): Mark[] {
  const { points, yAxis, lasts } = frame;
  const crowded = lasts.at(-1)! > manyLayers;
  const at = { x: "layer", y: (point: LayerPoint) => atY(yAxis, point.median) };
  return [
    Plot.line(points, { ...at, z: "series", stroke: color, strokeWidth: 2 }),
    Plot.dot(points, {
      ...at,
      ...outlined,
      r: crowded ? 2 : 4.5,
      strokeWidth: crowded ? 1 : 2,
    }),
    tips(points, at, (point) => tip(frame, point)),
  ];
}

export function amount({ share }: Quantity, value: number): string {
  return share ? percent(value) : magnitude(value);
}

export function layerName({ layer, last }: LayerPoint): string {
  return last ? "logits" : `layer ${layer}`;
}

function tip({ labels, quantity }: LayersFrame, point: LayerPoint): (string | undefined)[] {
  const show = (value: number) => amount(quantity, value);
  return [
    layerName(point),
    labels.length > 1 ? labels[point.series] : undefined,
    `${show(point.median)} [${show(point.q1)}, ${show(point.q3)}]`,
    counted(point.trials, "trial"),
  ];
}
