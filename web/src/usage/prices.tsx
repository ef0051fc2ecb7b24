import { PlusOutlined } from "@ant-design/icons";
import { App, AutoComplete, Button, Form, InputNumber, Modal, Space } from "antd";
import { useEffect, useState } from "react";
import { call, type Model, type Price } from "../api";
import { useComplain, useData } from "../hooks";
import { useSetting } from "../i18n";
import { numbersOf } from "../numbers";
import { TableSheet } from "../table_sheet";

const kOthers = "*"; // models without a price of their own

export function PricesTab() {
  const { t, language } = useSetting();
  const { money } = numbersOf(language);
  const { modal } = App.useApp();
  const complain = useComplain();
  const load = useData<{ currency: string; prices: Price[] }>("/api/v1/prices");
  const models = useData<{ models: Model[] }>("/api/v1/models").data?.models ?? [];
  const [editing, setEditing] = useState<Partial<Price>>();
  const [form] = Form.useForm<Price>();
  useEffect(() => {
    if (editing) form.setFieldsValue(editing);
  }, [editing, form]);
  const save = ({ model, ...price }: Price) =>
    call("PUT", `/api/v1/prices/${encodeURIComponent(model.trim())}`, { ...price, cached: price.cached ?? undefined }).then(() => { setEditing(undefined); void load.refresh(); }, complain);
  const nameOf = (model: string) => (model === kOthers ? t("otherModels") : model);
  const remove = (price: Price) => modal.confirm({ title: t("removePriceAsk", { name: nameOf(price.model) }), okText: t("remove"), okButtonProps: { danger: true }, onOk: () => call("DELETE", `/api/v1/prices/${encodeURIComponent(price.model)}`).then(load.refresh, complain) });
  const amount = (of: (price: Price) => number) => (_: unknown, price: Price) => <span className="digits">{money(of(price), load.data!.currency)}</span>;
  return (
    <>
      <div className="strip">
        <span className="soft grow">{t("pricesIntro")}</span>
        <Button type="primary" icon={<PlusOutlined />} onClick={() => setEditing({})}>{t("newPrice")}</Button>
      </div>
      <TableSheet<Price> load={load} rowKey="model" dataSource={load.data?.prices} locale={{ emptyText: t("noPrices") }}
        columns={[
          { title: t("pickModel"), render: (_, price) => nameOf(price.model) },
          { title: t("priceInput"), align: "right", render: amount((price) => price.input) },
          { title: t("priceCached"), align: "right", render: amount((price) => price.cached) },
          { title: t("priceOutput"), align: "right", render: amount((price) => price.output) },
          { width: 150, align: "right", render: (_, price) => <Space><Button type="text" size="small" onClick={() => setEditing(price)}>{t("edit")}</Button><Button type="text" size="small" danger onClick={() => remove(price)}>{t("remove")}</Button></Space> },
        ]} />
      <Modal open={editing !== undefined} onCancel={() => setEditing(undefined)} onOk={form.submit} okText={t("save")} title={t("price")} width={640} destroyOnHidden afterClose={() => form.resetFields()}>
        <Form form={form} layout="vertical" requiredMark={false} preserve={false} onFinish={(values) => void save(values)}>
          <Form.Item name="model" label={t("pickModel")} rules={[{ required: true, message: "" }]} extra={t("priceModelHint")}>
            <AutoComplete disabled={editing?.model !== undefined} options={[kOthers, ...models.map((model) => model.name)].map((value) => ({ value }))} />
          </Form.Item>
          <div className="fields">
            {([["input", "priceInput"], ["cached", "priceCached"], ["output", "priceOutput"]] as const).map(([key, word]) => (
              <Form.Item key={key} name={key} label={t(word)} rules={key === "cached" ? [] : [{ required: true, message: "" }]}><InputNumber min={0} max={1e6} style={{ width: "100%" }} suffix={load.data?.currency} /></Form.Item>
            ))}
          </div>
          <p className="soft" style={{ fontSize: 12.5, margin: 0 }}>{t("priceHint")}</p>
        </Form>
      </Modal>
    </>
  );
}
