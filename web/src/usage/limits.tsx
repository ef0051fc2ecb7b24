import { PlusOutlined } from "@ant-design/icons";
import { App, Button, Form, InputNumber, Modal, Select, Space } from "antd";
import { useEffect, useState } from "react";
import { call, type Key, type Limits, type SubjectLimits, type User } from "../api";
import { useComplain, useData } from "../hooks";
import { useSetting, type Word } from "../i18n";
import { MeterBar } from "../meter_bar";
import { numbersOf } from "../numbers";
import { Waiting } from "../waiting";

const kDefault = "default";
const kTimes: [keyof Limits, Word][] = [["requests_per_minute", "requestsPerMinute"], ["tokens_per_minute", "tokensPerMinute"], ["concurrent_requests", "requestsAtOnce"]];
const kTokens: [keyof Limits, Word][] = [["tokens_per_day", "tokensPerDay"], ["tokens_per_month", "tokensPerMonth"]];
const kMoney: [keyof Limits, Word][] = [["budget_per_day", "budgetPerDay"], ["budget_per_month", "budgetPerMonth"], ["budget_total", "budgetTotal"]];
const kUrgency: [keyof Limits, Word][] = [["priority", "priority"], ["most_urgent", "mostUrgent"]];

/** `user:rita`, `key:ID` and `default` as people call them. */
function useSubjectName(keys: Key[] | undefined) {
  const { t } = useSetting();
  return (subject: string) => {
    if (subject === kDefault) return t("everyUser");
    const [kind, id] = [subject.slice(0, subject.indexOf(":")), subject.slice(subject.indexOf(":") + 1)];
    if (kind === "user") return t("userNamed", { name: id });
    const key = keys?.find((each) => each.id === id);
    return t("keyNamed", { name: key ? `${key.name} (${key.owner})` : id });
  };
}

function Bounds({ one, currency }: { one: SubjectLimits; currency: string }) {
  const { t, language } = useSetting();
  const { count, money } = numbersOf(language);
  const { limits, used } = one;
  const usedOf: Partial<Record<keyof Limits, number>> = used ? {
    concurrent_requests: used.requests_running, tokens_per_day: used.tokens_today, tokens_per_month: used.tokens_this_month,
    budget_per_day: used.spent_today, budget_per_month: used.spent_this_month, budget_total: used.spent_total,
  } : {};
  const set = [...kTimes, ...kTokens, ...kMoney].filter(([key]) => limits[key] !== undefined);
  return (
    <div className="bounds">
      {set.map(([key, word]) => {
        const say = (value: number) => (key.startsWith("budget") ? money(value, currency) : count(value));
        const bound = limits[key]!;
        const now = usedOf[key];
        return now === undefined ? <div className="meter" key={key}><div><span className="soft">{t(word)}</span><span className="digits">{say(bound)}</span></div></div>
          : <MeterBar key={key} name={t(word)} used={now} bound={bound} text={`${say(now)} / ${say(bound)}`} />;
      })}
      {kUrgency.filter(([key]) => limits[key] !== undefined).map(([key, word]) => <div className="meter" key={key}><div><span className="soft">{t(word)}</span><span className="digits">{limits[key]}</span></div></div>)}
    </div>
  );
}

interface Editing { subject?: string; limits: Limits }

