import { send, type TokenUsage } from "../api";
import { events } from "../sse";

/** What every model is asked in the same way. */
/** Pictures are data: URLs. */
export interface Question { prompt: string; pictures: string[]; system: string; temperature: number | null; maxTokens: number | null; seed: number | null }

export interface Answer {
  text: string;
  reasoning: string;
  /** Milliseconds after the request was sent. */
  firstAfter?: number;
  lastAfter?: number;
  usage?: TokenUsage;
  finish?: string;
  problem?: string;
  running: boolean;
}

export const kNoAnswer: Answer = { text: "", reasoning: "", running: true };

const contentOf = ({ prompt, pictures }: Question) => (pictures.length === 0 ? prompt : [...pictures.map((url) => ({ type: "image_url", image_url: { url } })), { type: "text", text: prompt }]);

/** The body of the request; what is left empty is the server's to choose. */
export function bodyOf(model: string, question: Question): Record<string, unknown> {
  const body: Record<string, unknown> = { model, messages: [...(question.system.trim() ? [{ role: "system", content: question.system }] : []), { role: "user", content: contentOf(question) }] };
  if (question.temperature !== null) body.temperature = question.temperature;
  if (question.maxTokens !== null) body.max_tokens = question.maxTokens;
  if (question.seed !== null) body.seed = question.seed;
  return { ...body, stream: true, stream_options: { include_usage: true } };
}

/** Tokens per second after the first one, whose time is the reading of the prompt; undefined for fewer than two. */
export function speedOf({ usage, firstAfter, lastAfter }: Answer): number | undefined {
  if (!usage || firstAfter === undefined || lastAfter === undefined || usage.completion_tokens < 2 || lastAfter <= firstAfter) return undefined;
  return (usage.completion_tokens - 1) / ((lastAfter - firstAfter) / 1000);
}

/** Streams one answer; `show` is called at most once a frame, however fast the model is. */
export async function ask(model: string, question: Question, signal: AbortSignal, show: (answer: Answer) => void): Promise<Answer> {
  const started = performance.now();
  let answer = kNoAnswer;
  let frame = 0;
  const later = () => { frame ||= requestAnimationFrame(() => { frame = 0; show(answer); }); };
  try {
    const response = await send("POST", "/v1/chat/completions", bodyOf(model, question), signal);
    for await (const event of events(response.body!)) {
      if (event === "[DONE]") break;
      const chunk = JSON.parse(event);
      if (chunk.error) throw new Error(chunk.error.message);
      const [choice] = chunk.choices ?? [];
      const text = choice?.delta?.content ?? "";
      const reasoning = choice?.delta?.reasoning_content ?? "";
      const now = performance.now() - started;
      answer = {
        ...answer, text: answer.text + text, reasoning: answer.reasoning + reasoning, usage: chunk.usage ?? answer.usage, finish: choice?.finish_reason ?? answer.finish,
        ...(text || reasoning ? { firstAfter: answer.firstAfter ?? now, lastAfter: now } : {}),
      };
      later();
    }
    return { ...answer, running: false };
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return { ...answer, running: false, finish: "stopped" };
    return { ...answer, running: false, problem: (error as Error).message };
  } finally {
    cancelAnimationFrame(frame);
  }
}
