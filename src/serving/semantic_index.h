// Questions by their vectors, to find one that asks the same in other words. In memory; it holds no text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace siyu::serving {

/// A question as it is compared: its meaning, and its numbers, which must be the same whatever its meaning's nearness.
struct Question {
  std::vector<float> vector;  ///< of length 1
  std::string numbers;        ///< as numbers_in gives them
};

/// Every run of digits, in order: "2023" and "2024" make two questions that are near each other and have different answers.
std::string numbers_in(std::string_view text);

/// Thread-safe. Holds the latest kMaxEntries questions, at most kMaxOfPartition of one partition: what else must be equal
/// (model, conversation, parameters, readers) is the partition's name.
class SemanticIndex {
 public:
  static constexpr std::size_t kMaxEntries = 16384, kMaxOfPartition = 1024;

  explicit SemanticIndex(double least_similarity) : least_(least_similarity) {}
  /// The key of the nearest question that is near enough.
  std::optional<std::string> find(const std::string& partition, const Question& question) const;
  void add(const std::string& partition, Question question, std::string key);
  /// The answer of this key is gone.
  void remove(const std::string& partition, const std::string& key);
  std::size_t size() const;

 private:
  struct Entry {
    Question question;
    std::string key;
  };
  void drop_oldest(const std::string& partition);  // needs mu_

  const double least_;
  mutable std::mutex mu_;  // guards the rest
  std::unordered_map<std::string, std::deque<Entry>> partitions_;
  std::deque<std::string> order_;  // partitions of the entries, oldest first; of removed ones too
  std::size_t size_ = 0;
};

}  // namespace siyu::serving
