#include "knowledge/knowledge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/json.h"
#include "documents/plain_text.h"
#include "knowledge/chunk.h"
#include "knowledge/eval.h"
#include "knowledge/ingest.h"
#include "policy/room_fixture.h"
#include "store/full_text.h"

namespace siyu::knowledge {
namespace {

using ::testing::HasSubstr;

class TextParser final : public DocumentParser {
 public:
  documents::ParsedDocument parse(const std::filesystem::path& file, std::string_view name) override {
    const auto text = store::read_file(file, 1UL << 30).value();
    if (!name.ends_with(".box")) return documents::parse_plain_text(text, name);
    // A box holds files, one per line: NAME=TEXT; ~ is a line end inside.
    documents::ParsedDocument box{.format = "box"};
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      auto line = text.substr(at, end - at);
      at = end + 1;
      const auto equals = line.find('=');
      auto bytes = line.substr(equals + 1);
      std::ranges::replace(bytes, '~', '\n');
      box.embedded.push_back({.name = line.substr(0, equals), .bytes = bytes});
    }
    return box;
  }
};

class KnowledgeTest : public RoomTest {
 protected:
  KnowledgeTest() : RoomTest({migrations(), store::FullText::migrations()}) {}
  void SetUp() override {
    open();
    service->create(*pass, "kb", "").value();
  }
  void open() {
    db.reset();
    db = store::Database::open({.file = dir / "siyu.db"}).value();
    blobs = std::make_unique<store::BlobStore>(store::BlobStore::open(dir / "blobs").value());
    service = std::make_unique<KnowledgeService>(*db, *blobs, clock, random);
  }
  AddedDocument add(const std::string& name, std::string_view text) {
    std::ofstream(dir / "upload") << text;
    return service->add_file(*pass, "kb", name, dir / "upload").value();
  }
  /// Works on the queue until it is empty.
  void ingest() {
    Ingester ingester(*db, *blobs, parser, clock, random, *logger);
    ASSERT_TRUE(ingester.start(2).has_value());
    while (service->get(*pass, "kb").value().queued > 0) std::this_thread::yield();
  }
  std::int64_t rows(const std::string& table) {
    return db->read([&](store::Transaction& tx) { return tx.query("SELECT count(*) FROM " + table); }).value()[0].integer(0);
  }

