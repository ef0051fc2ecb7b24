import { PlusOutlined } from "@ant-design/icons";
import { App, Button, Input, Modal } from "antd";
import { useState } from "react";
import { call, type Key } from "../api";
import { useComplain, useData } from "../hooks";
import { useSetting } from "../i18n";
import { SecretDialog } from "../secret";
import { TableSheet } from "../table_sheet";
import { Page } from "./page";

export function KeysPage() {
  const { t, language } = useSetting();
  const { modal } = App.useApp();
  const complain = useComplain();
  const load = useData<{ keys: Key[] }>("/api/v1/keys");
  const [adding, setAdding] = useState(false);
  const [name, setName] = useState("");
  const [secret, setSecret] = useState<string>();
  const when = (time?: string) => (time ? new Date(time).toLocaleString(language === "zh" ? "zh-CN" : "en-GB") : t("never"));
  const create = () =>
    call<{ secret: string }>("POST", "/api/v1/keys", { name: name.trim() }).then((made) => { setAdding(false); setName(""); setSecret(made.secret); void load.refresh(); }, complain);
  const revoke = (key: Key) => modal.confirm({ title: t("revokeAsk", { name: key.name }), okText: t("revoke"), okButtonProps: { danger: true }, onOk: () => call("DELETE", `/api/v1/keys/${key.id}`).then(load.refresh, complain) });
  return (
    <Page title={t("keys")} actions={<Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>{t("newKey")}</Button>}>
      <p className="soft">{t("keysIntro", { url: `${window.location.origin}/v1` })}</p>
      <TableSheet<Key> load={load} rowKey="id" dataSource={load.data?.keys} locale={{ emptyText: t("noKeys") }}
        columns={[
          { title: t("name"), dataIndex: "name" },
          { title: t("keys"), render: (_, key) => <code>{key.prefix}</code> },
          { title: t("owner"), dataIndex: "owner" },
          { title: t("added"), render: (_, key) => <span className="soft">{when(key.created_at)}</span> },
          { title: t("lastUsed"), render: (_, key) => <span className="soft">{when(key.last_used_at)}</span> },
          { width: 90, render: (_, key) => <Button type="text" size="small" danger onClick={() => revoke(key)}>{t("revoke")}</Button> },
        ]} />
      <Modal open={adding} onCancel={() => setAdding(false)} onOk={() => void create()} okText={t("create")} okButtonProps={{ disabled: !name.trim() }} title={t("newKey")} destroyOnHidden>
        <Input autoFocus value={name} onChange={(event) => setName(event.target.value)} onPressEnter={() => name.trim() && void create()} placeholder={t("keyName")} aria-label={t("name")} maxLength={64} />
      </Modal>
      <SecretDialog note={t("keyOnce")} secret={secret} close={() => setSecret(undefined)} />
    </Page>
  );
}
