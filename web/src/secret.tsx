import { CopyOutlined } from "@ant-design/icons";
import { App, Button, Modal } from "antd";
import { useSetting } from "./i18n";

/** Something that is shown once and never again. */
export function SecretDialog({ note, secret, close }: { note: string; secret: string | undefined; close(): void }) {
  const { t } = useSetting();
  const { message } = App.useApp();
  const copy = () => navigator.clipboard?.writeText(secret ?? "").then(() => message.success(t("copied")));
  return (
    <Modal open={secret !== undefined} onCancel={close} mask={{ closable: false }} title={note} footer={<Button type="primary" onClick={close}>{t("close")}</Button>} destroyOnHidden>
      <div className="secret" data-testid="secret">{secret}</div>
      <Button icon={<CopyOutlined />} style={{ marginTop: 12 }} onClick={() => void copy()}>{t("copy")}</Button>
    </Modal>
  );
}
