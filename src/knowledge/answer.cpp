// Relevance of passages, extractive answers (the sentences that carry most of the question's weight, word for word), and
// which passage supports a sentence.
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
constexpr double kNear = 0.6;            // cosine at which a passage is about the question though it shares no word with it
constexpr double kLengthPenalty = 0.005;  // per square root of a character: between equals the shorter sentence wins
constexpr double kSupported = 0.5;       // share of a sentence's terms that the passage must hold to count as its source
constexpr std::size_t kShortestClaim = 3;  // terms; "Yes." needs no source

using Weights = std::unordered_map<std::string, double>;
using Terms = std::unordered_set<std::string>;

double weight_of(const Weights& weights, std::string_view text) {
  double total = 0;
  Terms seen;
  for (auto& term : store::full_text_terms(text)) {
    const auto found = weights.find(term);
    if (found != weights.end() && seen.insert(std::move(term)).second) total += found->second;
  }
  return total;
}

double total_of(const Weights& weights) {
  double total = 0;
  for (const auto& [term, weight] : weights) total += weight;
  return total;
}

Result<Weights> question_weights(store::Transaction& tx, std::int64_t base, const std::string& question) {
  std::vector<std::string> terms = store::full_text_terms(question);
  std::ranges::sort(terms);
  terms.erase(std::ranges::unique(terms).begin(), terms.end());
  ASSIGN_OR_RETURN(const auto idf, store::FullText::idf(tx, base, terms));
  Weights weights;
  for (std::size_t i = 0; i < terms.size(); ++i) weights[terms[i]] = idf[i];
  return weights;
}

std::string_view piece(std::string_view text, TextSpan span) { return text.substr(span.begin, span.end - span.begin); }

struct Quote {
  std::size_t passage = 0;
  TextSpan span;  ///< bytes of the passage's text
  double score = 0;
};

/// Every sentence of a passage with the share of the question's weight that it and, to a lesser part, its neighbours carry.
void score_sentences(const Weights& weights, const Passage& passage, std::size_t index, double passage_share, std::vector<Quote>& quotes) {
  const double total = total_of(weights);
  const auto sentences = split_sentences(passage.text);
  std::vector<double> own;
  for (const auto& span : sentences) own.push_back(weight_of(weights, piece(passage.text, span)) / total);
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const auto text = piece(passage.text, sentences[i]);
    if (text.starts_with('#')) continue;  // a heading names, it does not answer
    const double neighbours = std::max(i > 0 ? own[i - 1] : 0.0, i + 1 < own.size() ? own[i + 1] : 0.0);
    const double length = kLengthPenalty * std::sqrt(static_cast<double>(utf8_length(text)));
    quotes.push_back({.passage = index, .span = sentences[i], .score = (own[i] + 0.25 * neighbours - length) * passage_share});
  }
}

Passage narrowed(const Passage& passage, TextSpan span) {
  Passage part = passage;
  part.text = std::string(piece(passage.text, span));
  part.start = passage.start + span.begin;
  part.end = passage.start + span.end;
  return part;
}

Citation cite(const Passage& passage, TextSpan span, Answer& answer) {
  Citation citation{.number = static_cast<int>(answer.citations.size()) + 1, .passage = narrowed(passage, span)};
  if (!answer.text.empty()) answer.text += '\n';
  citation.answer_start = answer.text.size();
  answer.text += citation.passage.text;
  citation.answer_end = answer.text.size();
  return citation;
}

Terms terms_of(std::string_view text) {
  auto list = store::full_text_terms(text);
  return {std::make_move_iterator(list.begin()), std::make_move_iterator(list.end())};
}

double share_held(const Terms& wanted, const Terms& held) {
  std::size_t shared = 0;
  for (const auto& term : wanted) shared += held.contains(term) ? 1 : 0;
  return static_cast<double>(shared) / static_cast<double>(wanted.size());
}

}  // namespace

Result<FoundPassages> KnowledgeService::find_relevant(const Pass& pass, const std::string& base, const std::string& question, std::size_t top) {
  FoundPassages found;
  ASSIGN_OR_RETURN(auto searched, search(pass, base, question, top));
  found.passages = std::move(searched.passages);
  ASSIGN_OR_RETURN(found.weights, db_.read([&](store::Transaction& tx) -> Result<Weights> {
    ASSIGN_OR_RETURN(const auto number, find_base(tx, base));
    return question_weights(tx, number, question);
  }));
  const double total = total_of(found.weights);
  double covered = 0;
  for (const auto& passage : found.passages)
    if (total > 0) covered = std::max(covered, weight_of(found.weights, indexed_text(passage.title, passage.heading, passage.text)) / total);
  const bool near = std::ranges::any_of(found.passages, [](const Passage& passage) { return passage.similarity >= kNear; });
  if (covered < kRelevant && !near) found.passages.clear();
  return found;
}

Result<Answer> KnowledgeService::answer_extractively(const Pass& pass, const std::string& base, const std::string& question) {
  ASSIGN_OR_RETURN(const auto found, find_relevant(pass, base, question, kPassagesRead));
  const auto& passages = found.passages;
  std::vector<Quote> quotes;
  for (std::size_t i = 0; i < passages.size(); ++i) score_sentences(found.weights, passages[i], i, passages[i].score / passages[0].score, quotes);
  Answer answer;
  if (quotes.empty()) return answer;
  std::ranges::stable_sort(quotes, std::ranges::greater{}, &Quote::score);
  auto kept = std::min(kMaxQuotes, quotes.size());
  while (kept > 1 && quotes[kept - 1].score < kSecondShare * quotes[0].score) --kept;
  answer.mode = AnswerMode::kExtractive;
  for (std::size_t i = 0; i < kept; ++i) answer.citations.push_back(cite(passages[quotes[i].passage], quotes[i].span, answer));
  return answer;
}

std::optional<Support> find_support(std::string_view sentence, const std::vector<Passage>& passages) {
  const auto wanted = terms_of(sentence);
  if (wanted.size() < kShortestClaim) return std::nullopt;
  std::optional<Support> best;
  for (std::size_t i = 0; i < passages.size(); ++i) {
    const auto& text = passages[i].text;
    const auto sentences = split_sentences(text);
    // A claim may join two sentences of its source that stand side by side.
    for (std::size_t first = 0; first < sentences.size(); ++first) {
      for (std::size_t last = first; last < std::min(first + 2, sentences.size()); ++last) {
        const TextSpan span{sentences[first].begin, sentences[last].end};
        const double share = share_held(wanted, terms_of(piece(text, span))) - (last > first ? 0.05 : 0.0);
        if (share < kSupported || (best && share <= best->share)) continue;
        best = Support{.passage_index = i, .share = share, .passage = narrowed(passages[i], span)};
      }
    }
  }
  return best;
}

}  // namespace siyu::knowledge
