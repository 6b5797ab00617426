import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ago,
  count,
  counted,
  duration,
  magnitude,
  measure,
  percent,
  power,
  quartiles,
  rate,
  short,
  target,
  trainingTime,
  valueName,
} from "../src/format";

test("numbers far from 1 are written with a power of ten", () => {
  assert.deepEqual([0, 0.0384, 12.34, 46_137, 8.31e-7, 1e-4, 3e9].map(magnitude), [
    "0",
    "0.0384",
    "12.3",
    "46,137",
    "8.3·10⁻⁷",
    "10⁻⁴",
    "3·10⁹",
  ]);
  assert.equal(power(-12), "10⁻¹²");
});

test("numbers are grouped, cut to what matters, and dashes when absent", () => {
  assert.equal(count(12345), "12,345");
  assert.equal(short(0.012345), "0.0123");
  assert.equal(short(1234.5), "1,235");
  assert.equal(percent(0.9012), "90.1 %");
  assert.equal(target(0.975), "97.5 %");
  assert.equal(target(0.99999), "99.999 %"); // D16
  for (const absent of [count(null), short(null), percent(null), duration(null)]) {
    assert.equal(absent, "–");
  }
  assert.deepEqual([counted(1, "cell"), counted(1200, "cell")], ["1 cell", "1,200 cells"]);
});

test("measurements in a column have the same number of digits", () => {
  assert.deepEqual([0.1, 1, 16, 5.5432].map(measure), ["0.100", "1.00", "16.0", "5.54"]);
  assert.deepEqual([0.1, 59, 82].map(trainingTime), ["0.100 s", "59.0 s", "1 min 22 s"]);
  assert.equal(measure(null), "–");
});

test("durations have the two units that matter", () => {
  assert.equal(duration(0.61), "0.61 s");
  assert.equal(duration(9.96), "10 s");
  assert.equal(duration(82), "1 min 22 s");
  assert.equal(duration(120), "2 min");
  assert.equal(duration(3600 * 49), "2 d 1 h");
  assert.equal(duration(0), "0 s");
});

test("a rate is said in a unit that a person can count in", () => {
  assert.equal(rate(31.5), "31.5 trials/min");
  assert.equal(rate(0.05), "3 trials/h");
  assert.equal(rate(1200), "20 trials/s");
  assert.equal(rate(0), "–");
});

test("time gone by is told in its largest unit", () => {
  const now = Date.parse("2026-01-31T12:00:00.000Z");
  assert.equal(ago("2026-01-31T11:59:58.000Z", now), "just now");
  assert.equal(ago("2026-01-31T10:29:00.000Z", now), "1 h ago");
  assert.equal(ago("2026-02-01T00:00:00.000Z", now), "just now"); // a clock that is ahead
});

test("a quartile beyond the limit is told as such", () => {
  assert.equal(quartiles(51, 48, 55.5, 2000), "51 [48, 55.5]");
  assert.equal(quartiles(1800, 1200, null, 2000), "1,800 [1,200, >2,000]");
  assert.equal(quartiles(null, null, null, null), "∞ [∞, ∞]");
});

test("values are said in the article's words", () => {
  assert.equal(valueName("batch_norm", "none"), "without BN");
  assert.equal(valueName("stop_at_target", 1), "yes");
  assert.equal(valueName("hidden_units", [500, 400]), "500·400");
  assert.equal(valueName("hidden_units", ""), "none"); // D26
  assert.equal(valueName("learning_rate", 0.01), "0.01");
  assert.equal(valueName("beta2", 0.99995), "0.99995"); // what was asked for, not about so
  assert.equal(valueName("train_size", 55000), "55,000");
});
