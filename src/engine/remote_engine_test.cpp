#include "engine/remote_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <thread>

#include "base/json.h"
#include "engine/remote_wire.h"
#include "net/server.h"

namespace siyu::engine {
namespace {

using ::testing::HasSubstr;

constexpr auto kLimit = std::chrono::seconds(20);  // far over what any of these takes

enum class End { kProper, kCut, kSilence };

class Script final : public net::BodyStream {
 public:
  Script(std::vector<std::string> pieces, End end, std::atomic<bool>& left) : pieces_(pieces.begin(), pieces.end()), end_(end), left_(left) {}
  void pull(Ready ready) override {
    if (!pieces_.empty()) {
      auto piece = std::move(pieces_.front());
      pieces_.pop_front();
      return ready(std::optional(std::move(piece)));
    }
    if (end_ == End::kProper) return ready(std::optional<std::string>());
    if (end_ == End::kCut) return ready(internal("cut"));
    waiting_ = std::move(ready);
  }
  void cancel() noexcept override {
    left_ = true;
    if (auto ready = std::exchange(waiting_, nullptr)) ready(std::optional<std::string>());
  }

 private:
  std::deque<std::string> pieces_;
  const End end_;
  std::atomic<bool>& left_;
  Ready waiting_;
};

/// Answers the API as the test says.
class Peer final : public net::Handler {
 public:
  net::BodyPlan plan(const net::RequestHead&) override { return {.limit = 1UL << 20}; }
  net::Response handle(net::Request& request) override {
    if (request.path == "/v1/models") return net::json_response(models_status, models);
    authorization = request.headers.get("Authorization").value_or("");
    path = request.path;
    body = request.body;
    ++requests;
    if (status != 200) {
      auto response = net::json_response(status, fault);
      response.headers.add("Retry-After", "7");
      return response;
    }
    if (pieces.empty()) return net::json_response(200, fault);
    return {.status = 200, .headers = {}, .body = std::make_unique<Script>(pieces, end, left)};
  }

  int models_status = 200, status = 200;
  std::string models = R"({"data":[{"id":"qwen","owned_by":"x","max_model_len":4096}]})", fault;
  std::vector<std::string> pieces;
  End end = End::kProper;
  std::atomic<bool> left = false;
  std::atomic<int> requests = 0;
  std::string authorization, path, body;
};

class RemoteEngineTest : public ::testing::Test {
 protected:
  std::unique_ptr<RemoteEngine> connect() {
    auto engine = RemoteEngine::connect({.name = "far", .url = url(), .model = {}, .api_key = Sensitive<std::string>("sk-secret"), .look_interval = Millis(50),
                                         .first_backoff = Millis(20), .longest_backoff = Millis(50)}, client, *log);
    engine->wait_first_look(kLimit);
    return engine;
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port); }
  Result<Generation> chat(Engine& engine) {
    ASSIGN_OR_RETURN(const auto stream, engine.generate(question()));
    return collect(*stream, kLimit);
  }
  static GenerateRequest question() { return {.messages = {{.role = Role::kUser, .content = "Hi"}}}; }
  void listen() {
    server = net::Server::start({.port = port, .spool_dir = ::testing::TempDir()}, peer, random, *log).value();
    port = server->port();
  }
  void SetUp() override { listen(); }

  Peer peer;
  OsRandom random;
  std::unique_ptr<Logger> log = Logger::silent();
  std::uint16_t port = 0;
  std::unique_ptr<net::Server> server;
  net::StreamClient client{{}, std::chrono::seconds(1)};
};

std::string event(std::string_view data) { return net::sse_event(data); }

TEST_F(RemoteEngineTest, ThePredictionAndTheEnginesOwnCountOfReasoningAreHandedOn) {
  peer.pieces = {event(R"({"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]})"),
                 event(R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":30,"completion_tokens_details":{"reasoning_tokens":12,"accepted_prediction_tokens":7,"rejected_prediction_tokens":5}}})"),
                 event("[DONE]")};
  const auto engine = connect();
  auto request = question();
  request.prediction = "xyz";
  const auto stream = engine->generate(std::move(request)).value();
  const auto usage = collect(*stream, kLimit).value().finish.usage;
  EXPECT_EQ(usage, (Usage{.prompt_tokens = 9, .completion_tokens = 30, .reasoning_tokens = 12, .accepted_prediction_tokens = 7, .rejected_prediction_tokens = 5}));
  EXPECT_THAT(peer.body, testing::HasSubstr(R"("prediction":{"type":"content","content":"xyz"})"));
}

