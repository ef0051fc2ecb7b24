import { ArrowLeftOutlined, DeleteOutlined, PlusOutlined, RollbackOutlined } from "@ant-design/icons";
import { App, Button, Space, Steps, Table } from "antd";
import { useEffect, useState } from "react";
import { call, type Deployment, type DeploymentEvent, deploymentPath, type Release, type Replica, type Version } from "../api";
import { humanBytes } from "../bytes";
import { CreateDialog } from "../deploy/create";
import { ReleaseDialog, ScaleDialog } from "../deploy/dialogs";
import { LiveCharts, useHistory } from "../deploy/live";
import { ReplicaTag, replicasOf, StateTag } from "../deploy/parts";
import { sharesText } from "../deploy/shares";
import { Traffic } from "../deploy/traffic";
import { go, useComplain, useData } from "../hooks";
import { useSetting, type Word, words } from "../i18n";
import { numbersOf } from "../numbers";
import { Waiting } from "../waiting";
import { Page } from "./page";

const kRefresh = 2000; // milliseconds
const kEvents = 50;

function Progress({ release }: { release: Release }) {
  const { t } = useSetting();
  return (
    <div className="sheet" style={{ marginBottom: 14 }}>
      <b>{t("releaseRunning", { version: release.version })}</b>
      <p className="soft" style={{ margin: "2px 0 14px" }}>{release.step < 0 ? t("releaseStarting") : t("releaseRule", { seconds: release.step_seconds, requests: release.min_requests })}</p>
      <Steps size="small" current={release.step} items={release.steps.map((share) => ({ title: `${share} %` }))} />
    </div>
  );
}

function Replicas({ replicas }: { replicas: Replica[] }) {
  const { t, language } = useSetting();
  const { count } = numbersOf(language);
  const number = (title: string, of: (replica: Replica) => number) => ({ title, align: "right" as const, render: (_: unknown, replica: Replica) => <span className={`digits ${of(replica) === 0 ? "soft" : ""}`}>{count(of(replica))}</span> });
  return (
    <div className="sheet wide-table" style={{ padding: "6px 8px" }}>
      <Table<Replica> rowKey="id" size="small" pagination={false} dataSource={replicas} locale={{ emptyText: t("noReplicas") }} scroll={{ x: "max-content" }}
        columns={[
          { title: t("replica"), render: (_, replica) => <>{replica.id} <span className="soft">{replica.source}{replica.local ? replica.pid ? ` · ${t("process", { pid: replica.pid })}` : "" : ` · ${t("remote")}`}</span></> },
          { title: t("state"), width: 120, render: (_, replica) => <ReplicaTag replica={replica} /> },
          number(t("running"), (replica) => replica.requests_running), number(t("workTokens"), (replica) => replica.work_tokens), number(t("faults"), (replica) => replica.failures), number(t("restarts"), (replica) => replica.restarts),
          { title: t("memory"), align: "right", render: (_, replica) => <span className="digits">{replica.resident_bytes > 0 ? humanBytes(replica.resident_bytes) : replica.predicted_bytes > 0 ? `≈ ${humanBytes(replica.predicted_bytes)}` : "–"}</span> },
        ]} />
    </div>
  );
}

/** Asked again only when the deployment has changed: events are many and change seldom. */
function Events({ name, stamp }: { name: string; stamp: string }) {
  const { t, language } = useSetting();
  const [limit, setLimit] = useState(kEvents);
  const { data, refresh, fault } = useData<{ events: DeploymentEvent[] }>(`${deploymentPath(name)}/events?limit=${limit}`, undefined, undefined, true);
  useEffect(() => void refresh(), [stamp, refresh]);
  const kindOf = (kind: string) => (`event_${kind}` in words ? t(`event_${kind}` as Word) : kind);
  if (!data) return <Waiting fault={fault} refresh={refresh} />;
  return (
    <div className="sheet">
      <ol className="events">
        {data.events.map((event) => (
          <li key={event.seq} className={event.kind}>
            <time className="soft digits" dateTime={event.time}>{new Date(event.time).toLocaleString(language === "zh" ? "zh-CN" : "en-GB")}</time>
            <span><b>{kindOf(event.kind)}</b>{event.version && <> {event.version}</>} <span className="soft">{event.text} · {event.actor === "system" ? t("byItself") : event.actor}</span></span>
          </li>
        ))}
      </ol>
      {data.events.length === limit && <Button type="text" block onClick={() => setLimit(1000)}>{t("more")}</Button>}
    </div>
  );
}

