/* Numbers and times in words for a person. Pure: no DOM, no clock. */

import type { Value } from "./api_types";

const grouped = new Intl.NumberFormat("en-US");

/** 12345 as "12,345"; null as a dash. */
export function count(value: number | null): string {
  return value === null ? "–" : grouped.format(value);
}

/** "1 cell", "1,200 cells". */
export function counted(n: number, what: string): string {
  return `${count(n)} ${what}${n === 1 ? "" : "s"}`;
}

/** A number with about three digits that matter: 0.0123, 1.23, 45.6, 1,235. */
export function short(value: number | null): string {
  if (value === null) {
    return "–";
  }
  if (Math.abs(value) >= 100) {
    return grouped.format(Math.round(value));
  }
  return String(Number(value.toPrecision(3)));
}

/** The same for columns of measurements, one below the other: 0.100, 1.00, 16.0, 1,235. */
export function measure(value: number | null): string {
  return value === null || Math.abs(value) >= 100 ? short(value) : value.toPrecision(3);
}

/** A number of any size, two digits where it is far from 1: 0.0384, 8.3·10⁻⁷, 10⁻⁴. */
export function magnitude(value: number): string {
  if (value === 0 || (Math.abs(value) >= 0.001 && Math.abs(value) < 1e6)) {
    return short(value);
  }
  const [digits, exponent] = value.toExponential(1).split("e") as [string, string];
  const factor = Number(digits) === 1 ? "" : `${Number(digits)}·`;
  return `${factor}${power(Number(exponent))}`;
}

/** 10 to that power: "10⁻⁷". */
export function power(exponent: number): string {
  const raised = (sign: string) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)]!);
  return `10${[...String(exponent)].map(raised).join("")}`;
}

/** A share of 1 as "90.1 %"; null as a dash. */
export function percent(share: number | null, digits = 1): string {
  return share === null ? "–" : `${(share * 100).toFixed(digits)} %`;
}

/** A target in the fewest digits: 0.9 as "90 %", 0.975 as "97.5 %". */
export function target(share: number): string {
  return `${Number((share * 100).toPrecision(15))} %`;
}

/** Seconds in the two units that matter: "0.42 s", "38 s", "4 min 5 s", "2 h 10 min", "3 d 4 h". */
export function duration(seconds: number | null): string {
  if (seconds === null) {
    return "–";
  }
  if (seconds < 9.95) {
    return `${Number(seconds.toPrecision(2))} s`;
  }
  const whole = Math.round(seconds);
  const units: [string, number][] = [
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ];
  const first = units.findIndex(([, size]) => whole >= size);
  return units
    .slice(first, first + 2)
    .map(([unit, size], i) => ({
      unit,
      n: Math.floor((i === 0 ? whole : whole % units[first]![1]) / size),
    }))
    .filter(({ n }, i) => i === 0 || n > 0)
    .map(({ unit, n }) => `${n} ${unit}`)
    .join(" ");
}

/** Seconds of a training, for a column of them: "0.100 s", "16.0 s", "4 min 5 s". */
export function trainingTime(seconds: number): string {
  return seconds < 60 ? `${measure(seconds)} s` : duration(seconds);
}

/** Trials per minute, in the unit that a person can count in. */
export function rate(perMinute: number | null): string {
  if (perMinute === null || perMinute <= 0) {
    return "–";
  }
  if (perMinute >= 600) {
    return `${short(perMinute / 60)} trials/s`;
  }
  return perMinute >= 1 ? `${short(perMinute)} trials/min` : `${short(perMinute * 60)} trials/h`;
}

/** How long before `nowMs` the time was: "just now", "5 min ago", "3 d ago". */
export function ago(iso: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(iso)) / 1000;
  if (!Number.isFinite(seconds)) {
    return "–";
  }
  return seconds < 10 ? "just now" : `${duration(seconds).split(" ").slice(0, 2).join(" ")} ago`;
}

/** Median and quartiles; null is beyond the limit: more than half (a quarter) never got there. */
export function quartiles(
  median: number | null,
  q1: number | null,
  q3: number | null,
  limit: number | null,
): string {
  const beyond = limit === null ? "∞" : `>${count(limit)}`;
  const show = (value: number | null) => (value === null ? beyond : short(value));
  return `${show(median)} [${show(q1)}, ${show(q3)}]`;
}

const fieldWords: Record<string, string> = {
  depth: "hidden layers",
  hidden_units: "hidden units",
  batch_norm: "batch normalization",
  batch_norm_output: "normalized logits",
  bn_momentum: "BN momentum",
  bn_epsilon: "BN epsilon",
};

/** A configuration field in words. */
export function fieldName(field: string): string {
  return fieldWords[field] ?? field.replaceAll("_", " ");
}

const valueWords: Record<string, string> = {
  "batch_norm=none": "without BN",
  "batch_norm=before": "BN before activation",
  "batch_norm=after": "BN after activation",
  "activation=relu": "ReLU",
  "activation=leaky_relu": "leaky ReLU",
  "activation=elu": "ELU",
  "activation=selu": "SELU",
  "activation=gelu": "GELU",
  "activation=silu": "SiLU",
};

/** A value of a field in words; booleans come as true or, from SQLite, as 1. */
export function valueName(field: string, value: Value): string {
  if (["batch_norm_output", "stop_at_target"].includes(field)) {
    return value === true || value === 1 ? "yes" : "no";
  }
  if (value === "") {
    return "none"; // SQLite's text of no hidden layers
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? "none" : value.join("·");
  }
  if (typeof value === "number") {
    return Math.abs(value) >= 10000 ? count(value) : String(value);
  }
  return valueWords[`${field}=${String(value)}`] ?? String(value).replaceAll("_", " ");
}