TEST_F(RemoteEngineTest, ChunksCutAnywhereBecomeContentReasoningAndFinish) {
  const std::string whole = event(R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})") +
                            event(R"({"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]})") + event(R"({"choices":[{"index":0,"delta":{"reasoning":"!"}}]})") +
                            event(R"({"choices":[{"index":0,"delta":{"content":"你好"}}]})") + event(R"({"choices":[{"index":0,"delta":{},"finish_reason":"length"}]})") +
                            event(R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}})") + event("[DONE]");
  for (const std::size_t size : {1U, 7U, 64U, 4096U}) {
    peer.pieces.clear();
    for (std::size_t at = 0; at < whole.size(); at += size) peer.pieces.push_back(whole.substr(at, size));
    const auto engine = connect();
    const auto answer = chat(*engine).value();
    EXPECT_EQ(answer.content, "你好");
    EXPECT_EQ(answer.reasoning, "hm!");
    EXPECT_EQ(answer.finish.reason, FinishReason::kLength);
    EXPECT_EQ(answer.finish.usage, (Usage{.prompt_tokens = 9, .completion_tokens = 3, .cached_tokens = 4}));
    EXPECT_EQ(peer.path, "/v1/chat/completions");
    EXPECT_EQ(peer.authorization, "Bearer sk-secret");
    EXPECT_EQ(engine->info().context_tokens, 4096);
  }
}

TEST_F(RemoteEngineTest, ToolCallsComeInPieces) {
  peer.pieces = {event(R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"find","arguments":""}}]}}]})"),
                 event(R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}}]})"),
                 event(R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}},{"index":1,"id":"c2","function":{"name":"two","arguments":"{}"}}]}}]})"),
                 event(R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})"), event("[DONE]")};
  const auto engine = connect();
  const auto answer = chat(*engine).value();
  EXPECT_EQ(answer.tool_calls, (std::vector<ToolCall>{{.id = "c1", .name = "find", .arguments = "{\"a\":1}"}, {.id = "c2", .name = "two", .arguments = "{}"}}));
  EXPECT_EQ(answer.finish.reason, FinishReason::kToolCalls);
}

TEST_F(RemoteEngineTest, LogprobsOfChatAndOfCompletions) {
  peer.pieces = {event(R"({"choices":[{"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"b","logprob":-1.5}]}]}}]})"),
                 event(R"({"choices":[{"delta":{},"finish_reason":"stop"}]})")};
  const auto engine = connect();
  const std::vector<TokenLogprob> expected{{.token = "a", .logprob = -0.5, .top = {{.token = "b", .logprob = -1.5}}}};
  EXPECT_EQ(chat(*engine).value().logprobs, expected);  // an end without [DONE] is an end where a reason was given
  peer.pieces = {event(R"({"choices":[{"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[-0.5],"top_logprobs":[{"b":-1.5}]},"finish_reason":"stop"}]})"), event("[DONE]")};
  const auto stream = engine->generate({.prompt_kind = PromptKind::kText, .prompt = "x", .logprobs = true, .top_logprobs = 1}).value();
  EXPECT_EQ(collect(*stream, kLimit).value().logprobs, expected);
  EXPECT_EQ(peer.path, "/v1/completions");
}