  TextParser parser;
  std::unique_ptr<store::BlobStore> blobs;
  std::unique_ptr<KnowledgeService> service;
};

TEST_F(KnowledgeTest, AnswersWordForWordWithOffsetsIntoTheDocument) {
  add("leave.md", "# 休假制度\n\n员工手册。新员工入职满一年后，每年享有十天带薪年假。病假需要医院证明。\n\n# Travel\n\nTrain tickets are booked by the office.\n");
  add("food.txt", "食堂午餐时间为十二点到一点。");
  ingest();
  const auto answer = service->answer_extractively(*pass, "kb", "每年有几天带薪年假？").value();
  ASSERT_EQ(answer.mode, AnswerMode::kExtractive);
  EXPECT_EQ(answer.text, "新员工入职满一年后，每年享有十天带薪年假。");
  const auto& passage = answer.citations.at(0).passage;
  EXPECT_EQ(passage.document, "leave.md");
  EXPECT_EQ(passage.heading, "休假制度");
  const auto text = service->get_text(*pass, "kb", passage.document_id).value();
  EXPECT_EQ(text.markdown.substr(passage.start, passage.end - passage.start), answer.text);
}

TEST_F(KnowledgeTest, SaysWhenNothingIsRelevant) {
  add("food.txt", "食堂午餐时间为十二点到一点。The canteen opens at noon.");
  ingest();
  EXPECT_EQ(service->answer_extractively(*pass, "kb", "量子计算机的退相干时间是多少？").value().mode, AnswerMode::kNone);
  EXPECT_EQ(service->answer_extractively(*pass, "kb", "Who won the chess championship in 1972?").value().mode, AnswerMode::kNone);
}

TEST_F(KnowledgeTest, TheSameFileAgainChangesNothingAndANewVersionReplacesTheOld) {
  const auto first = add("a.txt", "alpha version one");
  ingest();
  EXPECT_TRUE(add("a.txt", "alpha version one").unchanged);
  const auto second = add("a.txt", "beta version two");
  EXPECT_FALSE(second.unchanged);
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(service->search(*pass, "kb", "alpha", 5).value().passages.size(), 1U) << "the old version answers until the new one is ready";
  ingest();
  EXPECT_TRUE(service->search(*pass, "kb", "alpha", 5).value().passages.empty());
  EXPECT_EQ(service->search(*pass, "kb", "beta", 5).value().passages.size(), 1U);
}

TEST_F(KnowledgeTest, DeletionDeletesEverywhere) {
  const auto document = add("a.txt", "alpha beta 中文内容");
  add("lines.jsonl", "{\"_id\":\"x\",\"text\":\"gamma\"}\n{\"_id\":\"y\",\"text\":\"delta\"}\n");
  ingest();
  EXPECT_EQ(rows("documents"), 4);
  ASSERT_TRUE(service->remove_document(*pass, "kb", document.id).has_value());
  EXPECT_FALSE(blobs->exists(service->list_documents(*pass, "kb", 10, {}, {}).value().documents[0].sha256 + "x"));
  EXPECT_TRUE(service->search(*pass, "kb", "alpha", 5).value().passages.empty());
  ASSERT_TRUE(service->remove(*pass, "kb").has_value());
  for (const auto* table : {"documents", "chunks", "text_postings", "text_documents", "text_collections", "knowledge_bases"}) EXPECT_EQ(rows(table), 0) << table;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir / "blobs")) files += entry.is_regular_file();
  EXPECT_EQ(files, 0U);
}

TEST_F(KnowledgeTest, FilesInAFileAreDocumentsOfTheirOwnAndGoWithIt) {
  const auto names = [&] {
    std::vector<std::string> all;
    for (const auto& document : service->list_documents(*pass, "kb", 100, {}, {}).value().documents) all.push_back(document.name);
    std::ranges::sort(all);
    return all;
  };
  const auto outer = add("mail.box", "a.txt=alpha\nb.txt=beta\nin.box=c.txt=gamma~deep.box=d.box=e.box=f.txt=never\n");
  ingest();
  EXPECT_EQ(names(), (std::vector<std::string>{"mail.box", "mail.box/a.txt", "mail.box/b.txt", "mail.box/in.box", "mail.box/in.box/c.txt", "mail.box/in.box/deep.box",
                                               "mail.box/in.box/deep.box/d.box"}));
  EXPECT_EQ(service->search(*pass, "kb", "gamma", 5).value().passages.at(0).document, "mail.box/in.box/c.txt");
  const auto deepest = service->list_documents(*pass, "kb", 100, {}, {}).value().documents;
  EXPECT_THAT(std::ranges::find(deepest, "mail.box/in.box/deep.box/d.box", &Document::name)->reason, HasSubstr("more than 3 deep"));

  add("mail.box", "a.txt=alpha\nb.txt=better\n");  // a new version: one the same, one changed, one gone
  ingest();
  EXPECT_EQ(names(), (std::vector<std::string>{"mail.box", "mail.box/a.txt", "mail.box/b.txt"}));
  EXPECT_EQ(service->search(*pass, "kb", "better", 5).value().passages.size(), 1U);
  EXPECT_TRUE(service->search(*pass, "kb", "gamma", 5).value().passages.empty());
  ASSERT_TRUE(service->remove_document(*pass, "kb", outer.id).has_value());
  EXPECT_EQ(rows("documents"), 0);
  EXPECT_TRUE(blobs->list().empty());
}

