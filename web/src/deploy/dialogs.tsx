import { Form, InputNumber, Modal, Select, Switch } from "antd";
import { useEffect, useState } from "react";
import { type Autoscale, call, type Deployment, deploymentPath, type Version } from "../api";
import { useComplain } from "../hooks";
import { useSetting } from "../i18n";
import { AutoscaleFields, given } from "./create";

interface ScaleValues { version: string; replicas?: number; scaling: boolean; autoscale?: Autoscale; pinned: boolean; queue_limit?: number }

export function ScaleDialog({ deployment, open, close, done }: { deployment: Deployment; open: boolean; close(): void; done(): void }) {
  const { t } = useSetting();
  const complain = useComplain();
  const [form] = Form.useForm<ScaleValues>();
  const [busy, setBusy] = useState(false);
  const scaling = Form.useWatch("scaling", form);
  const local = deployment.versions.filter((version) => version.model);
  const main = [...local].sort((a, b) => b.traffic - a.traffic)[0];
  useEffect(() => {
    if (open) form.setFieldsValue({ version: main?.version, replicas: main?.replicas_wanted, scaling: deployment.autoscale !== undefined, autoscale: deployment.autoscale, pinned: deployment.pinned ?? false, queue_limit: deployment.queue_limit });
  }, [open]); // what is polled meanwhile must not overwrite what is typed
  const save = ({ version, replicas, scaling: scales, autoscale, pinned, queue_limit }: ScaleValues) => {
    const body = given({ version, replicas: scales ? undefined : replicas, autoscale: scales ? given(autoscale ?? {}) : undefined, fixed: scales || !deployment.autoscale ? undefined : true, pinned, queue_limit });
    setBusy(true);
    call("PUT", `${deploymentPath(deployment.name)}/scale`, body).then(() => { close(); done(); }, complain).finally(() => setBusy(false));
  };
  return (
    <Modal open={open} onCancel={close} onOk={form.submit} confirmLoading={busy} okText={t("save")} title={t("scale")} destroyOnHidden width={600}>
      <Form<ScaleValues> form={form} layout="vertical" requiredMark={false} onFinish={save}>
        {local.length > 0 && (
          <>
            <div className="fields">
              <Form.Item name="version" label={t("version")}><Select options={local.map((version) => ({ value: version.version, label: version.version }))} onChange={(name) => form.setFieldsValue({ replicas: local.find((version) => version.version === name)?.replicas_wanted })} /></Form.Item>
              <Form.Item name="replicas" label={t("replicas")}><InputNumber min={0} max={64} precision={0} style={{ width: "100%" }} disabled={scaling} /></Form.Item>
            </div>
            <Form.Item name="scaling" label={t("autoscaling")} valuePropName="checked"><Switch /></Form.Item>
            {scaling && <AutoscaleFields />}
            <Form.Item name="pinned" label={t("pinned")} valuePropName="checked"><Switch /></Form.Item>
          </>
        )}
        <Form.Item name="queue_limit" label={t("queueLimit")}><InputNumber min={0} precision={0} style={{ width: 180 }} placeholder={t("automatic")} /></Form.Item>
      </Form>
    </Modal>
  );
}

interface ReleaseValues { steps: string[]; step_seconds: number; min_requests: number }

export function ReleaseDialog({ deployment, version, close, done }: { deployment: Deployment; version: Version | undefined; close(): void; done(): void }) {
  const { t } = useSetting();
  const complain = useComplain();
  const [form] = Form.useForm<ReleaseValues>();
  const [busy, setBusy] = useState(false);
  const start = ({ steps, step_seconds, min_requests }: ReleaseValues) => {
    const body = { version: version!.version, steps: steps.map(Number).sort((a, b) => a - b), step_seconds, min_requests };
    setBusy(true);
    call("POST", `${deploymentPath(deployment.name)}/release`, body).then(() => { close(); done(); }, complain).finally(() => setBusy(false));
  };
  return (
    <Modal open={version !== undefined} onCancel={close} onOk={form.submit} confirmLoading={busy} okText={t("startRelease")} title={t("canaryOf", { version: version?.version ?? "" })} destroyOnHidden>
      <Form<ReleaseValues> form={form} layout="vertical" requiredMark={false} initialValues={{ steps: ["10", "50", "100"], step_seconds: 60, min_requests: 20 }} onFinish={start}>
        <p className="soft" style={{ marginTop: 0 }}>{t("canaryHint")}</p>
        <Form.Item name="steps" label={t("releaseSteps")} rules={[{ required: true, message: "" }, { validator: async (_, steps: string[]) => { if (steps.some((step) => !(Number(step) > 0 && Number(step) <= 100))) throw new Error(t("stepsArePercent")); } }]}>
          <Select mode="tags" tokenSeparators={[",", " "]} open={false} suffixIcon={null} />
        </Form.Item>
        <div className="fields">
          <Form.Item name="step_seconds" label={t("stepSeconds")}><InputNumber min={1} precision={0} style={{ width: "100%" }} /></Form.Item>
          <Form.Item name="min_requests" label={t("stepRequests")}><InputNumber min={1} precision={0} style={{ width: "100%" }} /></Form.Item>
        </div>
      </Form>
    </Modal>
  );
}
