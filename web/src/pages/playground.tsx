import { CloseOutlined, CodeOutlined, PictureOutlined, PlusOutlined } from "@ant-design/icons";
import { App, Button, Collapse, Input, InputNumber, Select, Tooltip, Upload } from "antd";
import { useEffect, useRef, useState } from "react";
import { call, type ServedModel } from "../api";
import { useComplain } from "../hooks";
import { useSetting } from "../i18n";
import { numbersOf } from "../numbers";
import { type Answer, ask, kNoAnswer, type Question, speedOf } from "../playground/ask";
import { curlOf } from "../playground/curl";
import { kMostPictures, readPicture } from "../playground/picture";
import { copyText } from "../save";
import { Page } from "./page";

const kMostColumns = 4;
const kQuoteOnly = "siyu-extractive"; // quotes knowledge bases, and there are none here

interface Column { id: number; model?: string; answer?: Answer }

function Figures({ answer }: { answer: Answer | undefined }) {
  const { t, language } = useSetting();
  const { count, millis } = numbersOf(language);
  const speed = answer && speedOf(answer);
  const cached = answer?.usage?.prompt_tokens_details?.cached_tokens ?? 0;
  const figures: [string, string][] = [
    [t("firstToken"), answer?.firstAfter === undefined ? "–" : millis(answer.firstAfter)],
    [t("speed"), speed === undefined ? "–" : t("tokensPerSecondOf", { count: speed >= 100 ? count(speed) : speed.toFixed(1) })],
    [t("promptTokens"), answer?.usage ? count(answer.usage.prompt_tokens) + (cached > 0 ? ` (${t("cachedOf", { count: count(cached) })})` : "") : "–"],
    [t("completionTokens"), answer?.usage ? count(answer.usage.completion_tokens) : "–"],
  ];
  return <dl className="measures">{figures.map(([name, value]) => <div key={name}><dt className="soft">{name}</dt><dd className="digits">{value}</dd></div>)}</dl>;
}

function AnswerColumn({ column, models, removable, choose, remove, copy }: { column: Column; models: string[]; removable: boolean; choose(model: string): void; remove(): void; copy(): void }) {
  const { t } = useSetting();
  const { answer } = column;
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const box = end.current?.parentElement;
    if (box && answer?.running) box.scrollTop = box.scrollHeight;
  }, [answer]);
  return (
    <section className="sheet column" aria-label={column.model ?? t("pickModel")}>
      <header>
        <Select variant="filled" value={column.model} placeholder={t("pickModel")} aria-label={t("pickModel")} disabled={answer?.running} style={{ flex: 1, minWidth: 0 }} options={models.map((value) => ({ value, label: value }))} onChange={choose} />
        <Tooltip title={t("copyCurl")}><Button type="text" icon={<CodeOutlined />} aria-label={t("copyCurl")} disabled={!column.model} onClick={copy} /></Tooltip>
        {removable && <Button type="text" icon={<CloseOutlined />} aria-label={t("removeColumn")} onClick={remove} />}
      </header>
      <div className="text" aria-busy={answer?.running ?? false} tabIndex={0} role="group" aria-label={t("answer")}>
        {answer?.reasoning && <Collapse size="small" ghost items={[{ key: "r", label: t("thinking"), children: <div className="soft answer plain">{answer.reasoning}</div> }]} />}
        <div className={`answer plain ${answer?.running ? "blink" : ""}`} data-testid="answer">{answer?.text}</div>
        {answer?.problem && <p role="alert">{answer.problem}</p>}
        {answer && !answer.running && !answer.problem && (answer.finish === "stopped" || answer.finish === "length" || !answer.text) && (
          <p className="soft">{t(answer.finish === "stopped" ? "stopped" : answer.finish === "length" ? "cutAtLength" : "emptyAnswer")}</p>
        )}
        <div ref={end} />
      </div>
      <Figures answer={answer} />
    </section>
  );
}

function Parameters({ question, change }: { question: Question; change(next: Partial<Question>): void }) {
  const { t } = useSetting();
  const number = (key: "temperature" | "maxTokens" | "seed", label: string, rest: object) => (
    <label>{label}<InputNumber size="small" value={question[key]} placeholder={t("automatic")} onChange={(value) => change({ [key]: value })} {...rest} /></label>
  );
  return (
    <div className="sheet parameters">
      <label className="wide">{t("systemPrompt")}<Input.TextArea autoSize={{ minRows: 1, maxRows: 6 }} value={question.system} onChange={(event) => change({ system: event.target.value })} /></label>
      {number("temperature", t("temperature"), { min: 0, max: 2, step: 0.1 })}
      {number("maxTokens", t("maxTokens"), { min: 1, precision: 0 })}
      {number("seed", t("seed"), { min: 0, precision: 0 })}
    </div>
  );
}