TEST_F(KnowledgeTest, AStoredFileThatNobodyRefersToGoesAtTheNextStart) {
  add("a.txt", "alpha");
  ASSERT_TRUE(blobs->put(as_bytes(std::string_view("left by a kill"))).has_value());
  ingest();
  EXPECT_EQ(blobs->list().size(), 1U);
}

TEST_F(KnowledgeTest, LinesBecomeDocumentsAndBadLinesAreNamed) {
  add("lines.jsonl", "{\"_id\":\"x\",\"title\":\"T\",\"text\":\"gamma ray\"}\nnot json\n{\"id\":7,\"text\":\"delta\"}\n{\"text\":\"no id\"}\n");
  ingest();
  const auto documents = service->list_documents(*pass, "kb", 10, {}, {}).value().documents;
  ASSERT_EQ(documents.size(), 3U);
  EXPECT_EQ(documents[2].name, "lines.jsonl");
  EXPECT_THAT(documents[2].reason, HasSubstr("2 lines were skipped"));
  EXPECT_THAT(documents[2].reason, HasSubstr("line 2"));
  EXPECT_EQ(service->search(*pass, "kb", "gamma", 5).value().passages.at(0).document, "x");
  EXPECT_EQ(service->search(*pass, "kb", "delta", 5).value().passages.at(0).document, "7");
}

TEST_F(KnowledgeTest, WhatWasBeingParsedIsTakenUpAfterAKill) {
  add("a.txt", "alpha");
  ASSERT_TRUE(db->write([](store::Transaction& tx) { return tx.execute("UPDATE documents SET state = 'parsing'"); }).has_value());
  service.reset();
  db.reset();
  open();
  ingest();
  EXPECT_EQ(service->search(*pass, "kb", "alpha", 5).value().passages.size(), 1U);
}

TEST_F(KnowledgeTest, UnreadableFilesFailAloneWithAReason) {
  add("bad.bin", std::string_view("\x7f" "ELF\0\1\2\0\0", 9));
  add("good.txt", "fine");
  ingest();
  const auto refused = service->list_documents(*pass, "kb", 10, {}, DocumentState::kRefused).value().documents;
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_THAT(refused[0].reason, HasSubstr("format"));
  EXPECT_EQ(service->get(*pass, "kb").value().indexed, 1);
}

TEST_F(KnowledgeTest, PagesOfAListFollowEachOther) {
  for (int i = 0; i < 5; ++i) add("f" + std::to_string(i), "text " + std::to_string(i));
  const auto first = service->list_documents(*pass, "kb", 3, {}, {}).value();
  ASSERT_TRUE(first.next.has_value());
  const auto second = service->list_documents(*pass, "kb", 3, first.next, {}).value();
  EXPECT_EQ(first.documents[0].name, "f4");
  EXPECT_EQ(second.documents.size(), 2U);
  EXPECT_EQ(second.documents[1].name, "f0");
  EXPECT_FALSE(second.next.has_value());
}

TEST(Chunks, CoverEveryBlockOnceAndStayWithinTheirSize) {
  documents::ParsedDocument document;
  document.markdown = "# One\n\nshort.\n\n## Two\n\n";
  for (int i = 0; i < 200; ++i) document.markdown += "这是第" + std::to_string(i) + "句话，说一点内容。";
  document.markdown += "\n\n" + std::string(5000, 'x') + "\n\nend";
  document.blocks = documents::find_blocks(document.markdown);
  std::size_t covered = 0, last = 0;
  for (const auto& chunk : split_chunks(document)) {
    EXPECT_GE(chunk.span.begin, last);
    EXPECT_LE(utf8_length(document.markdown.substr(chunk.span.begin, chunk.span.end - chunk.span.begin)), 800U);
    EXPECT_TRUE(is_valid_utf8(document.markdown.substr(chunk.span.begin, chunk.span.end - chunk.span.begin)));
    for (auto i = last; i < chunk.span.begin; ++i) EXPECT_EQ(document.markdown[i], '\n');
    last = chunk.span.end;
    covered += chunk.span.end - chunk.span.begin;
    if (chunk.span.begin > 30) EXPECT_EQ(chunk.heading, "One › Two");
  }
  EXPECT_EQ(last, document.markdown.size());
  EXPECT_GT(covered, document.markdown.size() - 20);
}

