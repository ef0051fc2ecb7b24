import { Input, InputNumber, Select } from "antd";
import { createContext, useContext, useEffect, useId, useRef, useState } from "react";
import { at, setAt } from "./scenario";
import type { Scenario } from "./types";

type Path = Parameters<typeof at>[1];
interface Draft {
  scenario: Scenario;
  change(next: Scenario): void;
}
export const DraftContext = createContext<Draft>({ scenario: { name: "", model: { name: "" } }, change: () => undefined });

/** The value at a path of the scenario that is being written, and how to change it. */
export function useField<T>(path: Path): [T | undefined, (value: T | undefined | null) => void] {
  const { scenario, change } = useContext(DraftContext);
  return [at(scenario, path) as T | undefined, (value) => change(setAt(scenario, path, value))];
}

/** What ties an input to its label and its hint. */
interface Ties {
  id: string;
  "aria-describedby"?: string;
}

function Labelled({ label, hint, children }: { label: string; hint?: string; children(ties: Ties): React.ReactNode }) {
  const id = useId();
  const described = `${id}-hint`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": hint ? described : undefined })}
      {hint && (
        <small className="soft" id={described}>
          {hint}
        </small>
      )}
    </div>
  );
}

interface CountProps {
  path: Path;
  label: string;
  hint?: string;
  usual?: string;
  unit?: string;
  min?: number;
  max?: number;
  scale?: number;
  whole?: boolean;
}

/** A number; `scale`: shown so many times larger than it is kept (percent). `usual`: what stands in its place while it is empty. */
export function Count({ path, label, hint, usual, unit, min, max, scale = 1, whole = false }: CountProps) {
  const [value, set] = useField<number>(path);
  const shown = value === undefined ? null : Number((value * scale).toPrecision(12));
  return (
    <Labelled label={label} hint={hint}>
      {(ties) => (
        <InputNumber
          {...ties}
          value={shown}
          onChange={(next) => set(typeof next === "number" ? Number((next / scale).toPrecision(12)) : undefined)}
          min={min}
          max={max}
          precision={whole ? 0 : undefined}
          placeholder={usual}
          suffix={unit}
          style={{ width: "100%" }}
          changeOnWheel={false}
        />
      )}
    </Labelled>
  );
}

export function Text({ path, label, usual }: { path: Path; label: string; usual?: string }) {
  const [value, set] = useField<string>(path);
  return (
    <Labelled label={label}>{(ties) => <Input {...ties} value={value ?? ""} maxLength={60} placeholder={usual} onChange={(event) => set(event.target.value)} />}</Labelled>
  );
}

/** A list of texts, one a line. */
export function Lines({ path, label, hint }: { path: Path; label: string; hint?: string }) {
  const [value, set] = useField<string[]>(path);
  const [text, setText] = useState(() => (value ?? []).join("\n"));
  const given = useRef(value);
  useEffect(() => {
    if (value !== given.current) setText((value ?? []).join("\n")); // changed by others: an example, an import
    given.current = value;
  }, [value]);
  const change = (next: string) => {
    setText(next);
    const lines = next
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean)
      .slice(0, 50);
    given.current = lines.length > 0 ? lines : undefined;
    set(given.current);
  };
  return (
    <Labelled label={label} hint={hint}>
      {(ties) => <Input.TextArea {...ties} value={text} autoSize={{ minRows: 2, maxRows: 6 }} maxLength={2000} onChange={(event) => change(event.target.value)} />}
    </Labelled>
  );
}

interface Option {
  value: string;
  label: React.ReactNode;
  title?: string;
}
type Options = (Option | { label: string; options: Option[] })[];

export function Choice({
  path,
  label,
  options,
  usual,
  hint,
  many = false,
  onPick,
}: {
  path: Path;
  label: string;
  options: Options;
  usual?: string;
  hint?: string;
  many?: boolean;
  onPick?(value: string | undefined): void;
}) {
  const [value, set] = useField<string | string[]>(path);
  return (
    <Labelled label={label} hint={hint}>
      {(ties) => (
        <Select
          {...ties}
          value={(value === "" ? undefined : value) as never}
          mode={many ? "multiple" : undefined}
          options={options as never}
          allowClear
          placeholder={usual}
          style={{ width: "100%" }}
          maxTagCount="responsive"
          popupMatchSelectWidth={false}
          showSearch={{
            filterOption: (typed, option) =>
              String(option?.value ?? "")
                .toLowerCase()
                .includes(typed.toLowerCase()) ||
              String(option?.title ?? "")
                .toLowerCase()
                .includes(typed.toLowerCase()),
          }}
          onChange={(next: unknown) => {
            if (onPick) onPick(next as string | undefined);
            else set(next as string);
          }}
        />
      )}
    </Labelled>
  );
}

/** Yes, no, or not said. */
export function YesNo({ path, label, words }: { path: Path; label: string; words: [yes: string, no: string, open: string] }) {
  const [value, set] = useField<boolean>(path);
  return (
    <fieldset className="field choices">
      <legend>{label}</legend>
      {(
        [
          [undefined, words[2]],
          [true, words[0]],
          [false, words[1]],
        ] as const
      ).map(([each, word]) => (
        <button key={word} type="button" aria-pressed={value === each} onClick={() => set(each)}>
          {word}
        </button>
      ))}
    </fieldset>
  );
}

export function Pick({ path, label, options }: { path: Path; label: string; options: [string | undefined, string][] }) {
  const [value, set] = useField<string>(path);
  return (
    <fieldset className="field choices">
      <legend>{label}</legend>
      {options.map(([each, word]) => (
        <button key={word} type="button" aria-pressed={value === each} onClick={() => set(each)}>
          {word}
        </button>
      ))}
    </fieldset>
  );
}
