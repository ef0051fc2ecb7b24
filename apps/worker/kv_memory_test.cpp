// Ranges of a real model's memory, out to host memory and back.
#include "kv_memory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

namespace siyu::worker {
namespace {

using Tokens = std::vector<llama_token>;

class KvMemoryTest : public testing::TestWithParam<ggml_type> {
 protected:
  void SetUp() override {
    const char* models = std::getenv("SIYU_TEST_MODELS");
    if (models == nullptr) GTEST_SKIP() << "SIYU_TEST_MODELS is not set: no models to run";
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    const auto file = std::filesystem::path(models) / "stories260K-f16.gguf";
    model_.reset(llama_model_load_from_file(file.c_str(), llama_model_default_params()));
    ASSERT_TRUE(model_);
    auto params = llama_context_default_params();
    params.n_ctx = 512;
    params.n_batch = params.n_ubatch = 512;
    params.n_seq_max = 2;  // ids beyond these are used too, as the worker does
    params.kv_unified = true;
    params.type_k = params.type_v = GetParam();
    params.n_threads = params.n_threads_batch = 1;
    context_.reset(llama_init_from_model(model_.get(), params));
    ASSERT_TRUE(context_);
  }
  std::vector<float> decode(llama_seq_id id, const Tokens& tokens, std::size_t from) {
    auto batch = llama_batch_init(static_cast<int>(tokens.size()), 0, 1);
    for (std::size_t i = from; i < tokens.size(); ++i) {
      const int at = batch.n_tokens++;
      batch.token[at] = tokens[i];
      batch.pos[at] = static_cast<llama_pos>(i);
      batch.n_seq_id[at] = 1;
      batch.seq_id[at][0] = id;
      batch.logits[at] = i + 1 == tokens.size() ? 1 : 0;
    }
    EXPECT_EQ(llama_decode(context_.get(), batch), 0);
    llama_batch_free(batch);
    const float* logits = llama_get_logits_ith(context_.get(), -1);
    return {logits, logits + llama_vocab_n_tokens(llama_model_get_vocab(model_.get()))};
  }
  static Tokens text(std::size_t count, int step) {
    Tokens tokens;
    for (std::size_t i = 0; i < count; ++i) tokens.push_back(static_cast<llama_token>(3 + (i * static_cast<std::size_t>(step)) % 500));
    return tokens;
  }
  struct Deleter {
    void operator()(llama_model* model) const { llama_model_free(model); }
    void operator()(llama_context* context) const { llama_free(context); }
  };
  std::unique_ptr<llama_model, Deleter> model_;
  std::unique_ptr<llama_context, Deleter> context_;
};

TEST_P(KvMemoryTest, GoesOnToTheBitWithWhatCameBack) {
  constexpr llama_seq_id kText = 40, kOther = 41;
  LlamaKvMemory memory(context_.get());
  const auto tokens = text(200, 7);
  const Tokens before(tokens.begin(), tokens.end() - 1);
  decode(kText, before, 0);
  const auto expected = decode(kText, tokens, 199);
  memory.remove(kText, 199, 200);
  std::vector<std::vector<std::uint8_t>> saved;
  for (std::size_t at = 64; at < 192; at += 64) saved.push_back(memory.save(kText, at, at + 64));
  const auto rest = memory.save(kText, 192, 199);
  memory.remove(kText, 64, 200);
  decode(kOther, text(300, 11), 0);  // over what was there
  memory.remove(kOther, 0, 300);
  for (std::size_t i = 0; i < saved.size(); ++i) ASSERT_TRUE(memory.restore(kText, 64 + i * 64, 128 + i * 64, saved[i]));
  ASSERT_TRUE(memory.restore(kText, 192, 199, rest));
  EXPECT_EQ(decode(kText, tokens, 199), expected);
  EXPECT_GT(memory.save_ms(), 0);
  EXPECT_GT(memory.restore_ms(), 0);
}

TEST_P(KvMemoryTest, TakesAPartOfWhatWasSavedAndLeavesTheRestFree) {
  LlamaKvMemory memory(context_.get());
  const auto tokens = text(100, 7);
  decode(40, tokens, 0);
  const auto saved = memory.save(40, 0, 64);
  memory.remove(40, 50, 100);
  ASSERT_TRUE(memory.restore(40, 50, 63, saved));
  const auto all = llama_get_memory(context_.get());
  EXPECT_EQ(llama_memory_seq_pos_max(all, 40), 62);
  EXPECT_EQ(llama_memory_seq_pos_max(all, LlamaKvMemory::kMover), -1);
}

TEST_P(KvMemoryTest, WithoutRoomOrWithDamageNothingChanges) {
  LlamaKvMemory memory(context_.get());
  decode(40, text(100, 7), 0);
  auto saved = memory.save(40, 0, 64);
  decode(41, text(400, 11), 0);
  EXPECT_FALSE(memory.restore(42, 0, 64, saved));
  memory.remove(41, 0, 400);
  saved.resize(saved.size() / 2);
  EXPECT_FALSE(memory.restore(42, 0, 64, saved));
  EXPECT_EQ(llama_memory_seq_pos_max(llama_get_memory(context_.get()), 42), -1);
  EXPECT_EQ(llama_memory_seq_pos_max(llama_get_memory(context_.get()), 40), 99);
}

INSTANTIATE_TEST_SUITE_P(Types, KvMemoryTest, testing::Values(GGML_TYPE_F16, GGML_TYPE_F32));

}  // namespace
}  // namespace siyu::worker
