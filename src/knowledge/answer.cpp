// Extractive answers: the sentences that carry most of the question's weight, word for word.
#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "knowledge/chunk.h"
#include "knowledge/knowledge.h"
#include "knowledge/rows.h"
#include "store/full_text.h"

namespace siyu::knowledge {
namespace {

constexpr std::size_t kPassagesRead = 5;
constexpr std::size_t kMaxQuotes = 3;    // sentences in one answer
constexpr double kSecondShare = 0.5;     // a further sentence must be worth this share of the best one
constexpr double kRelevant = 0.22;       // below this share of the question's weight the passages are about something else
constexpr double kLengthPenalty = 0.005;  // per square root of a character: between equals the shorter sentence wins

using Weights = std::unordered_map<std::string, double>;

double weight_of(const Weights& weights, std::string_view text) {
  double total = 0;
  std::unordered_set<std::string> seen;
  for (auto& term : store::full_text_terms(text)) {
    const auto found = weights.find(term);
    if (found != weights.end() && seen.insert(std::move(term)).second) total += found->second;
  }
  return total;
}

Result<Weights> question_weights(store::Transaction& tx, std::int64_t base, const std::string& question, double& total) {
  std::vector<std::string> terms = store::full_text_terms(question);
  std::ranges::sort(terms);
  terms.erase(std::ranges::unique(terms).begin(), terms.end());
  ASSIGN_OR_RETURN(const auto idf, store::FullText::idf(tx, base, terms));
  Weights weights;
  total = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    weights[terms[i]] = idf[i];
    total += idf[i];
  }
  return weights;
}

struct Quote {
  std::size_t passage = 0;
  TextSpan span;  ///< bytes of the passage's text
  double score = 0;
};

/// Every sentence of a passage with the share of the question's weight that it and, to a lesser part, its neighbours carry.
void score_sentences(const Weights& weights, double total, const Passage& passage, std::size_t index, double passage_share, std::vector<Quote>& quotes) {
  const auto sentences = split_sentences(passage.text);
  std::vector<double> own;
  for (const auto& span : sentences) own.push_back(weight_of(weights, std::string_view(passage.text).substr(span.begin, span.end - span.begin)) / total);
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const auto text = std::string_view(passage.text).substr(sentences[i].begin, sentences[i].end - sentences[i].begin);
    if (text.starts_with('#')) continue;  // a heading names, it does not answer
    const double neighbours = std::max(i > 0 ? own[i - 1] : 0.0, i + 1 < own.size() ? own[i + 1] : 0.0);
    const double length = kLengthPenalty * std::sqrt(static_cast<double>(utf8_length(text)));
    quotes.push_back({.passage = index, .span = sentences[i], .score = (own[i] + 0.25 * neighbours - length) * passage_share});
  }
}

Citation cite(const Passage& passage, TextSpan span, Answer& answer) {
  Citation citation{.number = static_cast<int>(answer.citations.size()) + 1, .passage = passage};
  citation.passage.text = passage.text.substr(span.begin, span.end - span.begin);
  citation.passage.start = passage.start + span.begin;
  citation.passage.end = passage.start + span.end;
  if (!answer.text.empty()) answer.text += '\n';
  citation.answer_start = answer.text.size();
  answer.text += citation.passage.text;
  citation.answer_end = answer.text.size();
  return citation;
}

}  // namespace

Result<Answer> KnowledgeService::answer_extractively(const Pass& pass, const std::string& base, const std::string& question) {
  ASSIGN_OR_RETURN(const auto passages, search(pass, base, question, kPassagesRead));
  double total = 0;
  ASSIGN_OR_RETURN(const auto weights, db_.read([&](store::Transaction& tx) -> Result<Weights> {
    ASSIGN_OR_RETURN(const auto number, find_base(tx, base));
    return question_weights(tx, number, question, total);
  }));
  Answer answer;
  if (passages.empty() || total <= 0) return answer;

  std::vector<Quote> quotes;
  double covered = 0;
  for (std::size_t i = 0; i < passages.size(); ++i) {
    covered = std::max(covered, weight_of(weights, indexed_text(passages[i].title, passages[i].heading, passages[i].text)) / total);
    score_sentences(weights, total, passages[i], i, passages[i].score / passages[0].score, quotes);
  }
  if (covered < kRelevant || quotes.empty()) return answer;
  std::ranges::stable_sort(quotes, std::ranges::greater{}, &Quote::score);
  auto kept = std::min(kMaxQuotes, quotes.size());
  while (kept > 1 && quotes[kept - 1].score < kSecondShare * quotes[0].score) --kept;
  answer.mode = AnswerMode::kExtractive;
  for (std::size_t i = 0; i < kept; ++i) answer.citations.push_back(cite(passages[quotes[i].passage], quotes[i].span, answer));
  return answer;
}

}  // namespace siyu::knowledge
