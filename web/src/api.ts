// The public API as the console uses it; shapes are those of src/api/openapi/siyu.yaml.

export type Role = "admin" | "editor" | "reader";
export interface Session { username: string; role: Role; csrf?: string }
export interface KnowledgeBase { id: string; name: string; description?: string; documents: number; indexed: number; queued: number; failed: number; chunks: number; bytes: number; embedding_model?: string }
export interface Doc { id: string; name: string; title?: string; state: "queued" | "parsing" | "indexed" | "refused" | "failed"; reason?: string; format?: string; pages: number; chunks: number; bytes: number; added_at: string }
export interface DocumentText { id: string; name: string; title?: string; markdown: string; pages: { page: number; start: number; end: number }[] }
export interface Passage { document_id: string; document: string; title?: string; page: number; start: number; end: number; text: string; score: number }
export interface Citation extends Passage { number: number; knowledge_base: string; answer_start: number; answer_end: number }
export interface Annotation { type: "file_citation"; file_citation: { file_id: string; filename: string; index: number; siyu: Citation } }
export interface ServedModel { id: string; siyu?: { kind: "chat" | "embedding"; context_length?: number } }
export interface Worker { pid: number; context_length: number; sequences: number; resident_bytes: number; accelerator_bytes: number; restarts: number; requests_running: number; requests_waiting: number; accelerators: string[]; sandbox: string[] }
export interface Model { name: string; vision?: boolean; source: "library" | "remote"; state: "stopped" | "loading" | "ready" | "failed"; reason?: string; kind: "chat" | "embedding" | "rerank" | "audio" | "adapter"; architecture?: string; adapter?: { rank: number; alpha: number; base_model?: string }; served_as?: string[]; parameters?: number; quantization?: string; context_length?: number; bytes?: number; load_progress?: number; worker?: Worker }
export interface Pull { id: string; reference: string; name: string; state: "queued" | "running" | "verifying" | "done" | "failed" | "cancelled"; reason?: string; bytes_done: number; bytes_total: number; bytes_per_second: number }
export interface Key { id: string; name: string; prefix: string; owner: string; created_at: string; last_used_at?: string; expires_at?: string }
export interface User { id: string; username: string; role: Role; created_at: string }
export interface AuditEntry { seq: number; time: string; actor: string; action: string; resource?: string; outcome: string; detail?: string }
export interface System { version: string; uptime_seconds: number; resident_bytes: number; data_dir: string; disk_free_bytes?: number; knowledge_bases: number; documents: number; ingest_queue?: number; models_ready: number; connections?: number; streams?: number; sandbox?: string[] }

export type UsageBy = "user" | "key" | "model" | "day";
export interface UsageTotals { requests: number; failed: number; prompt_tokens: number; cached_tokens: number; completion_tokens: number; total_tokens: number; cost: number; cache_hits: number; saved_prompt_tokens: number; saved_completion_tokens: number }
export interface UsageRow extends UsageTotals { name: string; id?: string; owner?: string }
export interface UsageReport { by: UsageBy; since: string; until: string; currency: string; rows: UsageRow[]; total: UsageTotals; cache_hit_ratio: number }
export interface Limits { requests_per_minute?: number; tokens_per_minute?: number; concurrent_requests?: number; tokens_per_day?: number; tokens_per_month?: number; budget_per_day?: number; budget_per_month?: number; budget_total?: number; priority?: number; most_urgent?: number }
export interface LimitsUsed { requests_running: number; tokens_today: number; tokens_this_month: number; spent_today: number; spent_this_month: number; spent_total: number; tokens_held: number; cost_held: number }
export interface SubjectLimits { subject: string; limits: Limits; used?: LimitsUsed }
export interface Price { model: string; input: number; cached: number; output: number }

export interface TokenUsage { prompt_tokens: number; completion_tokens: number; total_tokens: number; prompt_tokens_details?: { cached_tokens?: number } }

export type ReplicaState = "starting" | "ready" | "resting" | "restarting" | "draining" | "failed";
export interface Replica { id: string; source: string; local: boolean; state: ReplicaState; reason?: string; pid?: number; restarts: number; requests_running: number; work_tokens: number; failures: number; resident_bytes: number; predicted_bytes: number }
export interface VersionFigures {
  requests: number; failures: number; retries: number; hedges: number; prompt_tokens: number; cached_tokens: number; generated_tokens: number; first_token_p50_ms: number; first_token_p95_ms: number; tokens_per_second: number;
  timed_tokens: number; decode_ms: number; first_token_counts: number[];
}
export interface Version { version: string; model?: string; engines?: string[]; traffic: number; shadow: number; rejected: boolean; replicas_wanted: number; replicas: Replica[]; figures: VersionFigures; created_at?: string }
export interface Autoscale { min?: number; max?: number; idle_seconds?: number; requests_per_second?: number; waiting_requests?: number; first_token_ms?: number; tokens_per_second?: number }
export interface Release { version: string; steps: number[]; step: number; step_seconds: number; min_requests: number }
export interface Deployment { name: string; origin: "model" | "engine" | "deploy"; kind: "chat" | "embedding"; state: "starting" | "ready" | "partial" | "asleep" | "failed"; reason?: string; pinned?: boolean; queue_limit?: number; requests: number; requests_waiting: number; autoscale?: Autoscale; autoscaled?: number; release?: Release; rollback_to?: Record<string, number>; versions: Version[]; evicted?: string[]; created_at?: string }
export interface Deployments { deployments: Deployment[]; memory: { budget_bytes: number; used_bytes: number } }
export interface DeploymentEvent { seq: number; time: string; deployment: string; version?: string; actor: string; kind: string; text: string }

export class ApiError extends Error {
  /** `retryAfter`: seconds, when the server says that it is worth coming again. */
  constructor(readonly status: number, message: string, readonly retryAfter?: number) {
    super(message);
  }
}

let csrf = "";
export function useCsrf(token: string | undefined) {
  csrf = token ?? "";
}

async function failure(response: Response): Promise<ApiError> {
  let message = `HTTP ${response.status}`;
  try {
    message = (await response.json()).error.message;
  } catch {
    // not our error body: a proxy's, perhaps
  }
  return new ApiError(response.status, message, Number(response.headers.get("Retry-After")) || undefined);
}

export async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = {};
  if (method !== "GET") headers["X-Siyu-CSRF"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
  if (!response.ok) throw await failure(response);
  return response;
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await send(method, path, body);
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

/** fetch() tells nothing of an upload's progress, hence XMLHttpRequest. */
export function upload(method: string, path: string, body: FormData | File, progress: (share: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    request.setRequestHeader("X-Siyu-CSRF", csrf);
    if (body instanceof File) request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, "network"));
    request.onload = () => {
      if (request.status < 300) return resolve();
      let message = `HTTP ${request.status}`;
      try {
        message = JSON.parse(request.responseText).error.message;
      } catch {
        // as above
      }
      reject(new ApiError(request.status, message));
    };
    request.send(body);
  });
}

export const basePath = (name: string) => `/api/v1/knowledge-bases/${encodeURIComponent(name)}`;
export const deploymentPath = (name: string) => `/api/v1/deployments/${encodeURIComponent(name)}`;
