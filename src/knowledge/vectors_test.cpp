#include "knowledge/vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "documents/document.h"
#include "knowledge/knowledge.h"
#include "knowledge/rows.h"
#include "policy/room_fixture.h"
#include "store/full_text.h"

namespace siyu::knowledge {
namespace {

/// Knows three subjects, each a direction of its own, by words of two languages.
class SubjectEmbedder final : public TextEmbedder {
 public:
  std::string model() const override {
    const std::lock_guard lock(mu_);
    return model_;
  }
  void load(std::string model) {
    const std::lock_guard lock(mu_);
    model_ = std::move(model);
  }
  Result<std::vector<std::vector<float>>> embed(const std::vector<std::string>& texts) override {
    if (failing) return fail(ErrorCode::kUnavailable, "The worker is being restarted");
    std::vector<std::vector<float>> vectors;
    for (const auto& text : texts) {
      if (text.size() > longest) return fail_because(ErrorCode::kInvalidArgument, "context_length_exceeded", "too long");
      std::vector<float> vector{0.05F, 0.05F, 0.05F};
      const std::vector<std::vector<std::string>> subjects{{"cat", "kitten", "猫"}, {"car", "automobile", "汽车"}, {"tax", "levy", "税"}};
      for (std::size_t i = 0; i < subjects.size(); ++i)
        for (const auto& word : subjects[i]) vector[i] += text.find(word) == std::string::npos ? 0.0F : 1.0F;
      const float length = std::sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2]);
      for (auto& value : vector) value /= length;
      vectors.push_back(std::move(vector));
      ++embedded;
    }
    return vectors;
  }
  std::atomic<bool> failing = false;
  std::atomic<int> embedded = 0;
  std::size_t longest = 1000;

 private:
  mutable std::mutex mu_;
  std::string model_;
};

class VectorsTest : public RoomTest {
 protected:
  VectorsTest() : RoomTest({migrations(), store::FullText::migrations()}) {}
  void SetUp() override {
    restart();
    service->create(*pass, "kb", "").value();
  }
  void restart() {
    service.reset();
    vectors = std::make_unique<Vectors>(*db, embedder, *logger);
    service = std::make_unique<KnowledgeService>(*db, store::BlobStore::open(dir / "blobs").value(), clock, random, vectors.get());
    vectors->start();
  }
  /// A document as ingest would leave it.
  void put(const std::string& name, const std::string& text) {
    documents::ParsedDocument parsed{.format = "text", .markdown = text, .blocks = documents::find_blocks(text)};
    ASSERT_TRUE(db->write([&](store::Transaction& tx) -> Status {
                    ASSIGN_OR_RETURN(const auto base, find_base(tx, "kb"));
                    ASSIGN_OR_RETURN(const auto before, tx.query("SELECT number FROM documents WHERE name = ?", name));
                    std::int64_t number = before.empty() ? 0 : before[0].integer(0);
                    if (before.empty()) {
                      RETURN_IF_ERROR(tx.execute("INSERT INTO documents (id, base, name, state, sha256, bytes, added_at) VALUES (?, ?, ?, 'queued', ?, 1, 1)",
                                                 "doc_" + name, base, name, text));
                      number = tx.last_insert_id();
                    }
                    RETURN_IF_ERROR(tx.execute("UPDATE documents SET sha256 = ? WHERE number = ?", text, number));
                    return index(tx, base, number, parsed, clock.now());
                  })
                    .has_value());
    vectors->wake();
  }
  /// Waits until every document has vectors of the loaded model.
  void settle() {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      const auto rows = db->read([&](store::Transaction& tx) {
        return tx.query("SELECT count(*) FROM documents d WHERE chunks > 0 AND NOT EXISTS (SELECT 1 FROM embedded_documents e WHERE e.document = d.number AND e.model = ?)",
                        embedder.model());
      });
      if (rows.value()[0].integer(0) == 0 && service->search(*pass, "kb", "猫", 1).value().mode == SearchMode::kHybrid) return;
      ASSERT_LT(std::chrono::steady_clock::now(), give_up);
      std::this_thread::yield();
    }
  }
  std::vector<std::string> find(const std::string& query, std::optional<SearchMode> mode = {}) {
    std::vector<std::string> names;
    for (const auto& passage : service->search(*pass, "kb", query, 5, mode).value().passages) names.push_back(passage.document);
    return names;
  }

  SubjectEmbedder embedder;
  std::unique_ptr<Vectors> vectors;
  std::unique_ptr<KnowledgeService> service;
};