TEST_F(RemoteEngineTest, RequestsCarryWhatWasSetAndNothingElse) {
  auto request = question();
  EXPECT_EQ(chat_body(request, "m"), R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hi"}]})");
  request.messages.push_back({.role = Role::kAssistant, .content = "", .tool_calls = {{.id = "c", .name = "f", .arguments = "{}"}}});
  request.messages.push_back({.role = Role::kTool, .content = "42", .tool_call_id = "c"});
  request.tools = {{.name = "f", .description = "d", .parameters = R"({"type":"object"})"}};
  request.tool_choice = ToolChoice::kNamed;
  request.tool_name = "f";
  request.sampling.temperature = 0;
  request.stop = {"\n"};
  const auto body = chat_body(request, "m");
  EXPECT_THAT(body, HasSubstr(R"("tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}])"));
  EXPECT_THAT(body, HasSubstr(R"({"role":"tool","content":"42","tool_call_id":"c"})"));
  EXPECT_THAT(body, HasSubstr(R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}])"));
  EXPECT_THAT(body, HasSubstr(R"("tool_choice":{"type":"function","function":{"name":"f"}})"));
  EXPECT_THAT(body, HasSubstr(R"("stop":["\n"])"));
}

TEST_F(RemoteEngineTest, RefusalsSayWhatToDo) {
  struct Row {
    int status;
    std::string body;
    ErrorCode code;
    std::string says;
  };
  const Row rows[] = {{400, R"({"error":{"message":"too hot","type":"invalid_request_error"}})", ErrorCode::kInvalidArgument, "The engine far refused the request (400): too hot"},
                      {401, R"({"error":{"message":"bad key"}})", ErrorCode::kUnavailable, "The key of the engine far was refused (401): bad key"},
                      {404, R"({"detail":"Not Found"})", ErrorCode::kNotFound, "Not Found; check its address and model"},
                      {429, "slow down", ErrorCode::kResourceExhausted, "try again after 7 s"},
                      {500, "<html>", ErrorCode::kUnavailable, "The engine far failed (500)"}};
  const auto engine = connect();
  for (const auto& row : rows) {
    peer.status = row.status;
    peer.fault = row.body;
    const auto answer = chat(*engine);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, row.code) << row.status;
    EXPECT_THAT(answer.error().message, HasSubstr(row.says));
    EXPECT_THAT(answer.error().message, ::testing::Not(HasSubstr("sk-secret")));
  }
  for (const auto* body : {R"({"error":{"message":"too long","type":"exceed_context_size_error"}})", R"({"error":{"message":"too long","code":"context_length_exceeded"}})",
                           R"({"message":"This model's maximum context length is 4096 tokens"})"}) {
    peer.status = 400;
    peer.fault = body;
    EXPECT_EQ(chat(*engine).error().reason, "context_length_exceeded") << body;
  }
}

