import { PlusOutlined } from "@ant-design/icons";
import { App, Button, Form, Input, Modal, Select, Tag } from "antd";
import { useState } from "react";
import { call, type Role, type User } from "../api";
import { useComplain, useData } from "../hooks";
import { useSetting } from "../i18n";
import { SecretDialog } from "../secret";
import { TableSheet } from "../table_sheet";
import { Page } from "./page";

const roleWords = { admin: "roleAdmin", editor: "roleEditor", reader: "roleReader" } as const;

export function UsersPage({ me }: { me: string }) {
  const { t, language } = useSetting();
  const { modal } = App.useApp();
  const complain = useComplain();
  const load = useData<{ users: User[] }>("/api/v1/users");
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string>();
  const [form] = Form.useForm<{ username: string; role: Role }>();
  const create = (values: { username: string; role: Role }) =>
    call<{ password?: string }>("POST", "/api/v1/users", values).then((made) => { setAdding(false); form.resetFields(); setSecret(made.password); void load.refresh(); }, complain);
  const remove = (user: User) => modal.confirm({ title: t("deleteUserAsk", { name: user.username }), okText: t("delete"), okButtonProps: { danger: true }, onOk: () => call("DELETE", `/api/v1/users/${encodeURIComponent(user.username)}`).then(load.refresh, complain) });
  return (
    <Page title={t("users")} actions={<Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>{t("newUser")}</Button>}>
      <TableSheet<User> load={load} rowKey="id" dataSource={load.data?.users}
        columns={[
          { title: t("username"), dataIndex: "username" },
          { title: t("role"), render: (_, user) => <Tag>{t(roleWords[user.role])}</Tag> },
          { title: t("added"), render: (_, user) => <span className="soft">{new Date(user.created_at).toLocaleString(language === "zh" ? "zh-CN" : "en-GB")}</span> },
          { width: 90, render: (_, user) => user.username !== me && <Button type="text" size="small" danger onClick={() => remove(user)}>{t("delete")}</Button> },
        ]} />
      <Modal open={adding} onCancel={() => setAdding(false)} onOk={form.submit} okText={t("create")} title={t("newUser")} destroyOnHidden>
        <Form form={form} layout="vertical" requiredMark={false} initialValues={{ role: "reader" }} onFinish={create}>
          <Form.Item name="username" label={t("username")} rules={[{ required: true, message: "" }]}><Input autoFocus maxLength={64} /></Form.Item>
          <Form.Item name="role" label={t("role")}><Select options={(["reader", "editor", "admin"] as Role[]).map((role) => ({ value: role, label: t(roleWords[role]) }))} /></Form.Item>
        </Form>
      </Modal>
      <SecretDialog note={t("passwordOnce")} secret={secret} close={() => setSecret(undefined)} />
    </Page>
  );
}
