/*
 * Where values stand on the axes of the figures. Pure.
 *
 * The horizontal axis is drawn in a coordinate of our own, u: the number itself, its logarithm, or
 * the rank of a word; so that jitter and the offset between series mean the same everywhere.
 */

import type { Value } from "./api_types";
import { type Field, valueKey } from "./fields";
import { valueName } from "./format";

export interface XAxis {
  kind: "linear" | "log" | "words";
  ticks: { at: number; label: string }[];
  domain: [number, number];
  /** The least distance between two values. */
  gap: number;
  position: (value: Value) => number;
}

const manyTicks = 12;

export function xAxis(field: Field): XAxis {
  const numbers = field.numeric ? (field.values as number[]) : [];
  const least = numbers[0] ?? 0;
  const spread = (numbers.at(-1) ?? 0) / least;
  const kind = !field.numeric ? "words" : least > 0 && spread >= 20 ? "log" : "linear";
  const ranks = new Map(field.values.map((value, rank) => [valueKey(value), rank]));
  const position = (value: Value): number => {
    if (kind === "words") {
      return ranks.get(valueKey(value)) ?? -1;
    }
    return kind === "log" ? Math.log10(value as number) : (value as number);
  };
  const at = field.values.map(position);
  const gap = at.slice(1).reduce((least, u, i) => Math.min(least, u - at[i]!), Infinity);
  const room = Number.isFinite(gap) ? gap : 1;
  return {
    kind,
    ticks: xTicks(field, kind, position),
    domain: [at[0]! - 0.5 * room, at.at(-1)! + 0.5 * room],
    gap: room,
    position,
  };
}

function xTicks(field: Field, kind: XAxis["kind"], position: XAxis["position"]): XAxis["ticks"] {
  const every = field.values.map((value) => ({
    at: position(value),
    label: valueName(field.name, value),
  }));
  if (kind === "words" || every.length <= manyTicks) {
    return every;
  }
  const [low, high] = [field.values[0] as number, field.values.at(-1) as number];
  const values = kind === "log" ? logTicks(low, high) : linearTicks(low, high, 8);
  return values.map((value) => ({ at: position(value), label: valueName(field.name, value) }));
}

/** Round numbers within [low, high], about `n` of them. */
export function linearTicks(low: number, high: number, n: number): number[] {
  if (!(high > low)) {
    return [low];
  }
  const rough = (high - low) / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** Round numbers within [low, high]: powers of ten, and more where few powers fit. */
export function logTicks(low: number, high: number): number[] {
  const powers = Math.log10(high / low);
  const factors = powers > 3.5 ? [1] : powers > 1.1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of factors) {
      const tick = Number((factor * 10 ** power).toPrecision(12));
      if (tick >= low * 0.999 && tick <= high * 1.001) {
        ticks.push(tick);
      }
    }
  }
  return ticks;
}

/** A vertical axis with a strip above the largest value, for what lies beyond it. */
export interface StepsAxis {
  log: boolean;
  domain: [number, number];
  ticks: number[];
  /** Where censored trials stand; null when there are none. */
  beyond: number | null;
  /** The lower edge of the strip. */
  edge: number | null;
}

/** `log` null: logarithmic when the values span more than a factor of 20. */
export function stepsAxis(
  values: number[],
  censored: boolean,
  limit: number | null,
  log: boolean | null,
): StepsAxis {
  const positive = values.filter((value) => value > 0);
  const high = positive.length > 0 ? Math.max(...positive) : (limit ?? 100);
  const low = positive.length > 0 ? Math.min(...positive) : 1;
  const useLog = log ?? high / low > 20;
  const bottom = useLog ? Math.min(low, high / 2) / 1.15 : 0;
  const [to, from] = useLog
    ? [Math.log10, (t: number) => 10 ** t]
    : [(v: number) => v, (t: number) => t];
  const span = to(high) - to(bottom || (useLog ? 1 : 0));
  const above = (share: number) => from(to(high) + share * span);
  return {
    log: useLog,
    domain: [bottom, above(censored ? 0.16 : 0.04)],
    ticks: useLog ? logTicks(bottom, high) : linearTicks(0, high, 6),
    beyond: censored ? above(0.105) : null,
    edge: censored ? above(0.05) : null,
  };
}

/** Spreads points over [-0.5, 0.5): neighbours in order land far apart, and it never changes. */
export function jitter(index: number): number {
  return ((index * 0.6180339887498949) % 1) - 0.5;
}
