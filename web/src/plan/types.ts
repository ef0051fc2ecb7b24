// What the planner is asked and answers; shapes are those of src/api/openapi/plan.yaml.

export type Mode = "cloud" | "hybrid" | "on_premise";
/** Where an entry of the catalogue is from and what of it is in doubt. */
export interface Provenance { source: string; date: string; confidence?: string; unverified?: string[]; unknown?: string[]; note?: string; check?: string; hidden?: boolean }
export interface Catalogue { origin: Words; problem?: Words; accelerators: Accelerator[]; models: ModelEntry[]; networks: Network[]; industries: Industry[]; token_prices: TokenPrice[]; user_classes: UserClass[]; efficiencies: EfficiencyEntry[] }
export interface EfficiencyEntry extends Provenance { name: string; name_zh?: string; source_zh?: string; engine?: string; accelerators?: string[]; bandwidth: number; cache: number; compute: number; experts: number; link: number; step_ms: number; layer_us: number; sequence_us: number; exchange_us: number }
export interface Scenario {
  name: string; organisation?: Organisation; goals?: string[]; model: ModelChoice; users?: UserLoad; tokens?: TokenLoad; latency?: LatencyGoals;
  constraints?: Constraints; criteria?: Criteria; cost?: CostInputs; accelerator?: string; engine?: string; cards_per_replica?: number; years?: number;
  documents_gb?: number; training?: "none" | "adapters" | "all"; customised?: boolean;
}
export interface MemoryAnswer extends MemoryPlan { card_bytes?: number; fits?: boolean; cards: CardFit[] }
export interface SpeedPlan {
  model: string; hardware: string; prefill_tokens_per_s: number; decode_tokens_per_s: number; ttft_s: number; tpot_ms: number; at_concurrency: SpeedPoint;
  most_sequences: number; saturated: SpeedPoint; curve: SpeedPoint[]; classic_flops: number; classic_latency_s: number; lanes: number; notes: Words[]; figures: Figure[];
}
export interface Plan {
  scenario: Scenario; model: string; weights: string; accelerator: string; split: Split; replicas: number; cards: number; servers: number; hardware: HardwareOption[];
  memory: MemoryPlan; speed: SpeedPlan; fleet: FleetPlan; cost: CostPlan; advice: Advice; quality: QualityCurve; bill: BillRow[]; assumptions: Words[];
}
export interface QualityStep { name: string; parameters: number; quality: number; relative_cost: number; gain?: number; gain_per_cost?: number; knee: boolean }
export interface QualityCurve { steps: QualityStep[]; worth: number; advice: Words; figures: Figure[] }
export interface Comparisons { rows: Comparison[]; median_error: number; median_error_fitted: number; within_a_third: number }
export interface Accelerator extends Provenance {
  name: string; aliases?: string[]; vendor: string; edition: string; kind: string; memory_gib?: number; memory_type?: string; memory_gb_per_s?: number; tflops?: Compute;
  power_w?: number; interconnect?: CardLink; pcie?: string; form_factor?: string; software: string; engines: string[]; memory_channels?: number;
  memory_mt_per_s?: number; cores?: number;
}
export interface ModelEntry extends Provenance {
  name: string; aliases: string[]; kind: string; family: string; architecture: string; licence: string; parameters: number; active_parameters?: number; layers: number;
  context: number; experts?: number;
}
export interface Network extends Provenance { name: string; kind: string; line_gbit_per_s: number; gb_per_s: number; usable: number; latency_us: number; use: string[] }
export interface Industry extends Provenance {
  name: string; name_zh: string; open_or_closed: string; deployment: string; reason: string; reason_zh?: string; regulation?: string; regulation_zh?: string;
  compliance: string[]; compliance_zh?: string[]; scenarios: IndustryScenario[];
}
export interface TokenPrice extends Provenance {
  vendor: string; model: string; currency: string; input_per_million: number; output_per_million: number; cached_input_per_million?: number; period?: string;
  region?: string; tier?: string;
}
export interface UserClass extends Provenance {
  name: string; daily_active_from: number; daily_active_below?: number; requests_per_user_and_day: number; peak_hour_share: number; request_seconds: number;
  minimum_servers: number; advice: string; advice_zh?: string;
}
export interface Organisation { name: string; industry?: string; use?: string; employees?: number; it_staff?: number }
export interface ModelChoice { name: string; weights?: string; kv_type?: string; context?: number; concurrency?: number }
export interface UserLoad {
  daily_active?: number; requests_per_user_and_day?: number; peak_hour_share?: number; peak_factor?: number; requests_per_second?: number; growth_per_year?: number;
}
export interface TokenLoad { prompt?: number; output?: number; shared_prefix?: number }
export interface LatencyGoals { ttft_p95_s?: number; tpot_p95_ms?: number }
export interface Constraints {
  edition?: "any" | "domestic" | "international"; air_gapped?: boolean; data_class?: "public" | "internal" | "confidential" | "core"; cloud_allowed?: boolean;
  accelerators?: string[]; budget?: number;
}
export interface Criteria { cost?: number; security?: number; latency?: number; operations?: number; elasticity?: number; compliance?: number; customisation?: number; size?: number }
export interface CostInputs {
  currency?: string; exchange_rate?: number; card_price?: number; server_price?: number; network_price?: number; storage_price?: number; price_per_kwh?: number;
  pue?: number; rack_per_unit_and_month?: number; staff_per_year?: number; staff_share?: number; support_share?: number; depreciation_years?: number;
  discount_rate?: number; residual_share?: number; cloud_model?: string; cloud_input_per_million?: number; cloud_output_per_million?: number; local_share?: number;
}
export interface Split { tensor: number; pipeline: number }
export interface Figure { id: string; label: Words; value?: number; unit: string; formula: Words; inputs: Input[]; note?: Words }
export interface CardFit { accelerator: string; vendor: string; edition: string; cards?: number; memory_gib: number; used: number }
export interface SpeedPoint { concurrency: number; ttft_s: number; tpot_ms: number; output_tokens_per_s: number; prompt_tokens_per_s: number; memory_bound: boolean }
export interface Words { en: string; zh: string }
export interface HardwareOption {
  accelerator: string; vendor: string; edition: string; chosen: boolean; split?: Split; replicas: number; cards: number; servers: number; ttft_p95_s: number;
  tpot_p95_ms: number; utilisation: number; purchase?: number; power_w: number; why_not?: Words; doubts: Words[];
}
export interface MemoryPlan {
  model: string; weights_format: string; parameters: number; active_parameters: number; weights: number; kv: number; activations: number; runtime: number; total: number;
  with_headroom: number; all_cards: number; kv_tokens: number; kv_bytes_per_token: number; split: Split; figures: Figure[];
}
export interface FleetPlan {
  peak_requests_per_s: number; requests_per_day?: number; mean_prompt: number; mean_output: number; mean_cached: number; goals: LatencyGoals; shape: RequestShape;
  alone_ttft_p95_s: number; alone_tpot_p95_ms: number; replica_requests_per_s: number; years: FleetYear[]; rule_of_thumb: RuleOfThumb; by_replicas: FleetPoint[];
  by_load: FleetPoint[]; confidence: Words; warnings: Words[]; figures: Figure[];
}
export interface CostPlan {
  currency: string; months: number; on_premise: CostMode; cloud: CostMode; hybrid: CostMode; years: CostYear[]; advantage?: number; break_even_month?: number;
  break_even: Words; affordable_purchase?: number; sensitivities: Sensitivity[]; missing: MissingPrice[]; notes: Words[]; figures: Figure[];
}
export interface Advice {
  mode: ModeAdvice; model: ModelAdvice; tier: TierAdvice; storage: StoragePlan; network: NetworkPlan; risks: ComplianceRisk[]; reminders: Words[];
  training: "none" | "adapters" | "all"; figures: Figure[]; missing: Words[];
}
export interface BillRow {
  group: string; item: Words; specification: Words; quantity: number; unit: string; price_low?: number; price_high?: number; power_w?: number; edition?: string;
  source: Words; note?: Words;
}
export interface Comparison {
  id: string; model: string; precision: string; accelerator: string; parallel: string; engine: string; load: string; metric: string; cards: number; published: number;
  predicted?: number; ratio?: number; fitted: boolean; why_not?: Words; source: string; date: string;
}
export interface Compute { fp64?: number; fp32?: number; tf32?: number; fp16?: number; bf16?: number; fp8?: number; fp4?: number; int8_tops?: number; int4_tops?: number }
export interface CardLink { name: string; gb_per_s: number }
export interface IndustryScenario { name: string; name_zh: string; abilities: string[]; metrics: TargetMetric[]; model_class: string; models: string[]; note?: string; note_zh?: string }
export interface Input { name: Words; value?: number; unit: string; figure?: string; source?: Words }
export interface RequestShape { prompt: Lengths; output: Lengths; shared_prefix: number }
export interface FleetYear { year: number; requests_per_s: number; needed: number; replicas: number; cards: number; servers: number; at_peak: FleetPoint }
export interface RuleOfThumb { concurrency: number; by_concurrency: number; replica_seconds: number; by_throughput: number }
export interface FleetPoint {
  replicas: number; requests_per_s: number; ttft_p50_s: number; ttft_p95_s: number; ttft_p99_s: number; tpot_p50_ms: number; tpot_p95_ms: number; tpot_p99_ms: number;
  latency_p95_s: number; ttft_p95_error_s: number; tpot_p95_error_ms: number; utilisation: number; mean_batch: number; output_tokens_per_s: number; goals_met: number;
  concurrency: number; refused: number; meets_goals: boolean;
}
export interface CostMode { total: Amount; npv: Amount; per_million_tokens?: number; cumulative: (number | null)[] }
export interface CostYear { year: number; input_tokens: number; output_tokens: number; on_premise: OwnedYear; cloud?: number; hybrid?: number }
export interface Sensitivity {
  input: string; label: Words; low: number; base: number; high: number; advantage_low: number; advantage_high: number; break_even_low?: number; break_even_high?: number;
}
export interface MissingPrice { input: string; what: Words }
export interface ModeAdvice { mode: Mode; ranking: RankedMode[]; criteria: CriterionScore[]; exclusions: Exclusion[]; flips: Flip[]; assumptions: Words[] }
export interface ModelAdvice {
  industry?: string; use?: string; industry_name: Words; use_name: Words; model_class: string; class_reason: Words; abilities: Ability[]; goals: Goal[];
  candidates: Candidate[]; openness: string; openness_reason: Words; note?: Words;
}
export interface TierAdvice {
  appliance: string; tier: string; edition: string; tier_name: Words; cards: string[]; servers: number; reasons: Words[]; alternatives: TierAlternative[];
  doubts: Words[];
}
export interface StoragePlan { rule: string; storage: Words; needs: StorageNeed[] }
export interface NetworkPlan { needs: NetworkNeed[]; tail: Words }
export interface ComplianceRisk {
  id: string; severity: "low" | "medium" | "high"; probability: number; impact: number; title: Words; norm: Words; why: Words; mitigation: Words;
  by: "product" | "planned" | "organisation"; owner: "sponsor" | "business" | "project" | "architect" | "security" | "compliance" | "data" | "operations" | "vendor";
}
export interface TargetMetric { name: string; name_zh?: string; at_least?: number; at_most?: number; unit: string }
export interface Lengths { mean: number; variation: number; largest: number }
export interface Amount { low?: number; base?: number; high?: number }
export interface OwnedYear { purchase?: number; power?: number; rack?: number; staff?: number; support?: number; sold?: number; cash?: number; depreciation?: number; book?: number }
export interface RankedMode { mode: Mode; name: Words; score: number; excluded: boolean }
export interface CriterionScore { criterion: string; name: Words; weight: number; scores: ModeValues; contributions: ModeValues; reasons: Words[] }
export interface Exclusion { mode: Mode; rule: string; reason: Words; norm: Words }
export interface Flip { name: string; label: Words; from: Words; to?: Words; to_value?: number; mode?: Mode; text: Words }
export interface Ability { id: string; name: Words }
export interface Goal { name: Words; at_least?: number; at_most?: number; unit: string }
export interface Candidate { model: string; kind: string; licence: string; parameters: number; active_parameters?: number; suggested: boolean; fits_class: boolean; note: Words }
export interface TierAlternative { appliance: string; reason: Words }
export interface StorageNeed {
  stage: string; name: Words; pattern: Words; storage_class: string; class_name: Words; read?: string; write?: string; units?: string; capacity?: string;
  local_cache?: string; reason: Words;
}
export interface NetworkNeed { scenario: string; name: Words; needed: boolean; minimum: string; recommended: string; figures: string[]; reason: Words }
export interface ModeValues { cloud: number; hybrid: number; on_premise: number }