TEST_F(VectorsTest, FindsByMeaningWhatSharesNoWordOnceAModelIsLoaded) {
  put("pets", "A kitten sleeps sixteen hours a day.");
  put("money", "The levy is due in April.");
  EXPECT_TRUE(find("猫").empty());
  EXPECT_EQ(service->search(*pass, "kb", "kitten", 1).value().mode, SearchMode::kFullText);
  embedder.load("subjects@1");
  settle();
  EXPECT_EQ(find("猫").at(0), "pets");
  EXPECT_EQ(find("税").at(0), "money");
  EXPECT_EQ(service->get(*pass, "kb").value().embedding_model, "subjects@1");
  EXPECT_FALSE(service->find_relevant(*pass, "kb", "猫", 5).value().passages.empty()) << "near by meaning is relevant enough to answer from";
}

TEST_F(VectorsTest, WhatTheDatabaseCallsEmbeddedIsFound) {
  put("pets", "A kitten sleeps sixteen hours a day.");
  embedder.load("subjects@1");
  settle();
  std::string manual;
  for (int i = 0; i < 500; ++i) manual += "# Part " + std::to_string(i) + "\n\n" + std::string(700, 'x') + " automobile\n\n";
  put("manual", manual + "# The last part\n\nThe levy is due in April.\n");  // the last passage is the last to be put on the shelf
  settle();
  EXPECT_THAT(service->search(*pass, "kb", "税", 5, SearchMode::kVector).value().passages.at(0).text, testing::HasSubstr("levy"));
}

TEST_F(VectorsTest, VectorsAloneAreUnavailableWithoutAModel) {
  put("pets", "A kitten sleeps.");
  EXPECT_EQ(service->search(*pass, "kb", "kitten", 1, SearchMode::kVector).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(service->search(*pass, "kb", "kitten", 1, SearchMode::kHybrid).error().code, ErrorCode::kUnavailable);
}

TEST_F(VectorsTest, AFailingModelCostsTheVectorsNotTheSearch) {
  put("pets", "A kitten sleeps.");
  embedder.load("subjects@1");
  settle();
  embedder.failing = true;
  const auto found = service->search(*pass, "kb", "kitten", 1).value();
  EXPECT_EQ(found.mode, SearchMode::kFullText);
  EXPECT_EQ(found.passages.at(0).document, "pets");
}

TEST_F(VectorsTest, NewVersionsAndDeletionsTakeEffectAtOnce) {
  put("pets", "A kitten sleeps.");
  put("other", "An automobile needs fuel.");
  embedder.load("subjects@1");
  settle();
  embedder.failing = true;  // the new version gets no vector yet
  put("pets", "The levy is due.");
  embedder.failing = false;
  ASSERT_EQ(find("猫", SearchMode::kVector).at(0), "other") << "the vector of the old version must not answer";
  settle();
  EXPECT_EQ(find("税", SearchMode::kVector).at(0), "pets");
  ASSERT_TRUE(service->remove_document(*pass, "kb", DocumentId("doc_pets")).has_value());
  EXPECT_EQ(find("税", SearchMode::kVector), std::vector<std::string>{"other"});
  ASSERT_TRUE(service->remove(*pass, "kb").has_value());
  const auto left = db->read([](store::Transaction& tx) { return tx.query("SELECT (SELECT count(*) FROM chunk_vectors) + (SELECT count(*) FROM embedded_documents)"); });
  EXPECT_EQ(left.value()[0].integer(0), 0);
}

TEST_F(VectorsTest, ARestartLoadsThemAndAnotherModelReplacesThem) {
  put("pets", "A kitten sleeps.");
  embedder.load("subjects@1");
  settle();
  const int before = embedder.embedded;
  restart();
  settle();
  const int queries = embedder.embedded - before;  // settle() itself asks; the passage is not embedded again
  EXPECT_EQ(db->read([](store::Transaction& tx) { return tx.query("SELECT count(*) FROM chunk_vectors"); }).value()[0].integer(0), 1);
  EXPECT_GE(queries, 1);
  embedder.load("subjects@2");
  settle();
  EXPECT_EQ(service->get(*pass, "kb").value().embedding_model, "subjects@2");
  EXPECT_EQ(find("猫", SearchMode::kVector), std::vector<std::string>{"pets"});
}

TEST_F(VectorsTest, APassageLongerThanTheModelTakesIsFoundByItsBeginning) {
  embedder.longest = 200;
  std::string text = "kitten ";
  while (text.size() < 450) text += "word ";
  put("long", text);
  embedder.load("subjects@1");
  settle();
  EXPECT_EQ(find("猫", SearchMode::kVector).at(0), "long");
}

}  // namespace
}  // namespace siyu::knowledge
