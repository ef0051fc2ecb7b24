#include "knowledge/eval.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/json.h"
#include "knowledge/lines.h"

namespace siyu::knowledge {
namespace {

constexpr std::size_t kMaxK = 100;

double percentile(std::vector<double> sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

struct Scores {
  std::vector<int> grades;  ///< of the ranked documents
  std::vector<int> ideal;   ///< all grades, best first
};

double dcg(const std::vector<int>& grades) {
  double sum = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(10, grades.size()); ++i) sum += grades[i] / std::log2(static_cast<double>(i) + 2);
  return sum;
}

Scores grade(const std::vector<std::string>& ranked, const std::map<std::string, int>& relevant) {
  Scores scores;
  for (const auto& name : ranked) {
    const auto found = relevant.find(name);
    scores.grades.push_back(found == relevant.end() ? 0 : std::max(0, found->second));
  }
  for (const auto& [name, value] : relevant)
    if (value > 0) scores.ideal.push_back(value);
  std::ranges::sort(scores.ideal, std::greater{});
  return scores;
}

void add(Evaluation& sum, const Scores& scores) {
  ++sum.queries;
  for (auto& [k, total] : sum.recall) {
    const auto end = scores.grades.begin() + static_cast<std::ptrdiff_t>(std::min(k, scores.grades.size()));
    total += static_cast<double>(std::count_if(scores.grades.begin(), end, [](int value) { return value > 0; })) / static_cast<double>(scores.ideal.size());
  }
  const auto first = std::ranges::find_if(scores.grades, [](int value) { return value > 0; });
  const auto rank = first - scores.grades.begin();
  if (first != scores.grades.end() && rank < 10) sum.mrr_at_10 += 1.0 / static_cast<double>(rank + 1);
  sum.ndcg_at_10 += dcg(scores.grades) / dcg(scores.ideal);
}

}  // namespace

Result<std::vector<Query>> read_queries(const std::filesystem::path& file) {
  std::vector<Query> queries;
  RETURN_IF_ERROR(for_each_line(file, [&](std::size_t number, std::string_view line) -> Status {
    if (trim(line).empty()) return {};
    const auto document = parse_line_document(line);
    if (!document) return invalid("Line " + std::to_string(number) + " of the queries " + document.error().message);
    queries.push_back({document->id, document->text});
    return {};
  }));
  return queries;
}

Result<Qrels> read_qrels(const std::filesystem::path& file) {
  Qrels qrels;
  RETURN_IF_ERROR(for_each_line(file, [&](std::size_t number, std::string_view line) -> Status {
    if (trim(line).empty()) return {};
    const auto first = line.find('\t'), second = line.find('\t', first == std::string_view::npos ? first : first + 1);
    if (second == std::string_view::npos) return invalid("Line " + std::to_string(number) + " of the qrels needs three columns, separated by tabs");
    const auto score = trim(line.substr(second + 1));
    int value = 0;
    const auto [end, error] = std::from_chars(score.data(), score.data() + score.size(), value);
    if (error != std::errc()) return number == 1 ? Status() : invalid("Line " + std::to_string(number) + " of the qrels has no whole number as its score");
    qrels[std::string(line.substr(0, first))][std::string(line.substr(first + 1, second - first - 1))] = value;
    return {};
  }));
  return qrels;
}

Result<Evaluation> evaluate(KnowledgeService& service, const Pass& pass, const std::string& base, const std::vector<Query>& queries, const Qrels& qrels,
                            const std::vector<std::size_t>& ks, const Clock& clock, std::optional<SearchMode> mode) {
  Evaluation result;
  std::size_t deepest = 10;
  for (const auto k : ks) {
    if (k < 1 || k > kMaxK) return invalid("Each k must be from 1 to 100");
    result.recall[k] = 0;
    deepest = std::max(deepest, k);
  }
  std::vector<double> latencies;
  for (const auto& query : queries) {
    const auto relevant = qrels.find(query.id);
    if (relevant == qrels.end() || std::ranges::none_of(relevant->second, [](const auto& entry) { return entry.second > 0; })) continue;
    const auto begin = clock.steady_now();
    ASSIGN_OR_RETURN(const auto ranked, service.rank_documents(pass, base, query.text, deepest, mode));
    latencies.push_back(std::chrono::duration<double, std::milli>(clock.steady_now() - begin).count());
    add(result, grade(ranked, relevant->second));
  }
  if (result.queries == 0) return invalid("No query has a relevant document; check that the query ids of both files agree");
  const auto count = static_cast<double>(result.queries);
  for (auto& [k, total] : result.recall) total /= count;
  result.mrr_at_10 /= count;
  result.ndcg_at_10 /= count;
  std::ranges::sort(latencies);
  result.p50_ms = percentile(latencies, 0.5);
  result.p99_ms = percentile(latencies, 0.99);
  return result;
}

}  // namespace siyu::knowledge
