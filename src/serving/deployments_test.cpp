// What deployments do over time, with engines that do as they are told and a clock that stands still.
#include "serving/deployments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "models/gguf_fixture.h"
#include "policy/room_fixture.h"
#include "serving/fake_engine.h"

namespace siyu::serving {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;

constexpr std::uint64_t kModelBytes = 100;

class DeploymentsTest : public RoomTest {
 protected:
  DeploymentsTest() : RoomTest({models::migrations(), serving::migrations()}) {}
  void SetUp() override {
    library = models::ModelLibrary::open(*db, dir / "models", clock).value();
    remotes = RemoteEngines::open(*db, dir / "secrets", clock).value();
    for (const auto* name : {"a", "b", "c"}) {
      std::ofstream(dir / "upload", std::ios::binary) << models::small_model();
      ASSERT_TRUE(library->import_file(*pass, name, dir / "upload", name, {}).has_value());
    }
    open();
  }
  /// As at the start of the server.
  void open() {
    deployments.reset();
    engines.clear();
    deployments = Deployments::open({.library = *library, .remotes = *remotes, .db = *db, .policy = *policy,
                                     .start = [this](const WorkerPlan& plan) -> Result<std::unique_ptr<engine::Engine>> {
                                       auto engine = std::make_shared<FakeEngine>(first_state);
                                       engines[plan.model.name].push_back(engine);
                                       return std::make_unique<Borrowed>(std::move(engine));
                                     },
                                     .connect = [](const RemoteRecord&, Sensitive<std::string>) { return std::make_unique<FakeEngine>(); },
                                     .predict = [](const WorkerPlan& plan) -> Result<MemoryNeed> {
                                       return MemoryNeed{.file = plan.model.name, .weights = kModelBytes, .own = 0};
                                     },
                                     .clock = manual, .log = *logger, .memory_bytes = budget})
                      .value();
  }
  /// The test keeps its hands on an engine that a replica owns.
  class Borrowed final : public engine::Engine {
   public:
    explicit Borrowed(std::shared_ptr<FakeEngine> engine) : engine_(std::move(engine)) {}
    Result<std::unique_ptr<engine::GenerationStream>> generate(engine::GenerateRequest request) override { return engine_->generate(std::move(request)); }
    Result<engine::EmbedResult> embed(const engine::EmbedRequest& request) override { return engine_->embed(request); }
    Result<engine::RerankResult> rerank(const engine::RerankRequest& request) override { return engine_->rerank(request); }
    Result<std::vector<engine::Token>> tokenize(const std::string& text) override { return engine_->tokenize(text); }
    Result<std::int32_t> count_prompt_tokens(const engine::GenerateRequest& request) override { return engine_->count_prompt_tokens(request); }
    engine::ModelInfo info() const override { return engine_->info(); }
    engine::EngineHealth health() const override { return engine_->health(); }

   private:
    const std::shared_ptr<FakeEngine> engine_;
  };

