#include "serving/semantic_index.h"

#include <algorithm>
#include <utility>

namespace siyu::serving {
namespace {

double similarity(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return -1;
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

std::string numbers_in(std::string_view text) {
  std::string numbers;
  bool within = false;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && !within && !numbers.empty()) numbers += ' ';
    if (digit) numbers += c;
    within = digit;
  }
  return numbers;
}

std::optional<std::string> SemanticIndex::find(const std::string& partition, const Question& question) const {
  const std::lock_guard lock(mu_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return std::nullopt;
  const Entry* best = nullptr;
  double nearest = least_;
  for (const auto& entry : found->second) {
    const auto near = similarity(entry.question.vector, question.vector);
    if (near < nearest || entry.question.numbers != question.numbers) continue;
    nearest = near;
    best = &entry;
  }
  return best == nullptr ? std::nullopt : std::optional(best->key);
}

void SemanticIndex::add(const std::string& partition, Question question, std::string key) {
  const std::lock_guard lock(mu_);
  auto& entries = partitions_[partition];
  entries.push_back({std::move(question), std::move(key)});
  order_.push_back(partition);
  ++size_;
  if (entries.size() > kMaxOfPartition) drop_oldest(partition);
  while (order_.size() > kMaxEntries) {
    const auto oldest = std::move(order_.front());
    order_.pop_front();
    drop_oldest(oldest);
  }
}

void SemanticIndex::drop_oldest(const std::string& partition) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  found->second.pop_front();
  --size_;
  if (found->second.empty()) partitions_.erase(found);
}

void SemanticIndex::remove(const std::string& partition, const std::string& key) {
  const std::lock_guard lock(mu_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  size_ -= std::erase_if(found->second, [&](const Entry& entry) { return entry.key == key; });
  if (found->second.empty()) partitions_.erase(found);
}

std::size_t SemanticIndex::size() const {
  const std::lock_guard lock(mu_);
  return size_;
}

}  // namespace siyu::serving
