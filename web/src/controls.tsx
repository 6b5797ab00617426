/* Small controls above the figures. */

import { useId } from "preact/hooks";
import { type Field, valueKey } from "./fields";
import { count, fieldName, valueName } from "./format";

interface Option {
  value: string;
  label: string;
}

export function Select({
  label,
  value,
  options,
  choose,
}: {
  label: string;
  value: string;
  options: Option[];
  choose: (value: string) => void;
}) {
  return (
    <label class="select">
      <span>{label}</span>
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}

/** One of a few, all in sight. */
export function Segments({
  label,
  value,
  options,
  choose,
}: {
  label: string;
  value: string;
  options: Option[];
  choose: (value: string) => void;
}) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend>{label}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            checked={option.value === value}
            onChange={() => choose(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** One of a row of numbers, which may stand at any distance. */
export function Slider({
  label,
  values,
  value,
  choose,
}: {
  label: string;
  values: number[];
  value: number;
  choose: (value: number) => void;
}) {
  const id = useId();
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="range"
        min="0"
        max={values.length - 1}
        value={values.indexOf(value)}
        aria-valuetext={`${label} ${value}`}
        onInput={(event) => choose(values[Number(event.currentTarget.value)]!)}
      />
      <output for={id}>{count(value)}</output>
    </div>
  );
}

export function Check({
  label,
  checked,
  choose,
}: {
  label: string;
  checked: boolean;
  choose: (checked: boolean) => void;
}) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => choose(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}

/** A choice for each field that a figure holds at one value. */
export function HeldChoices({
  fields,
  held,
  choose,
}: {
  fields: Field[];
  held: Record<string, string>;
  choose: (name: string, key: string) => void;
}) {
  return (
    <>
      {fields
        .filter((field) => field.name in held)
        .map((field) => (
          <Select
            key={field.name}
            label={fieldName(field.name)}
            value={held[field.name]!}
            options={field.values.map((value) => ({
              value: valueKey(value),
              label: valueName(field.name, value),
            }))}
            choose={(key) => choose(field.name, key)}
          />
        ))}
    </>
  );
}