  Status create(const std::string& name, const std::string& model, std::int32_t replicas = 1, std::vector<std::string>* evicted = nullptr) {
    return deployments->create(*pass, {.name = name, .versions = {{.version = "v1", .model = model, .replicas = replicas, .weight = 100}}}, evicted);
  }
  Status add(const std::string& name, const std::string& version, const std::string& model) { return deployments->add_version(*pass, name, {.version = version, .model = model}); }
  DeploymentView view(const std::string& name = "chat") { return deployments->get(*pass, name).value(); }
  std::map<std::string, double> traffic() { return view().spec.traffic(); }
  std::vector<std::string> kinds(const std::string& name = "chat") {
    std::vector<std::string> kinds;
    for (const auto& event : deployments->events(*pass, name, 1000, 0).value()) kinds.insert(kinds.begin(), event.kind);
    return kinds;
  }
  std::size_t replicas(const std::string& version) {
    for (const auto& one : view().versions)
      if (one.spec.version == version) return static_cast<std::size_t>(std::ranges::count_if(one.replicas, [](const auto& replica) { return replica.state != ReplicaState::kDraining; }));
    return 0;
  }
  /// One request; true when it was answered.
  bool ask(const std::string& text, const std::string& name = "chat") {
    engine::GenerateRequest request;
    request.messages.push_back({.role = engine::Role::kUser, .content = text});
    auto stream = deployments->served()->at(name).engine->generate(std::move(request));
    if (!stream) return false;
    bool answered = false, waiting = true;
    std::function<void()> pull = [&] {
      (*stream)->pull([&](Result<std::optional<engine::Event>> event) {
        waiting = event && *event;
        answered = event.has_value();
        if (waiting) pull();
      });
    };
    pull();
    for (int i = 0; waiting && i < 10; ++i) {
      deployments->tick();
      deployments->pump();
    }
    stream->reset();  // a pull that is still open is answered now, while what it writes to is there
    return answered;
  }
  void import_adapter(const std::string& name, std::string_view architecture = "llama") {
    std::ofstream(dir / "upload", std::ios::binary) << models::small_adapter(architecture);
    ASSERT_TRUE(library->import_file(*pass, name, dir / "upload", name, {}).has_value());
  }
  static VersionSpec adapted(const std::string& version, const std::string& model, std::vector<std::string> adapters) {
    return {.version = version, .model = model, .options = {.adapters = std::move(adapters)}};
  }
  std::vector<std::string> served_names() const {
    std::vector<std::string> names;
    for (const auto& [name, one] : *deployments->served()) names.push_back(name);
    return names;
  }
  void answer_all(const std::string& model) {
    for (const auto& engine : engines[model]) engine->answer_all();
  }

