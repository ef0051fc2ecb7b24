import { App, Button, Checkbox, Modal, Radio } from "antd";
import { useRef, useState } from "react";
import { useComplain } from "../hooks";
import { useSetting, type Word } from "../i18n";
import { saveFile } from "../save";
import { askInTurn } from "./ask";
import type { Scenario } from "./types";

const papers: [string, Word][] = [
  ["alignment", "planPaperAlignment"],
  ["sizing", "planPaperSizing"],
  ["bill_of_materials", "planPaperBill"],
  ["responsibilities", "planPaperRaci"],
  ["project_plan", "planPaperProject"],
  ["risks", "planPaperRisks"],
  ["cost", "planPaperCost"],
];
const formats = [
  ["docx", "Word"],
  ["pdf", "PDF"],
  ["html", "HTML"],
  ["markdown", "Markdown"],
] as const;

/** The name that the server gave the file. */
export const nameOf = (disposition: string | null, otherwise: string) => /filename="([^"]+)"/.exec(disposition ?? "")?.[1] ?? otherwise;

export function PapersDialog({ scenario, open, close }: { scenario: Scenario; open: boolean; close(): void }) {
  const { t, language } = useSetting();
  const { message } = App.useApp();
  const complain = useComplain();
  const [chosen, setChosen] = useState<string[]>(papers.map(([key]) => key));
  const [format, setFormat] = useState<string>("docx");
  const [tongue, setTongue] = useState<string>(language);
  const [busy, setBusy] = useState(false);
  const stop = useRef(new AbortController());
  const leave = () => {
    stop.current.abort();
    close();
  };
  const download = async () => {
    stop.current = new AbortController();
    setBusy(true);
    try {
      const response = await askInTurn("/api/v1/plan/report", { scenario, papers: chosen, format, language: tongue }, stop.current.signal);
      const name = nameOf(response.headers.get("Content-Disposition"), "plan");
      saveFile(name, response.headers.get("Content-Type") ?? "application/octet-stream", await response.blob());
      void message.success(t("planSavedAs", { name }));
      close();
    } catch (error) {
      complain(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      open={open}
      onCancel={leave}
      title={t("planPapers")}
      footer={[
        <Button key="cancel" onClick={leave}>
          {t("cancel")}
        </Button>,
        <Button key="get" type="primary" loading={busy} disabled={chosen.length === 0} onClick={() => void download()}>
          {t("planDownload")}
        </Button>,
      ]}
    >
      <p className="soft">{t("planPapersHint")}</p>
      <Checkbox.Group value={chosen} onChange={setChosen} className="papers" options={papers.map(([value, word]) => ({ value, label: t(word) }))} />
      <div className="papers-how">
        <Radio.Group
          value={format}
          onChange={(event) => setFormat(event.target.value as string)}
          optionType="button"
          options={formats.map(([value, label]) => ({ value, label }))}
          aria-label={t("planFormat")}
        />
        <Radio.Group
          value={tongue}
          onChange={(event) => setTongue(event.target.value as string)}
          optionType="button"
          options={[
            { value: "zh", label: "中文" },
            { value: "en", label: "English" },
          ]}
          aria-label={t("planLanguage")}
        />
      </div>
    </Modal>
  );
}
