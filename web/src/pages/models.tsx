import { CloudDownloadOutlined, ImportOutlined } from "@ant-design/icons";
import { App, Button, Input, Modal, Progress, Select, Space, Tag } from "antd";
import { useEffect, useRef, useState } from "react";
import { call, type Model, type Pull, upload } from "../api";
import { humanBytes } from "../bytes";
import { useComplain, useData } from "../hooks";
import { useSetting } from "../i18n";
import { Waiting } from "../waiting";
import { Page } from "./page";

const kRefresh = 1500; // milliseconds
const kRunning = ["queued", "running", "verifying"];
const kKinds = { chat: "kindChat", embedding: "kindEmbedding", rerank: "kindRerank", audio: "kindAudio", adapter: "kindAdapter" } as const;

function Facts({ model }: { model: Model }) {
  const { t } = useSetting();
  const facts = model.adapter ? [
    t("adapterOf", { architecture: model.architecture ?? "", rank: String(model.adapter.rank) }), model.adapter.base_model, humanBytes(model.bytes ?? 0),
    model.served_as ? t("servedAs", { names: model.served_as.join(", ") }) : t("loadedWithModel"),
  ] : [
    model.architecture, model.quantization, model.parameters ? `${(model.parameters / 1e9).toFixed(model.parameters < 1e8 ? 3 : 1)} B` : "",
    model.bytes ? humanBytes(model.bytes) : "", model.context_length ? `${t("context")} ${model.context_length.toLocaleString()}` : "",
    model.worker ? `${t("memory")} ${humanBytes(model.worker.resident_bytes)}` : "",
    model.worker?.accelerators.length ? `${model.worker.accelerators.join(" + ")} ${humanBytes(model.worker.accelerator_bytes)}` : "", model.worker?.sandbox.join(" + "),
  ];
  return <div className="soft" style={{ fontSize: 13 }}>{facts.filter(Boolean).join(" · ")}</div>;
}

function ModelRow({ model, adapters, canManage, changed }: { model: Model; adapters: Model[]; canManage: boolean; changed(): void }) {
  const { t } = useSetting();
  const { modal } = App.useApp();
  const complain = useComplain();
  const [busy, setBusy] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const isAdapter = model.kind === "adapter";
  const fitting = adapters.filter((adapter) => adapter.architecture === model.architecture);
  const act = (method: string, what: string) => {
    setBusy(true);
    setTimeout(changed, 300); // a load takes a while: shows its progress
    call(method, `/api/v1/models/${encodeURIComponent(model.name)}${what}`, method !== "POST" ? undefined : what === "/load" && chosen.length > 0 ? { adapters: chosen } : {}).catch(complain).finally(() => { setBusy(false); changed(); });
  };
  const remove = () => modal.confirm({ title: t("deleteModelAsk", { name: model.name }), okText: t("delete"), okButtonProps: { danger: true }, onOk: () => act("DELETE", "") });
  const [word, color] = ({ stopped: ["stateStopped", "default"], loading: ["stateLoading", "processing"], ready: ["stateReady", "success"], failed: ["stateFailed", "error"] } as const)[model.state];
  return (
    <div className="sheet" style={{ display: "flex", gap: 16, alignItems: "center", flexWrap: "wrap", marginBottom: 12 }}>
      <div style={{ flex: 1, minWidth: 220 }}>
        <Space size={6} wrap style={{ marginBottom: 4 }}>
          <b style={{ fontSize: 15.5 }}>{model.name}</b>
          <Tag color={color}>{t(word)}</Tag>
          <Tag>{t(kKinds[model.kind])}</Tag>
          {model.vision && <Tag>{t("sees")}</Tag>}
          {model.source === "remote" && <Tag>{t("remote")}</Tag>}
        </Space>
        <Facts model={model} />
        {model.reason && <div role="alert" style={{ marginTop: 4 }}>{model.reason}</div>}
        {model.state === "loading" && <Progress percent={Math.round((model.load_progress ?? 0) * 100)} size="small" />}
      </div>
      {canManage && model.source === "library" && (
        <Space>
          {model.state === "stopped" || model.state === "failed"
            ? <>
              {model.kind === "chat" && fitting.length > 0 && <Select mode="multiple" style={{ minWidth: 160 }} placeholder={t("adapters")} aria-label={t("adapters")} value={chosen} onChange={setChosen} options={fitting.map((adapter) => ({ value: adapter.name }))} />}
              {!isAdapter && <Button type="primary" loading={busy} onClick={() => act("POST", "/load")}>{t("load")}</Button>}
              <Button danger onClick={remove}>{t("delete")}</Button>
            </>
            : !isAdapter && <Button loading={busy} onClick={() => act("POST", "/unload")}>{t("unload")}</Button>}
        </Space>
      )}
    </div>
  );
}