  ManualClock manual;
  engine::EngineState first_state = engine::EngineState::kReady;
  std::uint64_t budget = 1000;
  std::map<std::string, std::vector<std::shared_ptr<FakeEngine>>> engines;
  std::unique_ptr<models::ModelLibrary> library;
  std::unique_ptr<RemoteEngines> remotes;
  std::unique_ptr<Deployments> deployments;
};

TEST_F(DeploymentsTest, StartsReplicasAndSaysWhenTheyAreReady) {
  first_state = engine::EngineState::kStarting;
  ASSERT_TRUE(create("chat", "a", 2).has_value());
  EXPECT_EQ(engines["a"].size(), 2U);
  EXPECT_EQ(view().state, DeploymentState::kStarting);
  engines["a"][0]->set_state(engine::EngineState::kReady);
  deployments->tick();
  EXPECT_EQ(view().state, DeploymentState::kPartial);
  engines["a"][1]->set_state(engine::EngineState::kReady);
  deployments->tick();
  EXPECT_EQ(view().state, DeploymentState::kReady);
  EXPECT_THAT(kinds(), ElementsAre("created", "replica_ready", "replica_ready"));
}

TEST_F(DeploymentsTest, AdaptersAreServedUnderNamesOfTheirOwnByTheVersionsThatHaveThem) {
  import_adapter("poet");
  import_adapter("sage");
  ASSERT_TRUE(deployments->create(*pass, {.name = "chat", .versions = {adapted("v1", "a", {"poet"})}}));
  ASSERT_TRUE(deployments->add_version(*pass, "chat", adapted("v2", "b", {"poet", "sage"})));
  EXPECT_THAT(served_names(), ElementsAre("chat", "chat:poet"));  // v2 gets no requests
  ASSERT_TRUE(deployments->set_traffic(*pass, "chat", {{"v1", 50}, {"v2", 50}}, {}));
  EXPECT_THAT(served_names(), ElementsAre("chat", "chat:poet", "chat:sage"));
  answer_all("a");
  answer_all("b");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(ask("question " + std::to_string(i), "chat:sage"));
  EXPECT_TRUE(engines["a"][0]->generations().empty());
  ASSERT_EQ(engines["b"][0]->generations().size(), 20U);
  EXPECT_EQ(engines["b"][0]->generations()[0]->request.adapter, "sage");
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(ask("question " + std::to_string(i), "chat:poet"));
  EXPECT_GT(engines["a"][0]->generations().size(), 5U);
  EXPECT_GT(engines["b"][0]->generations().size(), 25U);
  EXPECT_NE(deployments->served()->at("chat:poet").sha256, deployments->served()->at("chat").sha256);
  EXPECT_TRUE(deployments->uses_model("sage"));
  open();  // the spec of the rows is read again
  EXPECT_THAT(served_names(), ElementsAre("chat", "chat:poet", "chat:sage"));
}

TEST_F(DeploymentsTest, AdaptersThatCannotBeServedAreRefusedWithTheReason) {
  import_adapter("poet");
  import_adapter("stranger", "qwen2");
  const auto refusal = [&](DeploymentSpec spec) {
    const auto made = deployments->create(*pass, std::move(spec));
    return made ? std::string("created") : made.error().message;
  };
  EXPECT_THAT(refusal({.name = "chat", .versions = {{.version = "v1", .model = "poet"}}}), testing::HasSubstr("--adapter poet"));
  EXPECT_THAT(refusal({.name = "chat", .versions = {adapted("v1", "a", {"b"})}}), testing::HasSubstr("not an adapter"));
  EXPECT_THAT(refusal({.name = "chat", .versions = {adapted("v1", "a", {"stranger"})}}), testing::HasSubstr("made for a qwen2 model"));
  EXPECT_THAT(refusal({.name = "chat", .versions = {adapted("v1", "a", {"poet", "poet"})}}), testing::HasSubstr("named twice"));
  EXPECT_THAT(refusal({.name = std::string(126, 'x'), .versions = {adapted("v1", "a", {"poet"})}}), testing::HasSubstr("shorter"));
  ASSERT_TRUE(deployments->create(*pass, {.name = "chat", .versions = {adapted("v1", "a", {"poet"})}}));
  EXPECT_THAT(refusal({.name = "chat:poet", .versions = {{.version = "v1", .model = "b"}}}), testing::HasSubstr("served already, by chat"));
}

TEST_F(DeploymentsTest, AFailedReplicaIsReplacedLaterAndLater) {
  ASSERT_TRUE(create("chat", "a").has_value());
  first_state = engine::EngineState::kFailed;
  engines["a"].back()->set_state(engine::EngineState::kFailed);
  deployments->tick();
  EXPECT_EQ(view().state, DeploymentState::kFailed);
  manual.advance(999ms);
  deployments->tick();
  EXPECT_EQ(engines["a"].size(), 1U);
  manual.advance(1ms);
  deployments->tick();
  EXPECT_EQ(engines["a"].size(), 2U);
  std::size_t starts = 0;
  for (int second = 0; second < 300; ++second) {
    manual.advance(1s);
    deployments->tick();
    starts = engines["a"].size();
  }
  EXPECT_GT(starts, 6U);
  EXPECT_LT(starts, 14U);
}

TEST_F(DeploymentsTest, ANewVersionIsReadyBeforeTheOldOneGoes) {
  ASSERT_TRUE(create("chat", "a").has_value());
  deployments->tick();
  answer_all("a");
  first_state = engine::EngineState::kStarting;
  ASSERT_TRUE(add("chat", "v2", "b").has_value());
  EXPECT_TRUE(engines["b"].empty()) << "it gets no requests, so it costs nothing";
  ASSERT_TRUE(deployments->promote(*pass, "chat", "v2").has_value());
  EXPECT_EQ(replicas("v1"), 1U);
  EXPECT_TRUE(ask("before")) << "the old one answers";
  engines["b"][0]->set_state(engine::EngineState::kReady);
  answer_all("b");
  deployments->tick();
  deployments->tick();
  EXPECT_EQ(replicas("v1"), 0U);
  EXPECT_TRUE(ask("after"));
  EXPECT_EQ(engines["b"][0]->generations().size(), 1U);
}

TEST_F(DeploymentsTest, AGoodVersionIsReleasedStepByStep) {
  ASSERT_TRUE(create("chat", "a").has_value());
  ASSERT_TRUE(add("chat", "v2", "b").has_value());
  ASSERT_TRUE(deployments->release(*pass, "chat", {.to = "v2", .steps = {10, 100}, .step_seconds = 60, .min_requests = 5}).has_value());
  EXPECT_EQ(traffic(), (std::map<std::string, double>{{"v1", 100}, {"v2", 0}}));
  deployments->tick();
  EXPECT_EQ(traffic(), (std::map<std::string, double>{{"v1", 90}, {"v2", 10}}));
  answer_all("a");
  answer_all("b");
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(ask("q" + std::to_string(i)));
  deployments->tick();
  EXPECT_EQ(traffic().at("v2"), 10) << "the step lasts a minute";
  manual.advance(61s);
  deployments->tick();
  EXPECT_EQ(traffic(), (std::map<std::string, double>{{"v1", 0}, {"v2", 100}}));
  EXPECT_FALSE(view().spec.release);
  EXPECT_THAT(kinds(), testing::IsSupersetOf({"release_started", "release_step", "release_finished"}));
  ASSERT_TRUE(deployments->rollback(*pass, "chat").has_value());
  EXPECT_EQ(traffic(), (std::map<std::string, double>{{"v1", 100}, {"v2", 0}}));
}

TEST_F(DeploymentsTest, ABadVersionIsRolledBackAndItsReplicasGo) {
  ASSERT_TRUE(create("chat", "a").has_value());
  ASSERT_TRUE(add("chat", "v2", "b").has_value());
  ASSERT_TRUE(deployments->release(*pass, "chat", {.to = "v2", .min_requests = 5}).has_value());
  deployments->tick();
  answer_all("a");
  engines["b"][0]->refuse(Error{ErrorCode::kInternal, "bad build"});
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(ask("q" + std::to_string(i))) << i;
  EXPECT_EQ(traffic(), (std::map<std::string, double>{{"v1", 100}, {"v2", 0}}));
  EXPECT_TRUE(view().spec.find("v2")->rejected);
  deployments->tick();
  EXPECT_EQ(replicas("v2"), 0U);
  EXPECT_THAT(kinds(), Contains("rolled_back"));
}

TEST_F(DeploymentsTest, AVersionWhoseReplicasDoNotStartIsRolledBack) {
  ASSERT_TRUE(create("chat", "a").has_value());
  ASSERT_TRUE(add("chat", "v2", "b").has_value());
  first_state = engine::EngineState::kFailed;
  ASSERT_TRUE(deployments->release(*pass, "chat", {.to = "v2"}).has_value());
  for (int i = 0; i < 10; ++i) {
    deployments->tick();
    manual.advance(1s);
  }
  EXPECT_THAT(kinds(), Contains("rolled_back"));
  EXPECT_EQ(traffic().at("v1"), 100);
}

TEST_F(DeploymentsTest, AReleaseGoesOnAfterARestart) {
  ASSERT_TRUE(create("chat", "a").has_value());
  ASSERT_TRUE(add("chat", "v2", "b").has_value());
  ASSERT_TRUE(deployments->release(*pass, "chat", {.to = "v2", .steps = {10, 100}, .step_seconds = 1, .min_requests = 1}).has_value());
  deployments->tick();
  open();
  deployments->tick();
  EXPECT_EQ(traffic().at("v2"), 10);
  answer_all("a");
  answer_all("b");
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(ask("q" + std::to_string(i)));
  manual.advance(2s);
  deployments->tick();
  EXPECT_EQ(traffic().at("v2"), 100);
}

TEST_F(DeploymentsTest, TheLongestIdleModelMakesRoomAndWakesWhenItIsAsked) {
  budget = 2 * kModelBytes;
  open();
  ASSERT_TRUE(create("one", "a").has_value());
  manual.advance(1s);
  ASSERT_TRUE(create("two", "b").has_value());
  manual.advance(1s);
  answer_all("a");
  EXPECT_TRUE(ask("still used", "one"));
  manual.advance(1s);
  std::vector<std::string> evicted;
  ASSERT_TRUE(create("three", "c", 1, &evicted).has_value());
  EXPECT_THAT(evicted, ElementsAre("two"));
  EXPECT_EQ(view("two").state, DeploymentState::kAsleep);
  EXPECT_EQ(deployments->memory().used, 2 * kModelBytes);
  manual.advance(1s);
  EXPECT_FALSE(ask("nobody answers for it yet", "two")) << "its new engine has not been told to answer";
  EXPECT_EQ(view("two").state, DeploymentState::kReady);
  EXPECT_EQ(view("one").state, DeploymentState::kAsleep);
  EXPECT_EQ(deployments->memory().used, 2 * kModelBytes);
}

TEST_F(DeploymentsTest, WhatAnswersOrIsPinnedStays) {
  budget = 2 * kModelBytes;
  open();
  ASSERT_TRUE(create("one", "a").has_value());
  ASSERT_TRUE(create("two", "b").has_value());
  ASSERT_TRUE(deployments->scale(*pass, "one", {.pinned = true}).has_value());
  engine::GenerateRequest request;
  request.messages.push_back({.role = engine::Role::kUser, .content = "Hi"});
  auto stream = deployments->served()->at("two").engine->generate(std::move(request));
  ASSERT_TRUE(stream.has_value());
  const auto refused = create("three", "c");
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, testing::HasSubstr("answering or pinned"));
  stream->reset();
  EXPECT_TRUE(create("three", "c").has_value());
  EXPECT_EQ(view("one").state, DeploymentState::kReady);
}