TEST_F(RemoteEngineTest, AnswersThatGoWrongInTheMiddleNameTheEngine) {
  const auto engine = connect();
  const auto first = event(R"({"choices":[{"delta":{"content":"half"}}]})");
  peer.pieces = {first};
  peer.end = End::kCut;
  EXPECT_THAT(chat(*engine).error().message, HasSubstr("The engine far ended the connection in the middle of its answer"));
  peer.end = End::kProper;
  EXPECT_THAT(chat(*engine).error().message, HasSubstr("the answer has no end"));
  peer.end = End::kSilence;
  const auto silent = chat(*engine);
  EXPECT_EQ(silent.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(silent.error().message, HasSubstr("fell silent in the middle"));
  peer.pieces = {first, event("{\"choices\":7}")};
  EXPECT_THAT(chat(*engine).error().message, HasSubstr("not an OpenAI-compatible answer"));
  peer.pieces = {first, event(R"({"error":{"message":"out of memory"}})")};
  EXPECT_THAT(chat(*engine).error().message, HasSubstr("failed in the middle of its answer: out of memory"));
  peer.pieces = {"data: " + std::string(9UL << 20, 'x')};
  EXPECT_EQ(chat(*engine).error().code, ErrorCode::kUnavailable);
}

TEST_F(RemoteEngineTest, LeavingTheAnswerClosesTheConnection) {
  peer.pieces = {event(R"({"choices":[{"delta":{"content":"a"}}]})")};
  peer.end = End::kSilence;
  const auto engine = connect();
  {
    const auto stream = engine->generate(question()).value();
    std::promise<void> first;
    stream->pull([&](Result<std::optional<Event>> got) { EXPECT_TRUE(got.has_value()); first.set_value(); });
    first.get_future().wait();
    EXPECT_EQ(engine->health().stats.active_sequences, 1);
  }
  for (int i = 0; i < 2000 && !peer.left; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(peer.left);
  EXPECT_EQ(engine->health().stats.active_sequences, 0);
}

TEST_F(RemoteEngineTest, AnEngineThatIsDownSaysSoAndIsUsedAgainWhenItIsBack) {
  const auto engine = connect();
  EXPECT_EQ(engine->health().state, EngineState::kReady);
  server.reset();
  const auto gone = chat(*engine);
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(gone.error().message, HasSubstr("The engine far is down: Cannot reach http://127.0.0.1"));
  for (int i = 0; i < 2000 && engine->health().state != EngineState::kFailed; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_THAT(engine->health().message, HasSubstr("is down"));
  EXPECT_THAT(chat(*engine).error().message, HasSubstr("is down"));
  peer.pieces = {event(R"({"choices":[{"delta":{"content":"back"},"finish_reason":"stop"}]})"), event("[DONE]")};
  listen();
  for (int i = 0; i < 2000 && engine->health().state != EngineState::kReady; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(chat(*engine).value().content, "back");
}

TEST_F(RemoteEngineTest, PromptsAreCountedWhereTheServerOffersIt) {
  EXPECT_EQ(connect()->count_prompt_tokens(question()).error().code, ErrorCode::kUnsupported);
  peer.models = R"({"data":[{"id":"m","owned_by":"vllm","max_model_len":99}]})";
  peer.fault = R"({"count":3,"max_model_len":99,"tokens":[1,2,3]})";
  const auto engine = connect();
  EXPECT_EQ(engine->count_prompt_tokens(question()).value(), 3);
  EXPECT_EQ(peer.path, "/tokenize");
  EXPECT_EQ(peer.body, R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})");
  EXPECT_EQ(engine->tokenize("a b c").value(), (std::vector<Token>{1, 2, 3}));
  peer.status = 404;  // a gateway that hands on the API only
  EXPECT_EQ(engine->count_prompt_tokens(question()).error().code, ErrorCode::kUnsupported);
}

TEST_F(RemoteEngineTest, VectorsAreBatchedOrderedAndOfLengthOne) {
  const auto engine = connect();
  peer.fault = R"({"data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":[3,4]}],"usage":{"prompt_tokens":5}})";
  const auto two = engine->embed({.texts = {"a", "b"}, .tokens = {}}).value();
  EXPECT_THAT(two.vectors[0], ::testing::Pointwise(::testing::FloatEq(), std::vector<float>{0.6F, 0.8F}));
  EXPECT_EQ(two.vectors[1], (std::vector<float>{0, 1}));
  EXPECT_EQ(two.prompt_tokens, 5);
  EXPECT_EQ(peer.body, R"({"model":"qwen","input":["a","b"],"encoding_format":"float"})");
  EXPECT_EQ(engine->info().embedding_dimensions, 2);
  EXPECT_THAT(engine->embed({.texts = {"a"}, .tokens = {}}).error().message, HasSubstr("2 vectors for 1 texts"));
  peer.requests = 0;
  (void)engine->embed({.texts = std::vector<std::string>(65, "a"), .tokens = {}});
  EXPECT_EQ(peer.requests, 1);  // 64 of them, whose answer does not fit: the rest is not sent
}

TEST(EngineUrl, TakesPlainHttpAddressesOnly) {
  EXPECT_EQ(parse_engine_url("https://api.example.com/v1/").value(), "https://api.example.com/v1");
  for (const auto* wrong : {"", "ftp://h", "h:8000", "http://", "http://:80", "http://u:p@h/v1", "http://h/v1?k=1", "http://h/#x", "http://h /v1", "file:///etc/passwd"})
    EXPECT_THAT(parse_engine_url(wrong).error().message, HasSubstr("give the address")) << wrong;
}

}  // namespace
}  // namespace siyu::engine
