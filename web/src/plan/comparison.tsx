import { DeleteOutlined, DownloadOutlined, EditOutlined, UploadOutlined } from "@ant-design/icons";
import { App, Button, Spin, Switch } from "antd";
import { useEffect, useMemo, useRef, useState } from "react";
import { useFaultWords } from "../hooks";
import { useSetting } from "../i18n";
import { saveFile } from "../save";
import { planOf } from "./ask";
import { compared } from "./compare";
import { among } from "./figures";
import { Num, WithFigures } from "./number";
import { exported, forServer, imported, keep, kMostSaved, type Saved } from "./scenario";
import type { Plan } from "./types";

/** The plans of the saved scenarios, one after the other: the server makes two at once for everyone. */
function usePlans(saved: Saved[], plans: Map<string, Plan>) {
  const { t } = useSetting();
  const words = useFaultWords();
  const unnamed = t("planUnnamed");
  const keys = useMemo(() => saved.map((one) => JSON.stringify(forServer(one.scenario, unnamed))), [saved, unnamed]);
  const [, setTick] = useState(0);
  const [faults, setFaults] = useState<Record<string, unknown>>({});
  useEffect(() => {
    const stop = new AbortController();
    void (async () => {
      for (const key of keys) {
        if (plans.has(key)) continue;
        try {
          await planOf(key, plans, stop.signal);
        } catch (fault) {
          if (stop.signal.aborted) return;
          setFaults((now) => ({ ...now, [key]: fault }));
        }
        setTick((now) => now + 1);
      }
    })();
    return () => stop.abort();
  }, [keys, plans]);
  return keys.map((key) => ({ plan: plans.get(key), fault: key in faults && !plans.has(key) ? words(faults[key]) : undefined }));
}

interface Props {
  saved: Saved[];
  setSaved(next: Saved[]): void;
  plans: Map<string, Plan>;
  edit(one: Saved): void;
}

export function ComparePart({ saved, setSaved, plans, edit }: Props) {
  const { t, language } = useSetting();
  const { message } = App.useApp();
  const [onlyDifferences, setOnlyDifferences] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  const found = usePlans(saved, plans);
  const ready = found.flatMap((one, index) => (one.plan ? [{ plan: one.plan, index }] : []));
  const groups = compared(
    ready.map((one) => one.plan),
    language,
  );
  const known = ready.map((one) => one.index).join();
  const sheets = useMemo(() => ready.map((one, at) => among(one.plan, at, one.plan.scenario.name)), [known, saved]);
  const nameOf = (one: Saved) => one.scenario.name.trim() || t("planUnnamed");
  const column = new Map(ready.map((one, at) => [one.index, at]));
  const read = async (chosen: File | undefined) => {
    const scenarios = chosen && imported(await chosen.text());
    if (!scenarios) return void (chosen && message.error(t("planNotScenarios")));
    if (saved.length + scenarios.length > kMostSaved) void message.info(t("planOldestGone", { most: kMostSaved }));
    setSaved(scenarios.reduce((all, scenario) => keep(all, { id: crypto.randomUUID?.() ?? String(Math.random()), scenario }), saved));
  };
  return (
    <>
      <div className="strip">
        <label className="inline">
          <Switch size="small" checked={onlyDifferences} onChange={setOnlyDifferences} /> {t("planOnlyDifferences")}
        </label>
        <span className="grow" />
        <Button icon={<UploadOutlined />} onClick={() => file.current?.click()}>
          {t("planImport")}
        </Button>
        <Button
          icon={<DownloadOutlined />}
          disabled={saved.length === 0}
          onClick={() => saveFile("siyu-scenarios.json", "application/json", exported(saved.map((one) => one.scenario)))}
        >
          {t("planExport")}
        </Button>
        <input
          ref={file}
          type="file"
          accept="application/json,.json"
          hidden
          aria-label={t("planImport")}
          onChange={(event) => {
            void read(event.target.files?.[0]);
            event.target.value = "";
          }}
        />
      </div>
      <WithFigures sheets={sheets}>
        {saved.length === 0 ? (
          <div className="sheet empty">{t("planNothingSaved", { most: kMostSaved })}</div>
        ) : (
          <div className="sheet wide-table">
            <table className="compare" style={{ minWidth: 200 + 190 * saved.length }}>
              <thead>
                <tr>
                  <td />
                  {saved.map((one, index) => (
                    <th key={one.id} scope="col">
                      <b>{nameOf(one)}</b>
                      <span>
                        <Button type="text" size="small" icon={<EditOutlined />} aria-label={t("planEdit", { name: nameOf(one) })} onClick={() => edit(one)} />
                        <Button
                          type="text"
                          size="small"
                          icon={<DeleteOutlined />}
                          aria-label={t("planForget", { name: nameOf(one) })}
                          onClick={() => setSaved(saved.filter((each) => each.id !== one.id))}
                        />
                      </span>
                      {found[index].fault ? <small className="fault">{found[index].fault}</small> : !found[index].plan && <Spin size="small" />}
                    </th>
                  ))}
                </tr>
              </thead>
              {groups.map((group) => {
                const rows = group.rows.filter((row) => !onlyDifferences || row.differs);
                return (
                  rows.length > 0 && (
                    <tbody key={group.word}>
                      <tr>
                        <th colSpan={saved.length + 1} scope="rowgroup">
                          {t(group.word)}
                        </th>
                      </tr>
                      {rows.map((row) => (
                        <tr key={row.word} className={row.differs && ready.length > 1 ? "differs" : ""}>
                          <th scope="row">{t(row.word)}</th>
                          {saved.map((one, index) => {
                            const at = column.get(index);
                            return (
                              <td key={one.id} className={`digits ${at !== undefined && row.best.includes(at) ? "best" : ""}`}>
                                {at === undefined ? (
                                  ""
                                ) : row.texts[at] === undefined ? (
                                  <span className="tag unknown">{t("planUnknown")}</span>
                                ) : row.figure ? (
                                  <Num id={`${at}|${row.figure}`}>{row.texts[at]}</Num>
                                ) : (
                                  row.texts[at]
                                )}
                              </td>
                            );
                          })}
                        </tr>
                      ))}
                    </tbody>
                  )
                );
              })}
            </table>
            <p className="soft">{t("planCompareHint")}</p>
          </div>
        )}
      </WithFigures>
    </>
  );
}