TEST_F(DeploymentsTest, AnIdleDeploymentSleepsAndItsNextRequestWakesIt) {
  ASSERT_TRUE(deployments
                  ->create(*pass, {.name = "chat", .versions = {{.version = "v1", .model = "a", .weight = 100}}, .autoscale = AutoscaleSpec{.min = 0, .max = 1, .idle_seconds = 60}})
                  .has_value());
  deployments->tick();
  manual.advance(59s);
  deployments->tick();
  EXPECT_EQ(view().state, DeploymentState::kReady);
  manual.advance(2s);
  deployments->tick();
  deployments->tick();
  EXPECT_EQ(view().state, DeploymentState::kAsleep);
  EXPECT_EQ(deployments->memory().used, 0U);
  ask("wake up");
  EXPECT_EQ(engines["a"].size(), 2U);
  EXPECT_THAT(kinds(), testing::IsSupersetOf({"asleep", "woken"}));
}

TEST_F(DeploymentsTest, ModelsAndEnginesFromBeforeDeploymentsAreTakenOver) {
  ASSERT_TRUE(library->set_wanted(*pass, "a", true).has_value());
  ASSERT_TRUE(remotes->add(*pass, {.name = "far", .url = "http://127.0.0.1:1/v1"}, Sensitive<std::string>()).has_value());
  open();
  EXPECT_EQ(view("a").spec.origin, Origin::kModel);
  EXPECT_EQ(view("far").spec.origin, Origin::kEngine);
  ASSERT_TRUE(deployments->remove(*pass, "a").has_value());
  open();
  EXPECT_FALSE(deployments->get(*pass, "a").has_value()) << "it was taken over once";
}

TEST_F(DeploymentsTest, ScalingDownLetsAnswersUnderWayEnd) {
  ASSERT_TRUE(create("chat", "a", 2).has_value());
  deployments->tick();
  std::vector<std::unique_ptr<engine::GenerationStream>> streams;
  for (int i = 0; i < 20; ++i) {
    engine::GenerateRequest request;
    request.messages.push_back({.role = engine::Role::kUser, .content = "q" + std::to_string(i)});
    streams.push_back(deployments->served()->at("chat").engine->generate(std::move(request)).value());
  }
  ASSERT_TRUE(deployments->scale(*pass, "chat", {.replicas = 1}).has_value());
  deployments->tick();
  EXPECT_EQ(replicas("v1"), 1U);
  EXPECT_EQ(view().versions[0].replicas.size(), 2U) << "the other one drains";
  streams.clear();
  deployments->tick();
  EXPECT_EQ(view().versions[0].replicas.size(), 1U);
}

}  // namespace
}  // namespace siyu::serving