function Pictures({ pictures, remove }: { pictures: string[]; remove(index: number): void }) {
  const { t } = useSetting();
  return (
    <ul className="pictures">
      {pictures.map((url, index) => (
        <li key={index}>
          <img src={url} alt={t("pictureNumber", { number: index + 1 })} />
          <Button size="small" type="text" icon={<CloseOutlined />} aria-label={t("removePicture", { number: index + 1 })} onClick={() => remove(index)} />
        </li>
      ))}
    </ul>
  );
}

export function PlaygroundPage() {
  const { t } = useSetting();
  const { message } = App.useApp();
  const complain = useComplain();
  const [models, setModels] = useState<string[]>();
  const [columns, setColumns] = useState<Column[]>([{ id: 1 }, { id: 2 }]);
  const [question, setQuestion] = useState<Question>({ prompt: "", pictures: [], system: "", temperature: null, maxTokens: 256, seed: null });
  const abort = useRef<AbortController>(undefined);

  useEffect(() => {
    call<{ data: ServedModel[] }>("GET", "/v1/models").then(({ data }) => {
      const names = data.filter((each) => each.siyu?.kind !== "embedding" && each.id !== kQuoteOnly).map((each) => each.id);
      setModels(names);
      setColumns((now) => now.map((column, index) => ({ ...column, model: names[Math.min(index, names.length - 1)] })));
    }, complain);
    return () => abort.current?.abort();
  }, [complain]);

  const running = columns.some((column) => column.answer?.running);
  const asked = columns.filter((column) => column.model);
  const change = (id: number, next: Partial<Column>) => setColumns((now) => now.map((column) => (column.id === id ? { ...column, ...next } : column)));
  const start = () => {
    if (!question.prompt.trim() || running || asked.length === 0) return;
    const { signal } = (abort.current = new AbortController());
    setColumns((now) => now.map((column) => (column.model ? { ...column, answer: kNoAnswer } : column)));
    for (const { id, model } of asked) {
      const show = (answer: Answer) => !signal.aborted && change(id, { answer });
      void ask(model!, question, signal, show).then((answer) => change(id, { answer }));
    }
  };
  const add = () => setColumns((now) => [...now, { id: Math.max(...now.map((column) => column.id)) + 1, model: models?.find((name) => !now.some((column) => column.model === name)) ?? models?.[0] }]);
  const attach = (file: File) => {
    readPicture(file, t).then((url) => setQuestion((now) => ({ ...now, pictures: [...now.pictures, url].slice(0, kMostPictures) })), complain);
    return false; // it goes with the question, not by itself
  };
  const copy = (model: string) => copyText(curlOf(window.location.origin, model, question)).then(() => message.success(t("copied")), complain);

  return (
    <Page wide title={t("playground")} actions={<Button icon={<PlusOutlined />} disabled={columns.length >= kMostColumns || running} onClick={add}>{t("addColumn")}</Button>}>
      {models?.length === 0 && <p className="soft">{t("noServedModel")}</p>}
      <Parameters question={question} change={(next) => setQuestion((now) => ({ ...now, ...next }))} />
      <div className="columns" style={{ gridTemplateColumns: `repeat(${columns.length}, minmax(260px, 1fr))` }}>
        {columns.map((column) => (
          <AnswerColumn key={column.id} column={column} models={models ?? []} removable={columns.length > 1 && !running} choose={(model) => change(column.id, { model, answer: undefined })}
            remove={() => setColumns((now) => now.filter((each) => each.id !== column.id))} copy={() => void copy(column.model!)} />
        ))}
      </div>
      <div className="composer full">
        <div className="box">
          {question.pictures.length > 0 && <Pictures pictures={question.pictures} remove={(index) => setQuestion((now) => ({ ...now, pictures: now.pictures.filter((_, at) => at !== index) }))} />}
          <Input.TextArea variant="borderless" autoFocus autoSize={{ minRows: 2, maxRows: 8 }} value={question.prompt} placeholder={t("promptHint")} aria-label={t("promptHint")} style={{ padding: "4px 0", fontSize: 15 }}
            onChange={(event) => setQuestion((now) => ({ ...now, prompt: event.target.value }))}
            onPressEnter={(event) => {
              if (event.shiftKey || event.nativeEvent.isComposing) return; // Enter also ends a Chinese input method's word
              event.preventDefault();
              start();
            }} />
          <div className="row">
            <Upload accept="image/png,image/jpeg" multiple showUploadList={false} beforeUpload={attach}>
              <Tooltip title={t("attachPicture")}><Button type="text" icon={<PictureOutlined />} aria-label={t("attachPicture")} disabled={running || question.pictures.length >= kMostPictures} /></Tooltip>
            </Upload>
            <span className="soft" style={{ fontSize: 12.5 }}>{t("sameForAll")}</span>
            <div className="grow" />
            {running ? <Button onClick={() => abort.current?.abort()}>{t("stop")}</Button>
              : <Button type="primary" disabled={!question.prompt.trim() || asked.length === 0} onClick={start}>{t("askAll", { count: asked.length })}</Button>}
          </div>
        </div>
      </div>
    </Page>
  );
}
