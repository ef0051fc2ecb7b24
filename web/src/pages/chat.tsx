import { ArrowUpOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Collapse, Input, Select } from "antd";
import { useEffect, useRef, useState } from "react";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import { type Annotation, call, type Citation, type KnowledgeBase, send, type ServedModel } from "../api";
import { cutAtBytes } from "../bytes";
import { go, useComplain } from "../hooks";
import { useSetting } from "../i18n";
import { PassageDrawer, type Place } from "../passage";
import { events } from "../sse";

type Mode = "generative" | "extractive" | "none";
interface Turn { question: string; answer: string; reasoning: string; citations: Citation[]; mode?: Mode; running: boolean; problem?: string }

const kQuoteOnly = "siyu-extractive";
const kTurnsSent = 12; // earlier turns would crowd out the sources

function Cited({ turn, open }: { turn: Turn; open(citation: Citation): void }) {
  if (turn.running || turn.citations.length === 0) return <div className={`answer ${turn.running ? "blink" : ""}`}><Markdown remarkPlugins={[remarkGfm]}>{turn.answer}</Markdown></div>;
  const pieces = cutAtBytes(turn.answer, turn.citations.map((citation) => citation.answer_end));
  return (
    <div className="answer plain">
      {pieces.map((piece, index) => (
        <span key={index}>
          {piece}
          {turn.citations[index] && <button type="button" className="chip" onClick={() => open(turn.citations[index])}>{turn.citations[index].number}</button>}
        </span>
      ))}
    </div>
  );
}

function Answer({ turn, open }: { turn: Turn; open(citation: Citation): void }) {
  const { t } = useSetting();
  const modes = { generative: "modeGenerative", extractive: "modeExtractive", none: "modeNone" } as const;
  return (
    <section aria-live="polite">
      {turn.mode && <div className={`mode ${turn.mode}`}><i />{t(modes[turn.mode])}</div>}
      {turn.reasoning && <Collapse size="small" ghost items={[{ key: "r", label: t("thinking"), children: <div className="soft answer plain">{turn.reasoning}</div> }]} />}
      <Cited turn={turn} open={open} />
      {turn.problem && <p className="soft" role="alert">{turn.problem}</p>}
      {turn.citations.length > 0 && (
        <div className="sources" aria-label={t("sources")}>
          {turn.citations.map((citation) => (
            <button type="button" className="source" key={citation.number} onClick={() => open(citation)}>
              <b>{citation.number}</b>
              <span>{citation.document}{citation.page > 0 && <span className="soft"> · {t("page", { page: citation.page })}</span>}<small>{citation.text}</small></span>
            </button>
          ))}
        </div>
      )}
    </section>
  );
}

/** Reads one streamed answer into a turn; `show` is called as it grows. */
async function stream(body: object, signal: AbortSignal, turn: Turn, show: (turn: Turn) => void) {
  const response = await send("POST", "/v1/chat/completions", { ...body, stream: true }, signal);
  for await (const event of events(response.body!)) {
    if (event === "[DONE]") break;
    const chunk = JSON.parse(event);
    if (chunk.error) throw new Error(chunk.error.message);
    const delta = chunk.choices?.[0]?.delta ?? {};
    turn = {
      ...turn,
      answer: turn.answer + (delta.content ?? ""),
      reasoning: turn.reasoning + (delta.reasoning_content ?? ""),
      citations: delta.annotations ? (delta.annotations as Annotation[]).map((annotation) => annotation.file_citation.siyu) : turn.citations,
      mode: chunk.siyu?.mode ?? turn.mode,
    };
    show(turn);
  }
  return turn;
}