/** Changes whenever something was done to a deployment, and not because it is used. */
const stampOf = (one: Deployment) => JSON.stringify([one.state, one.release?.step, one.autoscaled, one.versions.map((version) => [version.version, version.traffic, version.shadow, version.replicas_wanted, version.replicas.map((replica) => [replica.id, replica.state, replica.restarts])])]);

function scaleText(t: ReturnType<typeof useSetting>["t"], one: Deployment): string {
  if (!one.autoscale) return "";
  const { min = 1, max = 1 } = one.autoscale;
  return t("autoscaledOf", { min, max, now: one.autoscaled ?? replicasOf(one).length });
}

export function DeploymentPage({ name, canManage }: { name: string; canManage: boolean }) {
  const { t } = useSetting();
  const { modal } = App.useApp();
  const complain = useComplain();
  const { data: one, refresh, fault } = useData<Deployment>(deploymentPath(name), kRefresh);
  const samples = useHistory(one);
  const [scaling, setScaling] = useState(false);
  const [adding, setAdding] = useState(false);
  const [releasing, setReleasing] = useState<Version>();
  const back = <Button type="text" icon={<ArrowLeftOutlined />} aria-label={t("deployments")} onClick={() => go("deployments")} />;
  if (!one) return <Page wide title={<Space>{back}{name}</Space>}><Waiting fault={fault} refresh={refresh} /></Page>;
  const done = () => void refresh();
  const now = sharesText(Object.fromEntries(one.versions.map((version) => [version.version, version.traffic])));
  const rollBack = () => modal.confirm({
    title: t("rollbackAsk", { name }),
    content: <><p>{t("rollbackWill", { now, then: sharesText(one.rollback_to!) })}</p>{one.release && <p>{t("rollbackEndsRelease", { version: one.release.version })}</p>}</>,
    okText: t("rollback"), onOk: () => call("POST", `${deploymentPath(name)}/rollback`).then(done, complain),
  });
  const remove = () => modal.confirm({ title: t("deleteDeploymentAsk", { name }), content: t("deleteDeploymentHint"), okText: t("delete"), okButtonProps: { danger: true }, onOk: () => call("DELETE", deploymentPath(name)).then(() => go("deployments"), complain) });
  const canRollBack = one.rollback_to !== undefined && Object.keys(one.rollback_to).length > 0;
  const actions = canManage && (
    <Space wrap>
      <Button icon={<RollbackOutlined />} disabled={!canRollBack} onClick={rollBack}>{t("rollback")}</Button>
      <Button onClick={() => setScaling(true)}>{t("scale")}</Button>
      {one.origin === "deploy" && <Button icon={<PlusOutlined />} onClick={() => setAdding(true)}>{t("newVersion")}</Button>}
      {one.origin === "deploy" && <Button danger icon={<DeleteOutlined />} aria-label={t("delete")} onClick={remove} />}
    </Space>
  );
  return (
    <Page wide title={<Space wrap>{back}{name}<StateTag state={one.state} /></Space>} actions={actions}>
      {one.reason && <p role="alert" className="reason">{one.reason}</p>}
      {one.release && <Progress release={one.release} />}
      <LiveCharts samples={samples} />
      <h2>{t("versions")}</h2>
      <Traffic deployment={one} canManage={canManage} release={setReleasing} changed={done} />
      <h2>{t("replicas")}<small className="soft">{scaleText(t, one)}</small></h2>
      <Replicas replicas={replicasOf(one)} />
      <h2>{t("events")}</h2>
      <Events name={name} stamp={stampOf(one)} />
      {canManage && (
        <>
          <ScaleDialog deployment={one} open={scaling} close={() => setScaling(false)} done={done} />
          <ReleaseDialog deployment={one} version={releasing} close={() => setReleasing(undefined)} done={done} />
          <CreateDialog of={one} open={adding} close={() => setAdding(false)} done={done} />
        </>
      )}
    </Page>
  );
}
