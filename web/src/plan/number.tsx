import { ArrowLeftOutlined } from "@ant-design/icons";
import { Button, Drawer } from "antd";
import { createContext, useContext, useMemo, useState } from "react";
import { useSetting } from "../i18n";
import { indexOf, type Sheet } from "./figures";
import type { Figure, Input } from "./types";
import { human } from "./units";

interface Figures {
  index: Map<string, Figure>;
  open(id: string): void;
}
const FiguresContext = createContext<Figures>({ index: new Map(), open: () => undefined });

/** A number of the plan: pressing it tells its formula and what went in. What has no figure is only written. */
export function Num({ id, children }: { id: string; children?: React.ReactNode }) {
  const { index, open } = useContext(FiguresContext);
  const { t, language } = useSetting();
  const figure = index.get(id);
  if (!figure) return <span className="digits">{children ?? t("planUnknown")}</span>;
  const text = children ?? (figure.value === undefined ? t("planUnknown") : human(figure.value, figure.unit, language));
  return (
    <button type="button" className="num digits" onClick={() => open(id)} title={`${figure.label[language]}: ${t("planHow")}`}>
      {text}
    </button>
  );
}

function InputRow({ input, open }: { input: Input; open(id: string): void }) {
  const { t, language } = useSetting();
  const { index } = useContext(FiguresContext);
  const from = input.figure === undefined ? undefined : index.get(input.figure);
  return (
    <tr>
      <td>
        <code>{input.name[language]}</code>
      </td>
      <td className="digits value">{input.value === undefined ? t("planUnknown") : human(input.value, input.unit, language)}</td>
      <td>
        {from ? (
          <Button type="link" size="small" onClick={() => open(from.id)}>
            {from.label[language]} ›
          </Button>
        ) : (
          <span className="soft">{input.source?.[language] ?? t("planNoSource")}</span>
        )}
      </td>
    </tr>
  );
}

function Sheet({ figure, open }: { figure: Figure; open(id: string): void }) {
  const { t, language } = useSetting();
  return (
    <>
      <p className="big digits">{figure.value === undefined ? t("planUnknown") : human(figure.value, figure.unit, language)}</p>
      {figure.note && <p className="note">{figure.note[language]}</p>}
      {figure.formula[language] && (
        <>
          <h4>{t("planFormula")}</h4>
          <pre className="formula">{figure.formula[language]}</pre>
        </>
      )}
      {figure.inputs.length > 0 && (
        <>
          <h4>{t("planInputs")}</h4>
          <div className="wide-table">
            <table className="inputs">
              <thead>
                <tr>
                  <th>{t("name")}</th>
                  <th>{t("planValue")}</th>
                  <th>{t("planFrom")}</th>
                </tr>
              </thead>
              <tbody>
                {figure.inputs.map((input) => (
                  <InputRow key={input.name.en} input={input} open={open} />
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      <p className="soft id">
        <code>{figure.id.replace(/^\d+\|/, "")}</code>
      </p>
    </>
  );
}

/** Gives the numbers inside it their figures. Following an input goes one deeper, and back again. */
export function WithFigures({ sheets, children }: { sheets: Sheet[]; children: React.ReactNode }) {
  const { t, language } = useSetting();
  const [trail, setTrail] = useState<string[]>([]);
  const [open, setOpen] = useState(false);
  const index = useMemo(() => indexOf(sheets), [sheets]);
  const value = useMemo(
    () => ({
      index,
      open: (id: string) => {
        setTrail([id]);
        setOpen(true);
      },
    }),
    [index],
  );
  const figure = index.get(trail[trail.length - 1] ?? "");
  return (
    <FiguresContext.Provider value={value}>
      {children}
      <Drawer
        open={open && figure !== undefined}
        onClose={() => setOpen(false)}
        size={520}
        title={figure?.label[language]}
        className="figure-drawer"
        styles={{ mask: { background: "rgb(0 0 0 / 14%)" } }}
        extra={
          trail.length > 1 && (
            <Button size="small" icon={<ArrowLeftOutlined />} onClick={() => setTrail((now) => now.slice(0, -1))}>
              {index.get(trail[trail.length - 2])?.label[language]}
            </Button>
          )
        }
      >
        {figure && <Sheet figure={figure} open={(id) => setTrail((now) => [...now, id])} />}
        {trail.length > 1 && (
          <p className="soft">
            {t("planTrail")}: {trail.map((id) => index.get(id)?.label[language]).join(" › ")}
          </p>
        )}
      </Drawer>
    </FiguresContext.Provider>
  );
}

export const useFigure = (id: string) => useContext(FiguresContext).index.get(id);
