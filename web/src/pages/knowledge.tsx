import { ArrowLeftOutlined, DeleteOutlined, InboxOutlined, PlusOutlined, ReloadOutlined } from "@ant-design/icons";
import { App, Button, Input, Modal, Progress, Space, Tag, Tooltip } from "antd";
import { useRef, useState } from "react";
import { basePath, call, type Doc, type KnowledgeBase, type Passage, upload } from "../api";
import { humanBytes } from "../bytes";
import { go, useComplain, useData, usePlace } from "../hooks";
import { useSetting } from "../i18n";
import { PassageDrawer, type Place } from "../passage";
import { TableSheet } from "../table_sheet";
import { Waiting } from "../waiting";
import { Page } from "./page";

const kFilesPerUpload = 100;
const kRefresh = 1500; // milliseconds

function NewBase({ open, close }: { open: boolean; close(): void }) {
  const { t } = useSetting();
  const complain = useComplain();
  const [name, setName] = useState("");
  const create = async () => {
    try {
      await call("POST", "/api/v1/knowledge-bases", { name: name.trim() });
      go("knowledge", name.trim());
    } catch (error) {
      complain(error);
    }
  };
  return (
    <Modal open={open} onCancel={close} onOk={() => void create()} okText={t("create")} okButtonProps={{ disabled: !name.trim() }} title={t("newBase")} destroyOnHidden>
      <Input autoFocus value={name} onChange={(event) => setName(event.target.value)} onPressEnter={() => name.trim() && void create()} placeholder={t("baseName")} maxLength={64} aria-label={t("name")} />
    </Modal>
  );
}

function Bases({ canEdit }: { canEdit: boolean }) {
  const { t } = useSetting();
  const { data, ...load } = useData<{ knowledge_bases: KnowledgeBase[] }>("/api/v1/knowledge-bases", kRefresh, (found) => found.knowledge_bases.some((base) => base.queued > 0));
  const [adding, setAdding] = useState(false);
  const bases = data?.knowledge_bases;
  const create = canEdit && <Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>{t("newBase")}</Button>;
  return (
    <Page title={t("knowledge")} actions={create}>
      {!bases ? <Waiting {...load} /> : bases.length === 0 ? <div className="empty">{t("noBases")}</div> : (
        <div className="grid">
          {bases.map((base) => (
            <a key={base.id} className="tile" href={`#/knowledge/${encodeURIComponent(base.name)}`}>
              <h3>{base.name}</h3>
              <div className="soft">{t("documentsOf", { count: base.documents })} · {humanBytes(base.bytes)}</div>
              <Space size={4} style={{ marginTop: 10 }} wrap>
                {base.queued > 0 && <Tag color="processing">{t("filesWaiting", { count: base.queued })}</Tag>}
                {base.failed > 0 && <Tag color="warning">{t("filesFailed", { count: base.failed })}</Tag>}
                {base.embedding_model && <Tag>{t("embeddings", { model: base.embedding_model })}</Tag>}
              </Space>
            </a>
          ))}
        </div>
      )}
      <NewBase open={adding} close={() => setAdding(false)} />
    </Page>
  );
}

interface Upload { name: string; share: number; problem?: string }