function PullRow({ pull, changed }: { pull: Pull; changed(): void }) {
  const { t } = useSetting();
  const complain = useComplain();
  const share = pull.bytes_total > 0 ? Math.round((100 * pull.bytes_done) / pull.bytes_total) : 0;
  return (
    <div className="sheet" style={{ marginBottom: 12, display: "flex", gap: 16, alignItems: "center" }}>
      <div style={{ flex: 1, minWidth: 0 }}>
        <div>{pull.reference}</div>
        {kRunning.includes(pull.state) && <Progress percent={share} size="small" status="active" />}
        <div className="soft" style={{ fontSize: 13 }}>{humanBytes(pull.bytes_done)} / {humanBytes(pull.bytes_total)}{pull.bytes_per_second > 0 && ` · ${humanBytes(pull.bytes_per_second)}/s`} {pull.reason}</div>
      </div>
      <Button size="small" onClick={() => call("DELETE", `/api/v1/model-pulls/${pull.id}`).catch(complain).finally(changed)}>{t(kRunning.includes(pull.state) ? "cancel" : "close")}</Button>
    </div>
  );
}

export function ModelsPage({ canManage }: { canManage: boolean }) {
  const { t } = useSetting();
  const complain = useComplain();
  const { data, refresh, fault } = useData<{ models: Model[] }>("/api/v1/models", kRefresh, (found) => found.models.some((model) => model.state === "loading"));
  const pulls = useData<{ pulls: Pull[] }>("/api/v1/model-pulls", kRefresh, (found) => found.pulls.some((pull) => kRunning.includes(pull.state)));
  const running = pulls.data?.pulls.filter((pull) => kRunning.includes(pull.state)).length ?? 0;
  useEffect(() => void refresh(), [running, refresh]); // one that has ended may be a model now
  const [importing, setImporting] = useState<number>();
  const [pulling, setPulling] = useState(false);
  const [reference, setReference] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const importFile = (file: File) => {
    setImporting(0);
    const name = file.name.replace(/\.gguf$/i, "");
    upload("PUT", `/api/v1/models/${encodeURIComponent(name)}/content?origin=${encodeURIComponent(file.name)}`, file, setImporting).catch(complain).finally(() => { setImporting(undefined); void refresh(); });
  };
  const pull = () => call("POST", "/api/v1/model-pulls", { reference: reference.trim() }).then(() => { setPulling(false); setReference(""); void pulls.refresh(); }, complain);
  const actions = canManage && (
    <Space wrap>
      <Button icon={<CloudDownloadOutlined />} onClick={() => setPulling(true)}>{t("pullModel")}</Button>
      <Button type="primary" icon={<ImportOutlined />} loading={importing !== undefined} onClick={() => input.current?.click()}>{t("importModel")}</Button>
    </Space>
  );
  const shownPulls = pulls.data?.pulls.filter((each) => each.state !== "done" && each.state !== "cancelled") ?? [];
  return (
    <Page title={t("models")} actions={actions}>
      <input ref={input} type="file" accept=".gguf" hidden data-testid="model-file" onChange={(event) => { const file = event.target.files?.[0]; if (file) importFile(file); event.target.value = ""; }} />
      {importing !== undefined && <Progress percent={Math.round(importing * 100)} status="active" />}
      {shownPulls.map((each) => <PullRow key={each.id} pull={each} changed={() => void pulls.refresh()} />)}
      {!data ? <Waiting fault={fault} refresh={refresh} /> : data.models.length === 0 && shownPulls.length === 0 ? <div className="empty">{t("modelsEmpty")}</div>
        : data.models.map((model) => <ModelRow key={model.name} model={model} adapters={data.models.filter((each) => each.kind === "adapter")} canManage={canManage} changed={() => void refresh()} />)}
      <Modal open={pulling} onCancel={() => setPulling(false)} onOk={() => void pull()} okText={t("pullModel")} okButtonProps={{ disabled: !reference.trim() }} title={t("pullModel")} destroyOnHidden>
        <Input autoFocus value={reference} onChange={(event) => setReference(event.target.value)} onPressEnter={() => reference.trim() && void pull()} aria-label={t("pullModel")} />
        <p className="soft" style={{ fontSize: 12.5 }}>{t("pullHint")}</p>
      </Modal>
    </Page>
  );
}
