import { App, Form, Input, InputNumber, Modal, Radio, Select, Switch } from "antd";
import { useState } from "react";
import { type Autoscale, call, type Deployment, deploymentPath, type Model } from "../api";
import { go, useComplain, useData } from "../hooks";
import { useSetting } from "../i18n";

interface Values { name?: string; version?: string; source: "model" | "engines"; model?: string; adapters?: string[]; engines?: string[]; replicas?: number; scaling?: boolean; autoscale?: Autoscale }

/** Empty fields are left out: the server has defaults for them. */
export const given = <T extends object>(values: T): Partial<T> => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "")) as Partial<T>;

export function AutoscaleFields() {
  const { t } = useSetting();
  const number = (name: keyof Autoscale, label: string, rest: object) => <Form.Item name={["autoscale", name]} label={label}><InputNumber style={{ width: "100%" }} {...rest} /></Form.Item>;
  return (
    <>
      <div className="fields">
        {number("min", t("leastReplicas"), { min: 0, max: 64, precision: 0, placeholder: "1" })}
        {number("max", t("mostReplicas"), { min: 1, max: 64, precision: 0, placeholder: "1" })}
        {number("idle_seconds", t("idleSeconds"), { min: 1, precision: 0, placeholder: "300" })}
      </div>
      <div className="fields">
        {number("requests_per_second", t("targetRequests"), { min: 0 })}
        {number("waiting_requests", t("targetWaiting"), { min: 0 })}
        {number("first_token_ms", t("targetFirstToken"), { min: 0 })}
        {number("tokens_per_second", t("targetTokens"), { min: 0 })}
      </div>
      <p className="soft" style={{ fontSize: 12.5, marginTop: 0 }}>{t("autoscaleHint")}</p>
    </>
  );
}

/** A new deployment, or a new version of the deployment `of`. */
export function CreateDialog({ open, of, close, done }: { open: boolean; of?: Deployment; close(): void; done(): void }) {
  const { t } = useSetting();
  const { message } = App.useApp();
  const complain = useComplain();
  const [form] = Form.useForm<Values>();
  const [busy, setBusy] = useState(false);
  const source = Form.useWatch("source", form);
  const scaling = Form.useWatch("scaling", form);
  const models = useData<{ models: Model[] }>("/api/v1/models").data?.models ?? [];
  const usable = models.filter((model) => (of ? model.kind === of.kind : model.kind !== "adapter"));
  const pickedName = Form.useWatch("model", form);
  const picked = usable.find((model) => model.name === pickedName);
  const adapters = models.filter((model) => model.kind === "adapter" && picked?.kind === "chat" && model.architecture === picked.architecture);
  const names = (from: Model["source"]) => usable.filter((model) => model.source === from).map((model) => ({ value: model.name, label: model.name }));
  const create = ({ source, scaling, autoscale, adapters: chosen, ...values }: Values) => {
    const body = given({ ...values, model: source === "model" ? values.model : undefined, engines: source === "engines" ? values.engines : undefined, replicas: source === "model" ? values.replicas : undefined, options: source === "model" && chosen?.length ? { adapters: chosen } : undefined, autoscale: scaling && autoscale ? given(autoscale) : undefined });
    setBusy(true);
    call<Deployment>("POST", of ? `${deploymentPath(of.name)}/versions` : "/api/v1/deployments", body).then((made) => {
      if (made.evicted?.length) void message.info(t("putToSleep", { names: made.evicted.join(", ") }), 8);
      close();
      done();
      if (!of) go("deployments", made.name);
    }, complain).finally(() => setBusy(false));
  };
  return (
    <Modal open={open} onCancel={close} onOk={form.submit} confirmLoading={busy} okText={t("create")} title={t(of ? "newVersion" : "newDeployment")} destroyOnHidden width={600} afterClose={() => form.resetFields()}>
      <Form<Values> form={form} layout="vertical" requiredMark={false} initialValues={{ source: "model", replicas: 1 }} onFinish={create}>
        {!of && <Form.Item name="name" label={t("servedName")} rules={[{ required: true, message: "" }]} extra={t("servedNameHint")}><Input autoFocus maxLength={64} /></Form.Item>}
        <Form.Item name="version" label={t("versionName")} rules={[{ required: of !== undefined, message: "" }]}><Input placeholder={of ? `v${of.versions.length + 1}` : "v1"} maxLength={64} /></Form.Item>
        <Form.Item name="source" label={t("runsOn")}><Radio.Group options={[{ value: "model", label: t("localWorkers") }, { value: "engines", label: t("remoteEngines") }]} /></Form.Item>
        {source === "engines"
          ? <Form.Item name="engines" label={t("remoteEngines")} rules={[{ required: true, message: "" }]}><Select mode="multiple" options={names("remote")} /></Form.Item>
          : (
            <div className="fields">
              <Form.Item name="model" label={t("pickModel")} rules={[{ required: true, message: "" }]}><Select showSearch={{ optionFilterProp: "label" }} options={names("library")} /></Form.Item>
              <Form.Item name="replicas" label={t("replicas")}><InputNumber min={0} max={64} precision={0} style={{ width: "100%" }} /></Form.Item>
            </div>
          )}
        {source !== "engines" && adapters.length > 0 && <Form.Item name="adapters" label={t("adapters")} extra={t("adaptersHint")}><Select mode="multiple" options={adapters.map((adapter) => ({ value: adapter.name }))} /></Form.Item>}
        {!of && source !== "engines" && (
          <>
            <Form.Item name="scaling" label={t("autoscaling")} valuePropName="checked"><Switch /></Form.Item>
            {scaling && <AutoscaleFields />}
          </>
        )}
      </Form>
    </Modal>
  );
}