/// The gold answers of a SQuAD-shaped file, by question id.
std::map<std::string, std::vector<std::string>> gold_answers(const std::filesystem::path& file) {
  std::map<std::string, std::vector<std::string>> gold;
  const auto root = parse_json(store::read_file(file, 1UL << 28).value()).value();
  for (const auto& article : root.at("data").as_array())
    for (const auto& paragraph : article.at("paragraphs").as_array())
      for (const auto& qa : paragraph.at("qas").as_array())
        for (const auto& answer : qa.at("answers").as_array())
          gold[std::string(qa.at("id").as_string())].emplace_back(answer.at("text").as_string());
  return gold;
}

struct Reference {
  const char* set;
  const char* answers;
  double recall1, mrr10;
};

class RetrievalTest : public KnowledgeTest, public ::testing::WithParamInterface<Reference> {};

// The reference beside the data sets is BM25 over whole paragraphs (k1 1.2, b 0.75).
TEST_P(RetrievalTest, FullTextIsNoWorseThanTheReference) {
  const char* data = std::getenv("SIYU_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "SIYU_TEST_DATA is unset";
  const auto set = std::filesystem::path(data) / "rag" / "retrieval" / GetParam().set;
  std::filesystem::copy_file(set / "corpus.jsonl.gz", dir / "corpus.jsonl.gz");
  ASSERT_TRUE(service->add_file(*pass, "kb", "corpus.jsonl.gz", dir / "corpus.jsonl.gz").has_value());
  ingest();
  const auto queries = read_queries(set / "queries.jsonl").value();
  const auto qrels = read_qrels(set / "qrels.tsv").value();
  const auto result = evaluate(*service, *pass, "kb", queries, qrels, {1, 5, 10}, clock).value();

  const auto gold = gold_answers(std::filesystem::path(data) / "rag" / GetParam().answers);
  std::size_t asked = 0, contained = 0, refused = 0;
  for (const auto& query : queries) {
    const auto found = gold.find(query.id);
    if (found == gold.end()) continue;
    ++asked;
    const auto answer = service->answer_extractively(*pass, "kb", query.text).value();
    refused += answer.mode == AnswerMode::kNone;
    contained += std::ranges::any_of(found->second, [&](const auto& text) { return answer.text.contains(text); });
  }
  std::printf("%-14s recall@1 %.4f recall@5 %.4f MRR@10 %.4f nDCG@10 %.4f p50 %.2f ms p99 %.2f ms; %zu answers: gold contained %.4f, refused %.4f\n", GetParam().set,
              result.recall.at(1), result.recall.at(5), result.mrr_at_10, result.ndcg_at_10, result.p50_ms, result.p99_ms, asked,
              static_cast<double>(contained) / static_cast<double>(asked), static_cast<double>(refused) / static_cast<double>(asked));
  EXPECT_GE(result.recall.at(1), GetParam().recall1);
  EXPECT_GE(result.mrr_at_10, GetParam().mrr10);
  EXPECT_GE(result.recall.at(5), 0.98);
  EXPECT_GT(asked, 1000U);
  EXPECT_GE(static_cast<double>(contained) / static_cast<double>(asked), 0.75);
}

INSTANTIATE_TEST_SUITE_P(Sets, RetrievalTest,
                         ::testing::Values(Reference{"cmrc2018_dev", "cmrc2018/cmrc2018_dev.squad.json", 0.958, 0.975},
                                           Reference{"xquad_zh", "xquad/xquad.zh.json", 0.927, 0.953},
                                           Reference{"xquad_en", "xquad/xquad.en.json", 0.920, 0.949}));

}  // namespace
}  // namespace siyu::knowledge
