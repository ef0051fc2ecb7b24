#include "server/wiring.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <charconv>
#include <thread>

#include "api/batch_lines.h"
#include "api/interrupted_responses.h"
#include "cli/environment.h"
#include "crypto/certificate.h"
#include "documents/sandboxed_parser.h"
#include "engine/local_worker.h"
#include "engine/remote_engine.h"
#include "rpc/server.h"
#include "sandbox/process.h"
#include "server/assets.h"
#include "server/host_embedder.h"
#include "store/full_text.h"

namespace siyu::server {
namespace {

constexpr std::uint64_t kEnoughToMeasure = 1ULL << 30;  // free memory below which its speed is left unknown

constexpr std::uint64_t kMaxPasswordFile = 4096;
constexpr auto kQuestionLimit = std::chrono::seconds(2);  // comparing a question must not take longer than this
constexpr auto kHealthyAfter = std::chrono::seconds(5);  // a worker that served so long and is then killed is no worker that cannot run

constexpr auto kFirstLook = std::chrono::seconds(3);  // adding an engine waits so long to say whether it answers

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

Result<Address> parse_listen(const std::string& listen, const std::string& key) {
  const auto colon = listen.rfind(':');
  Address address;
  if (colon != std::string::npos) {
    address.host = listen.substr(0, colon);
    if (address.host.starts_with('[') && address.host.ends_with(']')) address.host = address.host.substr(1, address.host.size() - 2);
    const auto [end, error] = std::from_chars(listen.data() + colon + 1, listen.data() + listen.size(), address.port);
    if (error == std::errc() && end == listen.data() + listen.size() && !address.host.empty()) return address;
  }
  return invalid("`" + key + "` must be HOST:PORT, such as 127.0.0.1:8080, not `" + listen + "`");
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

std::vector<std::string> certificate_hosts(const ServerConfig& config, const std::string& host) {
  std::vector<std::string> hosts{"localhost", "127.0.0.1", "::1"};
  char name[256] = "";
  if (::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0') hosts.emplace_back(name);
  if (host != "0.0.0.0" && host != "::") hosts.push_back(host);
  for (std::string_view rest = config.hostnames; !rest.empty();) {
    const auto comma = rest.find(',');
    if (const auto one = trim(rest.substr(0, comma)); !one.empty()) hosts.emplace_back(one);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return hosts;
}

Result<LogLevel> parse_level(const std::string& level) {
  if (level == "debug") return LogLevel::kDebug;
  if (level == "info") return LogLevel::kInfo;
  if (level == "warn") return LogLevel::kWarn;
  if (level == "error") return LogLevel::kError;
  return invalid("`log.level` must be debug, info, warn or error, not `" + level + "`");
}

class ProcessParser final : public knowledge::DocumentParser {
 public:
  explicit ProcessParser(const ParserConfig& config)
      : parser_(sandbox::sibling_program("siyu-parser"), {.time = std::chrono::seconds(config.seconds), .memory_bytes = config.memory_bytes}) {}
  documents::ParsedDocument parse(const std::filesystem::path& file, std::string_view name) override { return parser_.parse(file, name); }

 private:
  const documents::SandboxedParser parser_;
};

/// Only one server may use a data folder; the lock ends with the process, however it ends.
class DataLock {
 public:
  static Result<std::unique_ptr<DataLock>> take(const std::filesystem::path& dir) {
    const int fd = ::open((dir / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return fail(ErrorCode::kUnavailable, "The data folder " + dir.string() + " cannot be written; check its owner and permissions");
    std::unique_ptr<DataLock> lock(new DataLock(fd));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return fail(ErrorCode::kConflict, "Another server is using the data folder " + dir.string());
    return lock;
  }
  ~DataLock() { ::close(fd_); }
  DataLock(const DataLock&) = delete;
  DataLock& operator=(const DataLock&) = delete;

 private:
  explicit DataLock(int fd) : fd_(fd) {}
  int fd_;
};

std::vector<store::Migration> all_migrations() {
  std::vector<store::Migration> all;
  for (auto part : {identity::migrations(), models::migrations(), serving::migrations(), store::FullText::migrations(), knowledge::migrations(), chat::response_migrations(), batches::migrations()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

// Built top to bottom, torn down bottom to top: nothing outlives what it uses.
struct Machine::Parts {
  Config config;
  SystemClock clock;
  OsRandom random;
  std::filesystem::path data;
  std::unique_ptr<DataLock> lock;
  std::unique_ptr<Logger> log;
  std::unique_ptr<audit::AuditLog> audit;
  std::optional<policy::Policy> policy;
  std::unique_ptr<store::Database> db;
  std::unique_ptr<identity::Identity> identity;
  std::optional<store::BlobStore> blobs;
  std::unique_ptr<models::ModelLibrary> models;
  std::once_flag memory_measured;
  double memory_speed = 0;  // bytes a second
  std::unique_ptr<serving::Meter> meter;
  std::unique_ptr<serving::RemoteEngines> engines;
  net::EventLoop loop;
  std::optional<net::StreamClient> engine_client;
  std::unique_ptr<serving::Deployments> deployments;
  std::optional<serving::ModelHost> host;
  api::Metrics metrics;
  std::optional<serving::AnswerCache> answers;
  std::optional<serving::Gateway> gateway;
  std::optional<models::Pulls> pulls;
  std::optional<HostEmbedder> embedder;
  std::optional<knowledge::Vectors> vectors;
  std::optional<ProcessParser> parser;
  std::optional<knowledge::KnowledgeService> knowledge;
  std::optional<knowledge::Ingester> ingester;
  std::optional<chat::Chat> chat;
  std::optional<mcp::Endpoint> mcp;
  std::unique_ptr<chat::ResponseStore> response_store;
  std::optional<api::responses::Runs> response_runs;
  std::unique_ptr<batches::Files> files;
  std::unique_ptr<api::Planning> planning;
  std::optional<api::Services> services;
  std::optional<batches::Batches> batches;  // its lines use the services
  std::vector<api::Asset> console;
  std::optional<api::Dispatcher> dispatcher;
  std::optional<crypto::CertificateFiles> certificate;
  Address address;
  std::atomic<bool> ready = false;
  std::unique_ptr<net::Server> server;
  std::unique_ptr<rpc::Server> grpc;
  std::vector<chat::InterruptedResponse> interrupted;
  std::jthread resumer;

  Status prepare_folder() {
    std::error_code error;
    std::filesystem::create_directories(data, error);
    if (error) return fail(ErrorCode::kUnavailable, "The data folder " + data.string() + " cannot be made: " + error.message());
    std::filesystem::permissions(data, std::filesystem::perms::owner_all, error);
    ASSIGN_OR_RETURN(lock, DataLock::take(data));
    std::filesystem::remove_all(data / "tmp", error);
    std::filesystem::create_directories(data / "tmp", error);
    return {};
  }

  Status open_trust() {
    ASSIGN_OR_RETURN(audit, audit::AuditLog::open(data / "audit", clock, *log));
    policy.emplace(*audit);
    ASSIGN_OR_RETURN(db, store::Database::open({.file = data / "siyu.db"}));
    RETURN_IF_ERROR(store::migrate(*db, all_migrations()));
    ASSIGN_OR_RETURN(identity, identity::Identity::open(*db, clock, random));
    return identity->ensure_admin(data);
  }

  Status open_knowledge() {
    ASSIGN_OR_RETURN(auto opened, store::BlobStore::open(data / "blobs"));
    blobs.emplace(std::move(opened));
    embedder.emplace(*host);
    vectors.emplace(*db, *embedder, *log);
    knowledge.emplace(*db, *blobs, clock, random, &*vectors);
    parser.emplace(config.parser);
    ingester.emplace(*db, *blobs, *parser, clock, random, *log, &*vectors);
    chat.emplace(*knowledge, *gateway, config.knowledge.passages);
    ASSIGN_OR_RETURN(files, batches::Files::open(*db, data / "files", clock, random));
    batches.emplace(*db, *files, [this](const UserId& owner, const std::optional<ApiKeyId>& key) { return identity->principal_of(owner, key); },
                    [this](const Principal& owner, const std::string& endpoint, const std::string& body, std::stop_token stop) {
                      return api::execute_line(*services, owner, endpoint, body, std::move(stop));
                    },
                    clock, random, *log);
    ASSIGN_OR_RETURN(response_store, chat::ResponseStore::open(*db, clock));
    ASSIGN_OR_RETURN(interrupted, response_store->take_interrupted());  // before there are new ones
    response_runs.emplace(*response_store, metrics, clock, *log, std::chrono::seconds(config.worker.request_seconds));
    vectors->start();
    return ingester->start(config.knowledge.ingest_threads);
  }

  Result<std::unique_ptr<engine::Engine>> start_engine(const serving::WorkerPlan& plan) {
    const auto& [model, adapters, draft, options] = plan;
    const auto& defaults = config.worker;
    const auto as_int = [](std::uint32_t value) { return static_cast<std::int32_t>(value); };
    engine::LocalWorkerOptions worker{.program = engine::worker_program(defaults.accelerators), .model_file = models->file_of(model), .name = model.name, .load = {}};
    worker.load.context_tokens = options.context_length.value_or(as_int(defaults.context_length));
    worker.load.parallel = options.sequences.value_or(as_int(defaults.sequences));
    worker.load.threads = options.threads.value_or(as_int(defaults.threads));
    worker.load.kv_tokens = options.kv_tokens.value_or(0);
    worker.load.kv_type = options.kv_type.value_or("");
    ASSIGN_OR_RETURN(const auto need, predict_need(plan));
    worker.load.spill_bytes = static_cast<std::int64_t>(need.spill);
    for (const auto& adapter : adapters) worker.load.adapters.push_back({.name = adapter.name, .path = models->file_of(adapter).string()});
    if (draft) {
      worker.load.draft_path = models->file_of(*draft).string();
      worker.load.draft_name = draft->name;
    }
    worker.load.projector_path = models->projector_of(model);
    worker.load_timeout = std::chrono::seconds(defaults.load_seconds);
    worker.attempts = 1;  // its router sends what was not answered to another replica, or again
    worker.healthy_after = kHealthyAfter;
    ASSIGN_OR_RETURN(auto started, engine::LocalWorker::start(std::move(worker), clock, *log));
    return std::unique_ptr<engine::Engine>(std::move(started));
  }

  std::unique_ptr<engine::Engine> connect_engine(const serving::RemoteRecord& record, Sensitive<std::string> key) {
    return engine::RemoteEngine::connect({.name = record.name, .url = record.url, .model = record.model, .embeds = record.kind == serving::Kind::kEmbedding, .hears = record.kind == serving::Kind::kAudio, .ranks = record.kind == serving::Kind::kRerank,
                                          .api_key = std::move(key), .request_timeout = std::chrono::seconds(config.worker.request_seconds)},
                                         *engine_client, *log);
  }

  Status open_answers() {
    const auto& wanted = config.cache;
    std::unique_ptr<store::Cache> kept;
    if (!wanted.redis.empty()) {
      std::string password;
      if (!wanted.redis_password_file.empty()) {
        ASSIGN_OR_RETURN(password, store::read_file(wanted.redis_password_file, kMaxPasswordFile));
      }
      store::RedisOptions options{.address = wanted.redis, .password = Sensitive(std::string(trim(password))), .ca_file = wanted.redis_ca_file};
      ASSIGN_OR_RETURN(kept, store::redis_cache(std::move(options), clock, *log));
    } else if (wanted.bytes > 0) {
      kept = store::memory_cache(wanted.bytes, clock);
    }
    answers.emplace(wanted, std::move(kept), [this](const std::string& text) -> std::optional<std::vector<float>> {
      const auto served = host->route("", serving::Kind::kEmbedding);
      if (!served) return std::nullopt;
      auto result = served->engine->embed({.texts = {text}, .timeout = kQuestionLimit});
      return result && result->vectors.size() == 1 ? std::optional(std::move(result->vectors[0])) : std::nullopt;
    });
    return {};
  }

  /// What start_engine() would make of the model.
  Result<serving::MemoryNeed> predict_need(const serving::WorkerPlan& plan) const {
    const auto& [model, adapters, draft, options] = plan;
    ASSIGN_OR_RETURN(const auto header, models::read_whole_gguf(models->file_of(model)));
    serving::WorkerSizes sizes{.context_tokens = options.context_length.value_or(static_cast<std::int32_t>(config.worker.context_length)),
                               .kv_tokens = options.kv_tokens.value_or(0),
                               .parallel = options.sequences.value_or(static_cast<std::int32_t>(config.worker.sequences)),
                               .kv_type = options.kv_type.value_or(""),
                               .budget = memory_budget()};
    if (options.kv_spill_mb) sizes.spill_bytes = static_cast<std::uint64_t>(*options.kv_spill_mb) << 20;
    auto need = serving::predict_need(header, model.sha256, model.bytes, sizes);
    for (const auto& adapter : adapters) need.own += adapter.bytes;  // each worker has its copy
    if (draft) {
      ASSIGN_OR_RETURN(const auto draft_header, models::read_whole_gguf(models->file_of(*draft)));
      serving::add_draft(need, draft_header, draft->bytes, sizes);
    }
    if (model.projector) {
      ASSIGN_OR_RETURN(const auto projector, models::read_gguf(models->projector_of(model)));
      need.own += serving::predict_projector(projector, model.projector->bytes);
    }
    return need;
  }

  /// The cards that models are computed on.
  std::vector<models::Card> cards() const { return engine::worker_program(config.worker.accelerators) == engine::worker_program(false) ? std::vector<models::Card>() : models::read_cards(); }

  std::uint64_t memory_budget() const {
    if (config.worker.memory_bytes > 0) return config.worker.memory_bytes;
    auto bytes = models::read_machine().memory_bytes;
    for (const auto& card : cards()) bytes += card.memory_bytes;
    return bytes / 5 * 4;
  }

  Status open_deployments() {
    const auto start = [this](const serving::WorkerPlan& plan) { return start_engine(plan); };
    const auto connect = [this](const serving::RemoteRecord& record, Sensitive<std::string> key) { return connect_engine(record, std::move(key)); };
    const auto predict = [this](const serving::WorkerPlan& plan) { return predict_need(plan); };
    ASSIGN_OR_RETURN(deployments, serving::Deployments::open({.library = *models, .remotes = *engines, .db = *db, .policy = *policy, .start = start, .connect = connect, .predict = predict,
                                                              .clock = clock, .log = *log, .memory_bytes = memory_budget(), .drain = std::chrono::seconds(config.worker.request_seconds)}));
    deployments->run();
    return {};
  }

  Status open_models() {
    ASSIGN_OR_RETURN(models, models::ModelLibrary::open(*db, data / "models", clock));
    ASSIGN_OR_RETURN(engines, serving::RemoteEngines::open(*db, data / "secrets", clock));
    engine_client.emplace(net::ClientOptions{.ca_file = config.engine.ca_file}, std::chrono::seconds(config.engine.idle_seconds), &loop);
    const auto wait = [this](engine::Engine& engine) -> Status {
      if (auto* remote = dynamic_cast<engine::RemoteEngine*>(&engine)) remote->wait_first_look(kFirstLook);
      auto* worker = dynamic_cast<engine::LocalWorker*>(&engine);
      return worker == nullptr ? Status() : worker->wait_ready(std::chrono::seconds(config.worker.load_seconds));
    };
    RETURN_IF_ERROR(open_deployments());
    host.emplace(*models, *engines, *deployments, wait);
    ASSIGN_OR_RETURN(const auto offset, serving::parse_offset(config.meter.day_offset));
    ASSIGN_OR_RETURN(meter, serving::Meter::open(*db, {.dir = data / "meter", .offset_minutes = offset, .currency = config.meter.currency}, clock, *log));
    meter->start();
    RETURN_IF_ERROR(open_answers());
    gateway.emplace(*host, *meter, *answers, clock, &metrics);
    ASSIGN_OR_RETURN(auto hubs, models::hub_options(cli::environment));
    pulls.emplace(*db, *models, *policy,
                  models::PullOptions{.hubs = std::move(hubs), .stall = std::chrono::seconds(config.pull.stall_seconds),
                                      .limits = {.give_up = std::chrono::seconds(config.pull.give_up_seconds)}},
                  [this](const Pass& caller, const std::string& name) { return host->begin_load(caller, name); }, clock, random, *log);
    return pulls->start();
  }

  models::MachineFacts machine_facts() {
    auto facts = models::read_machine();
    std::call_once(memory_measured, [&] {
      if (facts.memory_available_bytes >= kEnoughToMeasure) memory_speed = models::measure_memory_speed(facts.cores);
    });
    facts.memory_bytes_per_second = memory_speed;
    facts.cards = cards();
    return facts;
  }

  Status listen() {
    net::ServerOptions options{.host = address.host, .port = address.port, .handler_threads = config.server.handler_threads, .queue = config.server.queue,
                               .max_connections = config.server.max_connections, .idle_timeout = std::chrono::seconds(config.server.idle_seconds),
                               .write_timeout = std::chrono::seconds(config.server.stalled_client_seconds), .spool_dir = data / "tmp", .loop = &loop};
    if (!config.server.insecure_http) {
      if (config.server.certificate.empty()) {
        ASSIGN_OR_RETURN(certificate, crypto::ensure_self_signed(data / "tls", certificate_hosts(config.server, address.host), clock, random));
      } else {
        certificate = crypto::CertificateFiles{.certificate = config.server.certificate, .private_key = config.server.private_key};
      }
      options.certificate_file = certificate->certificate;
      options.private_key_file = certificate->private_key;
    }
    mcp.emplace(mcp::Parts{.policy = *policy, .knowledge = *knowledge, .chat = *chat, .clock = clock, .random = random, .log = *log,
                           .answer_limit = std::chrono::seconds(config.worker.request_seconds),
                           .generated = [this](const std::string& model, const engine::Usage& usage, bool failed) { metrics.on_generation(model, usage, failed); },
                           .hosts = certificate_hosts(config.server, address.host)});
    ASSIGN_OR_RETURN(planning, api::Planning::open(data, sandbox::sibling_program("siyu-printer"), *log));
    services.emplace(api::Services{.config = config, .clock = clock, .log = *log, .audit = *audit, .policy = *policy, .identity = *identity,
                                   .knowledge = *knowledge, .ingester = *ingester, .models = *models, .pulls = *pulls,
                                   .machine = [this] { return machine_facts(); },
                                   .host = *host, .deployments = *deployments, .gateway = *gateway, .meter = *meter, .answers = *answers, .engines = *engines,
                                   .chat = *chat, .mcp = *mcp,
                                   .response_store = *response_store, .response_runs = *response_runs, .files = *files, .batches = *batches, .planning = *planning,
                                   .metrics = metrics,
                                   .spool_dir = data / "tmp", .started = clock.steady_now(),
                                   .server_stats = [this] { return server ? &server->stats() : nullptr; }, .ready = [this] { return ready.load(); }});
    console = console_assets();
    dispatcher.emplace(*services, console);
    ASSIGN_OR_RETURN(server, net::Server::start(options, *dispatcher, random, *log));
    return config.server.grpc_listen.empty() ? Status() : listen_grpc(options);
  }

  Status listen_grpc(const net::ServerOptions& http) {
    ASSIGN_OR_RETURN(const auto own, parse_listen(config.server.grpc_listen, "server.grpc_listen"));
    if (config.server.insecure_http && !is_loopback(own.host)) return invalid("gRPC without TLS is allowed on a loopback address only; leave out --insecure-http");
    rpc::Parts parts{.identity = *identity, .policy = *policy, .knowledge = *knowledge, .gateway = *gateway, .chat = *chat, .clock = clock, .random = random, .log = *log,
                     .answer_limit = std::chrono::seconds(config.worker.request_seconds),
                     .generated = [this](const std::string& model, const engine::Usage& usage, bool failed) { metrics.on_generation(model, usage, failed); },
                     .embedded = [this](const std::string& model, std::int32_t tokens) { metrics.on_embedding(model, tokens); },
                     .called = [this](std::string_view method, int status, double seconds) { metrics.on_rpc(method, status, seconds); }};
    ASSIGN_OR_RETURN(grpc, rpc::Server::start({.address = config.server.grpc_listen, .certificate_file = http.certificate_file, .private_key_file = http.private_key_file,
                                               .threads = http.handler_threads, .queue = http.queue, .max_calls = http.max_connections,
                                               .idle = std::chrono::seconds(config.server.idle_seconds)},
                                              std::move(parts)));
    const auto shown = own.host.find(':') == std::string::npos ? own.host : "[" + own.host + "]";
    log->info("grpc_ready", {{"address", shown + ":" + std::to_string(grpc->port())}});
    return {};
  }
};

Machine::Machine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Machine::~Machine() { drain(); }

Result<std::unique_ptr<Machine>> Machine::start(const Config& config) {
  rpc::require_tls13();
  auto parts = std::make_unique<Parts>();
  parts->config = config;
  parts->data = std::filesystem::absolute(config.data);  // workers run in another folder
  ASSIGN_OR_RETURN(parts->address, parse_listen(config.server.listen, "server.listen"));
  if (config.server.insecure_http && !is_loopback(parts->address.host))
    return invalid("Plain HTTP is allowed on a loopback address only; leave out --insecure-http, or listen on 127.0.0.1");
  ASSIGN_OR_RETURN(const auto level, parse_level(config.log.level));
  ASSIGN_OR_RETURN(parts->log, Logger::open({.level = level, .file = config.log.file}));
  RETURN_IF_ERROR(parts->prepare_folder());
  RETURN_IF_ERROR(parts->open_trust());
  RETURN_IF_ERROR(parts->open_models());
  RETURN_IF_ERROR(parts->open_knowledge());
  RETURN_IF_ERROR(parts->listen());
  RETURN_IF_ERROR(parts->batches->start());  // their lines go through what has just been built
  RETURN_IF_ERROR(parts->policy->record("system", {.action = "server.start", .resource = "server", .request = ""}, "done"));
  parts->resumer = std::jthread([all = parts.get()](const std::stop_token& stop) { api::begin_again(*all->services, all->interrupted, stop); });
  parts->ready = true;
  std::unique_ptr<Machine> machine(new Machine(std::move(parts)));
  machine->log().info("server_ready", {{"url", machine->url()}, {"version", SIYU_VERSION}});
  return machine;
}

std::string Machine::url() const {
  const auto& host = parts_->address.host;
  const auto shown = host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host.find(':') != std::string::npos ? "[" + host + "]" : host;
  return (parts_->config.server.insecure_http ? "http://" : "https://") + shown + ":" + std::to_string(parts_->server->port());
}

std::filesystem::path Machine::ca_file() const { return parts_->certificate ? parts_->certificate->certificate : std::filesystem::path(); }
Logger& Machine::log() { return *parts_->log; }

void Machine::drain() {
  if (!parts_->ready.exchange(false)) return;
  parts_->resumer.request_stop();
  const auto patience = std::chrono::seconds(parts_->config.server.drain_seconds);
  std::thread grpc([&] {
    if (parts_->grpc) parts_->grpc->drain(patience);
  });
  parts_->server->drain(patience);
  grpc.join();
  parts_->batches->stop();
  parts_->ingester->stop();
  parts_->vectors->stop();
  parts_->pulls->stop();
  parts_->meter->stop();
  (void)parts_->policy->record("system", {.action = "server.stop", .resource = "server", .request = ""}, "done");
  parts_->log->info("server_stopped");
}

}  // namespace siyu::server
