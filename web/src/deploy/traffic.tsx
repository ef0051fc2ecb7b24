import { App, Button, Space, Tag } from "antd";
import { useRef, useState } from "react";
import { call, type Deployment, deploymentPath, type Version } from "../api";
import { useComplain } from "../hooks";
import { useSetting } from "../i18n";
import { numbersOf } from "../numbers";
import { Dots, SplitBar } from "./parts";
import { moved, sameShares, type Shares, sharesOf, sharesText } from "./shares";

function Facts({ version }: { version: Version }) {
  const { t, language } = useSetting();
  const { count, millis, percent } = numbersOf(language);
  const { figures } = version;
  const facts = [
    t("requestsOf", { count: count(figures.requests) }), figures.requests > 0 ? t("errorsOf", { share: percent(figures.failures / figures.requests) }) : "",
    figures.first_token_p95_ms > 0 ? `${t("firstTokenP95")} ${millis(figures.first_token_p95_ms)}` : "",
    figures.tokens_per_second > 0 ? t("tokensPerSecondOf", { count: count(figures.tokens_per_second) }) : "",
    version.shadow > 0 ? t("shadowOf", { share: version.shadow }) : "",
  ];
  return <div className="soft digits" style={{ fontSize: 13 }}>{facts.filter(Boolean).join(" · ")}</div>;
}

/** The versions and how the requests are shared among them; nothing changes before the button is pressed. */
export function Traffic({ deployment, canManage, release, changed }: { deployment: Deployment; canManage: boolean; release(version: Version): void; changed(): void }) {
  const { t } = useSetting();
  const { modal } = App.useApp();
  const complain = useComplain();
  const now = sharesOf(deployment.versions);
  const [wanted, setWanted] = useState<Shares>();
  const [busy, setBusy] = useState(false);
  const before = useRef<Shares>(undefined); // the shares when a slider was taken
  const shares = wanted && Object.keys(wanted).length === deployment.versions.length ? wanted : now;
  const slide = (version: string, share: number) => setWanted(moved((before.current ??= shares), version, share));
  const let_go = () => { before.current = undefined; };
  const path = deploymentPath(deployment.name);
  const act = (done: Promise<unknown>) => { setBusy(true); return done.then(() => { setWanted(undefined); changed(); }, complain).finally(() => setBusy(false)); };
  const promote = (version: Version) => modal.confirm({ title: t("promoteAsk", { version: version.version }), content: t("promoteHint"), okText: t("promote"), onOk: () => act(call("POST", `${path}/promote`, { version: version.version })) });
  const remove = (version: Version) => modal.confirm({ title: t("removeVersionAsk", { version: version.version }), okText: t("remove"), okButtonProps: { danger: true }, onOk: () => act(call("DELETE", `${path}/versions/${encodeURIComponent(version.version)}`)) });
  const several = deployment.versions.length > 1 && deployment.kind === "chat";
  const dirty = !sameShares(shares, now);
  return (
    <div className="sheet">
      <SplitBar versions={deployment.versions.map((each) => ({ version: each.version, traffic: shares[each.version] ?? 0 }))} />
      {deployment.versions.map((version, index) => (
        <div className="version" key={version.version}>
          <i className={`key c${(index % 4) + 1}`} />
          <div className="what">
            <Space size={6} wrap><b>{version.version}</b><span className="soft">{version.model ?? version.engines?.join(", ")}</span><Dots replicas={version.replicas} />{version.rejected && <Tag color="error">{t("rejected")}</Tag>}</Space>
            <Facts version={version} />
          </div>
          {canManage && several && (
            <input type="range" min={0} max={100} value={shares[version.version] ?? 0} aria-label={t("trafficOf", { version: version.version })} disabled={deployment.release !== undefined || busy}
              onChange={(event) => slide(version.version, Number(event.target.value))} onPointerUp={let_go} onKeyUp={let_go} onBlur={let_go} />
          )}
          <b className="share digits">{shares[version.version] ?? 0} %</b>
          {canManage && (
            <Space size={2} className="acts">
              {several && version.traffic < 100 && !deployment.release && <Button size="small" type="text" onClick={() => promote(version)}>{t("promote")}</Button>}
              {several && version.traffic === 0 && !deployment.release && <Button size="small" type="text" onClick={() => release(version)}>{t("canary")}</Button>}
              {deployment.versions.length > 1 && version.traffic === 0 && !deployment.release && <Button size="small" type="text" danger onClick={() => remove(version)}>{t("remove")}</Button>}
            </Space>
          )}
        </div>
      ))}
      {canManage && several && (
        <div className="strip" style={{ marginBottom: 0 }}>
          <span className="soft grow digits">{deployment.release ? t("releaseOwnsTraffic") : dirty ? `${sharesText(now)} → ${sharesText(shares)}` : t("slideHint")}</span>
          <Button disabled={!dirty || busy} onClick={() => setWanted(undefined)}>{t("reset")}</Button>
          <Button type="primary" disabled={!dirty} loading={busy} onClick={() => void act(call("PUT", `${path}/traffic`, { traffic: shares }))}>{t("applyTraffic")}</Button>
        </div>
      )}
    </div>
  );
}
