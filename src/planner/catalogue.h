// The catalogue: published facts about models, accelerators, networks, storage, appliances, prices and industries, as YAML files that
// anyone may edit (catalogue/README.md). They travel inside the program; a folder of the user's replaces and adds entries.
#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "planner/worksheet.h"

namespace siyu::planner {

using Strings = std::vector<std::string>;

/// Where an entry is from and what of it is in doubt.
struct Provenance {
  std::string source;
  std::string date;                       ///< of the source, or the month of reading
  std::optional<std::string> confidence;  ///< vendor, registry, disputed, unverified, guidance
  std::optional<Strings> unverified;      ///< keys without a source at hand
  std::optional<Strings> unknown;         ///< keys for which no figure was found
  std::optional<std::string> note, check;
  std::optional<bool> hidden;             ///< a user's entry that takes one away
};
BOOST_DESCRIBE_STRUCT(Provenance, (), (source, date, confidence, unverified, unknown, note, check, hidden))

/// What only some models have. Apart from ModelEntry because BOOST_DESCRIBE_STRUCT takes 52 members at most.
struct ModelOptions : Provenance {
  std::optional<std::uint32_t> q_lora_rank, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim;
  std::optional<std::uint32_t> experts, experts_used, shared_experts, dense_layers;
  std::optional<bool> router_bias, expert_bias, qkv_bias, output_bias, qk_norm, attention_gate, extra_norms;
  std::optional<std::uint32_t> index_heads, index_head_dim, index_top_k;
  std::optional<std::uint32_t> full_attention_layers, linear_attention_layers, linear_key_heads, linear_value_heads, linear_key_head_dim, linear_value_head_dim;
  std::optional<std::uint32_t> sliding_window, sliding_layers, mtp_layers, dimensions, positions, token_types;
  std::optional<bool> encoder, pooler, classifier;
  std::optional<std::uint64_t> vision_parameters;
  std::optional<std::string> vision_note, native_precision;
};
BOOST_DESCRIBE_STRUCT(ModelOptions, (Provenance),
                      (q_lora_rank, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim, experts, experts_used, shared_experts, dense_layers, router_bias,
                       expert_bias, qkv_bias, output_bias, qk_norm, attention_gate, extra_norms, index_heads, index_head_dim, index_top_k, full_attention_layers,
                       linear_attention_layers, linear_key_heads, linear_value_heads, linear_key_head_dim, linear_value_head_dim, sliding_window, sliding_layers,
                       mtp_layers, dimensions, positions, token_types, encoder, pooler, classifier, vision_parameters, vision_note, native_precision))

/// The shape of a model, as published. planner/model_shape.h makes it what the reckoning works with.
struct ModelEntry : ModelOptions {
  std::string name;
  Strings aliases;
  std::string kind, family, architecture, licence;
  std::uint64_t parameters = 0;  ///< counted from the shape (catalogue/README.md)
  std::optional<std::uint64_t> active_parameters;
  std::uint64_t parameters_published = 0;
  std::optional<std::uint64_t> active_parameters_published;
  std::string parameters_source;
  std::uint32_t layers = 0, hidden_size = 0, heads = 0, kv_heads = 0, key_head_dim = 0, value_head_dim = 0;
  std::optional<std::uint32_t> ffn, expert_ffn;
  std::uint32_t vocabulary = 0, context = 0;
  std::optional<std::uint32_t> context_extended;
  std::optional<std::string> context_note;
  bool tied_embeddings = false;
};
BOOST_DESCRIBE_STRUCT(ModelEntry, (ModelOptions),
                      (name, aliases, kind, family, architecture, licence, parameters, active_parameters, parameters_published, active_parameters_published,
                       parameters_source, layers, hidden_size, heads, kv_heads, key_head_dim, value_head_dim, ffn, expert_ffn, vocabulary, context, context_extended,
                       context_note, tied_embeddings))

/// Dense peaks, 10^12 operations a second.
struct Compute {
  std::optional<double> fp64, fp32, tf32, fp16, bf16, fp8, fp4, int8_tops, int4_tops;
};
BOOST_DESCRIBE_STRUCT(Compute, (), (fp64, fp32, tf32, fp16, bf16, fp8, fp4, int8_tops, int4_tops))

struct CardLink {
  std::string name;
  double gb_per_s = 0;  ///< all links of one card, both directions together; 0: PCIe only
};
BOOST_DESCRIBE_STRUCT(CardLink, (), (name, gb_per_s))

/// A card, or a processor (kind "cpu", per socket).
struct Accelerator : Provenance {
  std::string name;
  std::optional<Strings> aliases;
  std::string vendor, edition, kind;    ///< edition: domestic, international; kind: gpu, npu, cpu …
  std::optional<double> memory_gib;
  std::optional<std::string> memory_type;
  std::optional<double> memory_gb_per_s;
  std::optional<Compute> tflops;
  std::optional<double> power_w;
  std::optional<CardLink> interconnect;
  std::optional<std::string> pcie, form_factor;
  std::string software;
  Strings engines;
  std::optional<std::uint32_t> memory_channels, memory_mt_per_s, cores;
};
BOOST_DESCRIBE_STRUCT(Accelerator, (Provenance),
                      (name, aliases, vendor, edition, kind, memory_gib, memory_type, memory_gb_per_s, tflops, power_w, interconnect, pcie, form_factor, software, engines,
                       memory_channels, memory_mt_per_s, cores))

struct Network : Provenance {
  std::string name, kind;
  double line_gbit_per_s = 0, gb_per_s = 0;  ///< one port, one direction
  double usable = 0;                         ///< share of the line rate that large transfers reach
  double latency_us = 0;                     ///< one way, small message, one switch
  Strings use;
};
BOOST_DESCRIBE_STRUCT(Network, (Provenance), (name, kind, line_gbit_per_s, gb_per_s, usable, latency_us, use))

struct NetworkScenario : Provenance {
  std::string name, minimum, recommended, reason;
  std::optional<std::string> name_zh, reason_zh;
  std::optional<double> gradient_bytes_per_parameter;
};
BOOST_DESCRIBE_STRUCT(NetworkScenario, (Provenance), (name, name_zh, minimum, recommended, reason, reason_zh, gradient_bytes_per_parameter))

struct StorageClass : Provenance {
  std::string name, kind, unit;
  std::optional<std::string> kind_zh;
  std::optional<double> read_gb_per_s, write_gb_per_s, read_iops;
  std::optional<double> capacity_tib;  ///< of one drive or node, raw
  Strings use;
};
BOOST_DESCRIBE_STRUCT(StorageClass, (Provenance), (name, kind, kind_zh, unit, read_gb_per_s, write_gb_per_s, read_iops, capacity_tib, use))

struct ClassBySize {
  std::string below_10b, from_10b_to_100b, above_100b;
};
BOOST_DESCRIBE_STRUCT(ClassBySize, (), (below_10b, from_10b_to_100b, above_100b))

struct StorageStage : Provenance {
  std::string name, pattern;
  std::optional<std::string> name_zh, pattern_zh;
  std::optional<double> read_gb_per_s, write_gb_per_s, checkpoint_bytes_per_parameter, checkpoint_seconds, load_seconds;
  ClassBySize classes;
  std::optional<std::string> local_cache;
};
BOOST_DESCRIBE_STRUCT(StorageStage, (Provenance),
                      (name, name_zh, pattern, pattern_zh, read_gb_per_s, write_gb_per_s, checkpoint_bytes_per_parameter, checkpoint_seconds, load_seconds, classes, local_cache))

struct StorageRule : Provenance {
  std::string name, storage;
  std::optional<std::string> storage_zh;
  std::optional<double> parameters_below;  ///< absent on the top class
  std::uint32_t copies = 0;
};
BOOST_DESCRIBE_STRUCT(StorageRule, (Provenance), (name, storage, storage_zh, parameters_below, copies))

struct ApplianceCpu {
  std::string model;
  std::uint32_t sockets = 0;
  std::optional<std::string> per;
};
BOOST_DESCRIBE_STRUCT(ApplianceCpu, (), (model, sockets, per))
struct ApplianceCards {
  std::string model;
  std::uint32_t minimum = 0;
  std::optional<std::uint32_t> maximum, per_server;
  Strings alternatives;
};
BOOST_DESCRIBE_STRUCT(ApplianceCards, (), (model, minimum, maximum, per_server, alternatives))
struct ApplianceVolume {
  std::string storage_class;
  double tb = 0;
};
BOOST_DESCRIBE_STRUCT(ApplianceVolume, (), (storage_class, tb))
struct ApplianceStorage {
  std::optional<ApplianceVolume> system, models, cache, archive;
};
BOOST_DESCRIBE_STRUCT(ApplianceStorage, (), (system, models, cache, archive))
struct ApplianceNetwork {
  std::optional<std::string> users, cards, servers, storage;
};
BOOST_DESCRIBE_STRUCT(ApplianceNetwork, (), (users, cards, servers, storage))

struct Appliance : Provenance {
  std::string name, tier, edition;
  std::optional<double> parameters_from, parameters_up_to;
  Strings users;
  std::uint32_t concurrency_up_to = 0;
  ApplianceCpu cpu;
  double memory_gib = 0;
  ApplianceCards cards;
  ApplianceStorage storage;
  ApplianceNetwork network;
  double power_w = 0;
  std::optional<std::string> power_per;
  std::uint32_t rack_units = 0;
  Strings operating_system, models, precision;
  std::optional<Strings> examples;
  std::optional<std::string> note_zh;
};
BOOST_DESCRIBE_STRUCT(Appliance, (Provenance),
                      (name, tier, edition, parameters_from, parameters_up_to, users, concurrency_up_to, cpu, memory_gib, cards, storage, network, power_w, power_per,
                       rack_units, operating_system, models, precision, examples, note_zh))

struct UserClass : Provenance {
  std::string name;
  double daily_active_from = 0;
  std::optional<double> daily_active_below;
  double requests_per_user_and_day = 0, peak_hour_share = 0, request_seconds = 0;
  std::uint32_t minimum_servers = 1;
  std::string advice;
  std::optional<std::string> advice_zh;
};
BOOST_DESCRIBE_STRUCT(UserClass, (Provenance),
                      (name, daily_active_from, daily_active_below, requests_per_user_and_day, peak_hour_share, request_seconds, minimum_servers, advice, advice_zh))

struct TokenPrice : Provenance {
  std::string vendor, model, currency;
  double input_per_million = 0, output_per_million = 0;
  std::optional<double> cached_input_per_million;
  std::optional<std::string> period, region, tier;
};
BOOST_DESCRIBE_STRUCT(TokenPrice, (Provenance), (vendor, model, currency, input_per_million, output_per_million, cached_input_per_million, period, region, tier))

struct PowerTariff : Provenance {
  std::string name, currency, use;
  double price_per_kwh = 0;
};
BOOST_DESCRIBE_STRUCT(PowerTariff, (Provenance), (name, currency, use, price_per_kwh))

struct PurchasePrice : Provenance {
  std::string item, kind, currency;
  double low = 0, high = 0;
};
BOOST_DESCRIBE_STRUCT(PurchasePrice, (Provenance), (item, kind, currency, low, high))

/// A point of the curve of diminishing returns: what a model of a size is worth, for how much.
struct QualityPoint : Provenance {
  std::string name;
  double parameters = 0, quality = 0, relative_cost = 0;  ///< quality in percent; cost relative to a point that has 1
};
BOOST_DESCRIBE_STRUCT(QualityPoint, (Provenance), (name, parameters, quality, relative_cost))

/// What an engine reaches of a card's peaks, and what a step costs it besides. Without `engine`: any engine; without `accelerators`: any card.
struct EfficiencyEntry : Provenance {
  std::string name;
  std::optional<std::string> name_zh, source_zh, engine;
  std::optional<Strings> accelerators;
  double bandwidth = 0, cache = 0, compute = 0, experts = 0, link = 0;  ///< shares, as planner::Efficiency has them
  double step_ms = 0, layer_us = 0, sequence_us = 0, exchange_us = 0;
};
BOOST_DESCRIBE_STRUCT(EfficiencyEntry, (Provenance), (name, name_zh, source_zh, engine, accelerators, bandwidth, cache, compute, experts, link, step_ms, layer_us, sequence_us, exchange_us))

struct TargetMetric {
  std::string name;
  std::optional<std::string> name_zh;
  std::optional<double> at_least, at_most;
  std::string unit;
};
BOOST_DESCRIBE_STRUCT(TargetMetric, (), (name, name_zh, at_least, at_most, unit))
struct IndustryScenario {
  std::string name, name_zh;
  Strings abilities;
  std::vector<TargetMetric> metrics;
  std::string model_class;
  Strings models;
  std::optional<bool> public_answers;  ///< people outside the organisation read the answers; absent: they do not
  std::optional<std::string> note, note_zh;
};
BOOST_DESCRIBE_STRUCT(IndustryScenario, (), (name, name_zh, abilities, metrics, model_class, models, public_answers, note, note_zh))
struct Industry : Provenance {
  std::string name, name_zh, open_or_closed, deployment, reason;
  std::optional<std::string> reason_zh;
  std::optional<std::string> regulation, regulation_zh;  ///< norms that keep confidential data of the industry out of a public cloud
  Strings compliance;
  std::optional<Strings> compliance_zh;
  std::vector<IndustryScenario> scenarios;
};
BOOST_DESCRIBE_STRUCT(Industry, (Provenance), (name, name_zh, open_or_closed, deployment, reason, reason_zh, regulation, regulation_zh, compliance, compliance_zh, scenarios))

/// A speed that somebody published, to compare predictions with.
struct PublishedSpeed : Provenance {
  std::string id, model, precision, accelerator;
  std::uint32_t cards = 0;
  std::string parallel;
  std::optional<double> input_tokens, output_tokens, context_tokens, concurrency;
  std::string load, engine;
  std::optional<std::string> engine_version;
  std::string phase, metric;                          ///< catalogue/published.yaml explains the words
  double value = 0;
  std::string scope;
  std::optional<double> mean_tpot_ms, mean_ttft_ms;
};
BOOST_DESCRIBE_STRUCT(PublishedSpeed, (Provenance),
                      (id, model, precision, accelerator, cards, parallel, input_tokens, output_tokens, context_tokens, concurrency, load, engine, engine_version,
                       phase, metric, value, scope, mean_tpot_ms, mean_ttft_ms))

/// A model file that can be had from the hubs.
struct Download : Provenance {
  std::string name, model, repository, format;
  std::uint64_t file_bytes = 0;
  std::uint32_t quality = 0;  ///< order only: what answers better has more
};
BOOST_DESCRIBE_STRUCT(Download, (Provenance), (name, model, repository, format, file_bytes, quality))

/// "source (date, confidence)", each once: many sources have their date in them.
std::string cite(const Provenance& entry, bool with_confidence = false);
/// Case and punctuation aside ("Qwen3 8B" is Qwen3_8B), and without the brackets behind an entry's name too: vLLM is "vLLM (vllm-ascend)".
bool same_name(std::string_view asked, std::string_view entry);
/// A key of an entry as people say it: "memory_gb_per_s" → memory bandwidth. Others are returned as they are.
Words words_of_key(const std::string& key);

struct Catalogue {
  std::vector<Download> downloads;
  std::vector<ModelEntry> models;
  std::vector<Accelerator> accelerators;
  std::vector<Network> networks;
  std::vector<NetworkScenario> network_scenarios;
  std::vector<StorageClass> storage;
  std::vector<StorageStage> storage_stages;
  std::vector<StorageRule> storage_rules;
  std::vector<Appliance> appliances;
  std::vector<UserClass> user_classes;
  std::vector<TokenPrice> token_prices;
  std::vector<PowerTariff> tariffs;
  std::vector<PurchasePrice> purchases;
  std::vector<Industry> industries;
  std::vector<PublishedSpeed> published;
  std::vector<QualityPoint> quality;
  std::vector<EfficiencyEntry> efficiencies;

  /// By name or alias, case and punctuation aside; kNotFound names the nearest.
  Result<const ModelEntry*> model(std::string_view name) const;
  Result<const Accelerator*> accelerator(std::string_view name) const;
  Result<const Network*> network(std::string_view name) const;
  Result<const Industry*> industry(std::string_view name) const;  ///< by its English or Chinese name
  /// Of an engine on a card: the entry that names both, else the engine, else the card, else neither. kNotFound for an engine that no entry names.
  Result<const EfficiencyEntry*> efficiency(const std::optional<std::string>& engine, std::string_view accelerator) const;
};

/// What travels with the program.
Result<Catalogue> builtin_catalogue();
/// The same with the files of `folder` laid over it; an empty path: nothing. Errors name file, entry and key.
Result<Catalogue> load_catalogue(const std::filesystem::path& folder);

}  // namespace siyu::planner