/** Files with their paths, folders opened. */
async function filesOf(items: DataTransferItemList): Promise<[File, string][]> {
  const found: [File, string][] = [];
  const walk = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      found.push([file, entry.fullPath.replace(/^\//, "")]);
    } else {
      const reader = (entry as FileSystemDirectoryEntry).createReader();
      for (;;) { // a reader gives at most 100 entries at a time
        const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
        if (some.length === 0) break;
        for (const each of some) await walk(each);
      }
    }
  };
  for (const entry of [...items].map((item) => item.webkitGetAsEntry())) if (entry) await walk(entry);
  return found;
}

function DropZone({ base, done }: { base: string; done(): void }) {
  const { t } = useSetting();
  const complain = useComplain();
  const [over, setOver] = useState(false);
  const [uploads, setUploads] = useState<Upload[]>([]);
  const input = useRef<HTMLInputElement>(null);
  const add = async (files: [File, string][]) => {
    for (let first = 0; first < files.length; first += kFilesPerUpload) {
      const some = files.slice(first, first + kFilesPerUpload);
      const name = some.length === 1 ? some[0][1] : t("documentsOf", { count: some.length });
      const change = (next: Partial<Upload>) => setUploads((all) => all.map((each) => (each.name === name ? { ...each, ...next } : each)));
      const form = new FormData();
      for (const [file, path] of some) form.append("file", file, path);
      setUploads((all) => [...all.filter((each) => each.name !== name), { name, share: 0 }]);
      try {
        await upload("POST", `${basePath(base)}/documents`, form, (share) => change({ share }));
        setUploads((all) => all.filter((each) => each.name !== name));
      } catch (error) {
        change({ problem: error instanceof Error ? error.message : String(error) });
        complain(error);
      }
      done();
    }
  };
  return (
    <>
      <button type="button" className={`drop ${over ? "over" : ""}`} onClick={() => input.current?.click()}
        onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
        onDrop={(event) => { event.preventDefault(); setOver(false); void filesOf(event.dataTransfer.items).then(add, complain); }}>
        <InboxOutlined style={{ fontSize: 22, color: "var(--green)" }} />
        <div style={{ marginTop: 6 }}>{t("dropHere")}</div>
        <small className="soft">{t("dropKinds")}</small>
      </button>
      <input ref={input} type="file" multiple hidden data-testid="files" onChange={(event) => { void add([...(event.target.files ?? [])].map((file) => [file, file.name])); event.target.value = ""; }} />
      {uploads.map((each) => (
        <div key={each.name} style={{ marginTop: 10 }}>
          <span className="soft">{t("uploading")} {each.name}</span>
          <Progress percent={Math.round(each.share * 100)} size="small" status={each.problem ? "exception" : "active"} />
        </div>
      ))}
    </>
  );
}

function StateTag({ document }: { document: Doc }) {
  const { t } = useSetting();
  const [word, color] = ({ queued: ["stateQueued", "default"], parsing: ["stateParsing", "processing"], indexed: ["stateIndexed", "success"], refused: ["stateRefused", "warning"], failed: ["stateFailed", "error"] } as const)[document.state];
  return (
    <>
      <Tag color={color}>{t(word)}</Tag>
      {document.reason && <div className="soft" style={{ fontSize: 12.5, marginTop: 2 }}>{document.reason}</div>}
    </>
  );
}

function Documents({ base, canEdit }: { base: string; canEdit: boolean }) {
  const { t, language } = useSetting();
  const { modal } = App.useApp();
  const complain = useComplain();
  const [limit, setLimit] = useState(100);
  const load = useData<{ documents: Doc[]; next?: string }>(`${basePath(base)}/documents?limit=${limit}`, kRefresh,
    (found) => found.documents.some((document) => document.state === "queued" || document.state === "parsing"));
  const [place, setPlace] = useState<Place>();
  const remove = (document: Doc) =>
    modal.confirm({ title: t("deleteDocAsk", { name: document.name }), okText: t("delete"), okButtonProps: { danger: true }, onOk: () => call("DELETE", `${basePath(base)}/documents/${document.id}`).then(load.refresh, complain) });
  return (
    <>
      {canEdit && <DropZone base={base} done={() => void load.refresh()} />}
      <div style={{ marginTop: 16 }}>
        <TableSheet<Doc> load={load} rowKey="id" dataSource={load.data?.documents} locale={{ emptyText: t("noDocuments") }}
          columns={[
            { title: t("name"), render: (_, document) => document.state === "indexed" && document.chunks > 0
              ? <a onClick={() => setPlace({ base, passage: { document_id: document.id, document: document.name, page: 0, start: 0, end: 0 } })}>{document.name}</a> : document.name },
            { title: t("state"), width: 280, render: (_, document) => <StateTag document={document} /> },
            { title: t("passages"), dataIndex: "chunks", align: "right", width: 90 },
            { title: t("size"), width: 100, align: "right", render: (_, document) => humanBytes(document.bytes) },
            { title: t("added"), width: 170, render: (_, document) => <span className="soft">{new Date(document.added_at).toLocaleString(language === "zh" ? "zh-CN" : "en-GB")}</span> },
            ...(canEdit ? [{ width: 48, render: (_: unknown, document: Doc) => <Button type="text" size="small" icon={<DeleteOutlined />} aria-label={`${t("delete")} ${document.name}`} onClick={() => remove(document)} /> }] : []),
          ]}>
          {load.data?.next && limit < 1000 && <Button type="text" block onClick={() => setLimit(1000)}>{t("more")}</Button>}
        </TableSheet>
      </div>
      <PassageDrawer place={place} close={() => setPlace(undefined)} />
    </>
  );
}

function SearchBox({ base }: { base: string }) {
  const { t } = useSetting();
  const complain = useComplain();
  const [hits, setHits] = useState<Passage[]>();
  const [place, setPlace] = useState<Place>();
  const search = (query: string) => {
    if (!query.trim()) return setHits(undefined);
    call<{ hits: Passage[] }>("POST", `${basePath(base)}/search`, { query, top: 8 }).then((found) => setHits(found.hits), complain);
  };
  return (
    <>
      <Input.Search allowClear placeholder={t("search")} aria-label={t("search")} onSearch={search} style={{ marginBottom: 14 }} size="large" />
      {hits && (
        <div className="sources" style={{ marginBottom: 20 }}>
          {hits.length === 0 && <div className="soft">{t("nothingFound")}</div>}
          {hits.map((hit) => (
            <button type="button" className="source" key={`${hit.document_id}-${hit.start}`} onClick={() => setPlace({ base, passage: hit })}>
              <span>{hit.document}{hit.page > 0 && <span className="soft"> · {t("page", { page: hit.page })}</span>}<small>{hit.text}</small></span>
            </button>
          ))}
        </div>
      )}
      <PassageDrawer place={place} close={() => setPlace(undefined)} />
    </>
  );
}

function Base({ name, canEdit }: { name: string; canEdit: boolean }) {
  const { t } = useSetting();
  const { modal } = App.useApp();
  const complain = useComplain();
  const rebuild = () => modal.confirm({ title: t("rebuildAsk"), okText: t("rebuild"), onOk: () => call("POST", `${basePath(name)}/rebuild`, {}).catch(complain) });
  const remove = () => modal.confirm({ title: t("deleteBaseAsk", { name }), okText: t("delete"), okButtonProps: { danger: true }, onOk: () => call("DELETE", basePath(name)).then(() => go("knowledge"), complain) });
  const title = <Space><Button type="text" icon={<ArrowLeftOutlined />} aria-label={t("knowledge")} onClick={() => go("knowledge")} />{name}</Space>;
  const actions = canEdit && (
    <Space>
      <Tooltip title={t("rebuild")}><Button icon={<ReloadOutlined />} aria-label={t("rebuild")} onClick={rebuild} /></Tooltip>
      <Tooltip title={t("delete")}><Button danger icon={<DeleteOutlined />} aria-label={t("delete")} onClick={remove} /></Tooltip>
    </Space>
  );
  return (
    <Page title={title} actions={actions}>
      <SearchBox base={name} />
      <Documents base={name} canEdit={canEdit} />
    </Page>
  );
}

export function KnowledgePage({ canEdit }: { canEdit: boolean }) {
  const [, name] = usePlace();
  return name ? <Base key={name} name={name} canEdit={canEdit} /> : <Bases canEdit={canEdit} />;
}