function Editor({ editing, currency, taken, subjects, close, changed }: {
  editing: Editing | undefined; currency: string; taken: string[]; subjects: { label: string; options: { value: string; label: string }[] }[]; close(): void; changed(): void;
}) {
  const { t } = useSetting();
  const complain = useComplain();
  const [form] = Form.useForm<Limits & { subject: string }>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (editing) form.setFieldsValue({ subject: editing.subject, ...editing.limits });
  }, [editing, form]);
  const save = ({ subject, ...values }: Limits & { subject: string }) => {
    const limits = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined));
    setBusy(true);
    call("PUT", `/api/v1/limits/${encodeURIComponent(subject)}`, limits).then(() => { close(); changed(); }, complain).finally(() => setBusy(false));
  };
  const free = subjects.map((group) => ({ ...group, options: group.options.filter((each) => each.value === editing?.subject || !taken.includes(each.value)) })).filter((group) => group.options.length > 0);
  const fields = (which: [keyof Limits, Word][], rest: object) => (
    <div className="fields">
      {which.map(([key, word]) => <Form.Item key={key} name={key} label={t(word)}><InputNumber style={{ width: "100%" }} min={0} placeholder={t("unlimited")} {...rest} /></Form.Item>)}
    </div>
  );
  return (
    <Modal open={editing !== undefined} onCancel={close} onOk={form.submit} confirmLoading={busy} okText={t("save")} title={t("limits")} width={640} destroyOnHidden afterClose={() => form.resetFields()}>
      <Form form={form} layout="vertical" requiredMark={false} preserve={false} onFinish={save}>
        <Form.Item name="subject" label={t("limitsFor")} rules={[{ required: true, message: "" }]}><Select showSearch={{ optionFilterProp: "label" }} disabled={editing?.subject !== undefined} options={free} aria-label={t("limitsFor")} /></Form.Item>
        {fields(kTimes, { precision: 0 })}
        {fields(kTokens, { precision: 0 })}
        {fields(kMoney, { suffix: currency })}
        {fields(kUrgency, { precision: 0, min: -100, max: 100, placeholder: "0" })}
        <p className="soft" style={{ fontSize: 12.5, margin: 0 }}>{t("limitsHint")}</p>
      </Form>
    </Modal>
  );
}

export function LimitsTab() {
  const { t } = useSetting();
  const { modal } = App.useApp();
  const complain = useComplain();
  const { data, refresh, fault } = useData<{ currency: string; limits: SubjectLimits[] }>("/api/v1/limits");
  const keys = useData<{ keys: Key[] }>("/api/v1/keys?all=true").data?.keys;
  const users = useData<{ users: User[] }>("/api/v1/users").data?.users;
  const [editing, setEditing] = useState<Editing>();
  const nameOf = useSubjectName(keys);
  const remove = (one: SubjectLimits) => modal.confirm({
    title: t("liftAsk", { name: nameOf(one.subject) }), content: one.subject.startsWith("user:") ? t("liftUserHint") : undefined, okText: t("lift"), okButtonProps: { danger: true },
    onOk: () => call("DELETE", `/api/v1/limits/${encodeURIComponent(one.subject)}`).then(refresh, complain),
  });
  const subjects = [
    { label: t("everyone"), options: [{ value: kDefault, label: t("everyUser") }] },
    { label: t("users"), options: (users ?? []).map((user) => ({ value: `user:${user.username}`, label: user.username })) },
    { label: t("keys"), options: (keys ?? []).map((key) => ({ value: `key:${key.id}`, label: `${key.name} (${key.owner})` })) },
  ];
  return (
    <>
      <div className="strip">
        <span className="soft grow">{t("limitsIntro")}</span>
        <Button type="primary" icon={<PlusOutlined />} onClick={() => setEditing({ limits: {} })}>{t("newLimits")}</Button>
      </div>
      {!data ? <Waiting fault={fault} refresh={refresh} /> : data.limits.length === 0 ? <div className="empty">{t("noLimits")}</div> : data.limits.map((one) => (
        <section className="sheet limit" key={one.subject} aria-label={nameOf(one.subject)}>
          <header>
            <b>{nameOf(one.subject)}</b>
            <Space>
              <Button size="small" onClick={() => setEditing(one)}>{t("edit")}</Button>
              <Button size="small" danger onClick={() => remove(one)}>{t("lift")}</Button>
            </Space>
          </header>
          <Bounds one={one} currency={data.currency} />
        </section>
      ))}
      <Editor editing={editing} currency={data?.currency ?? ""} taken={data?.limits.map((one) => one.subject) ?? []} subjects={subjects} close={() => setEditing(undefined)} changed={() => void refresh()} />
    </>
  );
}
