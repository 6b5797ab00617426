/* Failed trials by their reason: fifty equal lines are one line and a number. Pure. */

import type { Trial } from "./api_types";
import { type Field, fieldOf } from "./fields";
import { fieldName, valueName } from "./format";

export interface FailureGroup {
  /** One reason of the group, in full. */
  reason: string;
  trials: Trial[];
  /** The arms in which it happened: "hidden layers 7, 3; learning rate 50". */
  where: string;
}

/** Most frequent first. Reasons that differ in their numbers only ("at step 12") are one. */
export function groupFailures(failures: Trial[], fields: Field[]): FailureGroup[] {
  const groups = new Map<string, Trial[]>();
  for (const trial of failures) {
    const key = reasonOf(trial).replace(/\d+(?:\.\d+)?/g, "#");
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, [trial]);
    } else {
      group.push(trial);
    }
  }
  return [...groups.values()]
    .sort((a, b) => b.length - a.length)
    .map((trials) => ({ reason: reasonOf(trials[0]!), trials, where: whereOf(trials, fields) }));
}

export function reasonOf(trial: Trial): string {
  return trial.error ?? "no reason was reported";
}

/** Axes that are narrowed down in the group: with all of an axis's values nothing is said of it. */
function whereOf(trials: Trial[], fields: Field[]): string {
  const parts = fields.map((field) => {
    const values = new Set(
      trials.map((trial) => valueName(field.name, fieldOf(trial.config, field.name) ?? "–")),
    );
    const all = values.size >= field.values.length;
    return all ? null : `${fieldName(field.name)} ${[...values].join(", ")}`;
  });
  return parts.filter((part) => part !== null).join("; ");
}
