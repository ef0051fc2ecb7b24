// Retrieval quality over a set of questions with known documents (BEIR layout: queries.jsonl, qrels.tsv).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "knowledge/knowledge.h"

namespace siyu::knowledge {

struct Query {
  std::string id, text;
};
/// query id → document name → grade (over 0: relevant)
using Qrels = std::map<std::string, std::map<std::string, int>>;

Result<std::vector<Query>> read_queries(const std::filesystem::path& file);
/// Columns query-id, corpus-id, score, with or without a header line.
Result<Qrels> read_qrels(const std::filesystem::path& file);

struct Evaluation {
  std::size_t queries = 0;
  std::map<std::size_t, double> recall;  ///< by k: share of a query's relevant documents among the first k, mean over queries
  double mrr_at_10 = 0;                  ///< 1 / rank of the first relevant document within 10, else 0
  double ndcg_at_10 = 0;                 ///< Järvelin and Kekäläinen 2002, gain = grade, discount log2(rank + 1)
  double p50_ms = 0, p99_ms = 0;         ///< of one search
};

/// Queries without a relevant document are left out.
Result<Evaluation> evaluate(KnowledgeService& service, const Pass& pass, const std::string& base, const std::vector<Query>& queries, const Qrels& qrels,
                            const std::vector<std::size_t>& ks, const Clock& clock, std::optional<SearchMode> mode = {});

}  // namespace siyu::knowledge