export function ChatPage() {
  const { t } = useSetting();
  const complain = useComplain();
  const [bases, setBases] = useState<KnowledgeBase[]>();
  const [models, setModels] = useState<ServedModel[]>([]);
  const [base, setBase] = useState<string | undefined>(() => localStorage.getItem("base") ?? undefined);
  const [model, setModel] = useState<string>();
  const [turns, setTurns] = useState<Turn[]>([]);
  const [question, setQuestion] = useState("");
  const [place, setPlace] = useState<Place>();
  const abort = useRef<AbortController>(undefined);
  const end = useRef<HTMLDivElement>(null);

  useEffect(() => {
    Promise.all([call<{ knowledge_bases: KnowledgeBase[] }>("GET", "/api/v1/knowledge-bases"), call<{ data: ServedModel[] }>("GET", "/v1/models")]).then(([found, served]) => {
      setBases(found.knowledge_bases);
      setModels(served.data.filter((each) => each.siyu?.kind !== "embedding"));
      setBase((now) => (found.knowledge_bases.some((each) => each.name === now) ? now : found.knowledge_bases[0]?.name));
    }, complain);
    return () => abort.current?.abort();
  }, [complain]);
  useEffect(() => {
    void end.current?.scrollIntoView({ block: "end" });
  }, [turns]);

  const running = turns.at(-1)?.running ?? false;
  const chosen = model ?? models.find((each) => each.id !== kQuoteOnly)?.id ?? kQuoteOnly;

  const ask = async () => {
    const text = question.trim();
    if (!text || running) return;
    const before = turns.filter((turn) => !turn.problem).slice(-kTurnsSent).flatMap((turn) => [{ role: "user", content: turn.question }, { role: "assistant", content: turn.answer }]);
    let turn: Turn = { question: text, answer: "", reasoning: "", citations: [], running: true };
    const show = (next: Turn) => {
      turn = next;
      setTurns((all) => [...all.slice(0, -1), next]);
    };
    setTurns((all) => [...all, turn]);
    setQuestion("");
    abort.current = new AbortController();
    try {
      await stream({ model: chosen, messages: [...before, { role: "user", content: text }], knowledge: base ? [base] : undefined }, abort.current.signal, turn, show);
      show({ ...turn, running: false });
    } catch (error) {
      const stopped = error instanceof DOMException && error.name === "AbortError";
      show({ ...turn, running: false, problem: stopped ? t("stopped") : error instanceof TypeError ? t("offline") : (error as Error).message });
    }
  };

  return (
    <div className="talk">
      <div className="turns">
        <div>
          {turns.length === 0 && (
            <div className="greeting">
              <h1>{t("chatGreeting")}</h1>
              <p className="soft">{bases?.length === 0 ? t("noBase") : t("chatGreetingMore")}</p>
              {bases?.length === 0 && <Button type="primary" onClick={() => go("knowledge")}>{t("toKnowledge")}</Button>}
            </div>
          )}
          {turns.map((turn, index) => (
            <div key={index}>
              <div className="asked"><div>{turn.question}</div></div>
              <Answer turn={turn} open={(citation) => setPlace({ base: citation.knowledge_base, passage: citation })} />
            </div>
          ))}
          <div ref={end} />
        </div>
      </div>
      <div className="composer">
        <div className="box">
          <Input.TextArea variant="borderless" autoFocus autoSize={{ minRows: 1, maxRows: 8 }} value={question} placeholder={t("askHint")} aria-label={t("askHint")} style={{ padding: "4px 0", fontSize: 15 }}
            onChange={(event) => setQuestion(event.target.value)}
            onPressEnter={(event) => {
              if (event.shiftKey || event.nativeEvent.isComposing) return; // Enter also ends a Chinese input method's word
              event.preventDefault();
              void ask();
            }} />
          <div className="row">
            <Select size="small" variant="filled" style={{ minWidth: 130, maxWidth: 220 }} value={base} aria-label={t("pickBase")} placeholder={t("pickBase")} allowClear popupMatchSelectWidth={false}
              onChange={(name) => { setBase(name); localStorage.setItem("base", name ?? ""); }} options={bases?.map((each) => ({ value: each.name, label: each.name }))} />
            <Select size="small" variant="filled" style={{ minWidth: 130, maxWidth: 260 }} value={chosen} aria-label={t("pickModel")} onChange={setModel} popupMatchSelectWidth={false}
              options={[...models.filter((each) => each.id !== kQuoteOnly).map((each) => ({ value: each.id, label: each.id })), { value: kQuoteOnly, label: t("noModel") }]} />
            <div className="grow" />
            {turns.length > 0 && <Button size="small" type="text" icon={<PlusOutlined />} onClick={() => { abort.current?.abort(); setTurns([]); }}>{t("newChat")}</Button>}
            {running ? <Button onClick={() => abort.current?.abort()}>{t("stop")}</Button>
              : <Button type="primary" shape="circle" icon={<ArrowUpOutlined />} aria-label={t("send")} disabled={!question.trim()} onClick={() => void ask()} />}
          </div>
        </div>
      </div>
      <PassageDrawer place={place} close={() => setPlace(undefined)} />
    </div>
  );
}
