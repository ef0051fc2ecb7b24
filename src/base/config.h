// One typed configuration: defaults < file < environment (SIYU_SERVER_LISTEN …) < flags. Unknown keys are errors.
// A key is its path through these structs: `server.listen`, `worker.threads`. docs/configuration.md lists them.
#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace siyu {

struct ServerConfig {
  std::string listen = "127.0.0.1:8080";  ///< HOST:PORT; port 0 takes a free one
  std::string grpc_listen;                ///< HOST:PORT of the gRPC twin; empty: none
  bool insecure_http = false;             ///< plain HTTP; allowed on loopback only
  std::string hostnames;                  ///< extra names for the self-signed certificate, comma separated
  std::string certificate;                ///< PEM chain; empty: self-signed, made on first start
  std::string private_key;                ///< PEM
  std::uint32_t handler_threads = 8;      ///< threads that run handlers; more than this many requests wait
  std::uint32_t queue = 256;              ///< requests that may wait for a thread before 503
  std::uint32_t max_connections = 8192;
  std::uint32_t idle_seconds = 120;       ///< a kept-alive connection without a request is closed after this
  std::uint32_t stalled_client_seconds = 30;  ///< a client that stops reading its answer is dropped after this
  std::uint32_t drain_seconds = 20;       ///< on SIGTERM, running requests may take this long to finish
};
BOOST_DESCRIBE_STRUCT(ServerConfig, (), (listen, grpc_listen, insecure_http, hostnames, certificate, private_key, handler_threads, queue,
                                         max_connections, idle_seconds, stalled_client_seconds, drain_seconds))

struct WorkerConfig {
  std::uint32_t threads = 0;            ///< CPU threads per model; 0: the machine's cores
  std::uint32_t context_length = 8192;  ///< tokens per sequence at most; a model trained for less gets less
  std::uint32_t sequences = 16;         ///< requests decoded together per model
  std::uint32_t load_seconds = 600;     ///< a model not ready after this is a failed load
  std::uint32_t request_seconds = 600;  ///< one generation may take this long
  std::uint64_t memory_bytes = 0;       ///< for all local models together; 0: four fifths of what the machine, or its control group, and its cards have
  bool accelerators = true;             ///< compute on the machine's cards, where the worker was built for them
};
BOOST_DESCRIBE_STRUCT(WorkerConfig, (), (threads, context_length, sequences, load_seconds, request_seconds, memory_bytes, accelerators))

/// Engines elsewhere, reached by HTTP(S).
struct EngineConfig {
  std::uint32_t idle_seconds = 300;  ///< an answer on which nothing arrives for so long is given up; a long prompt takes its time
  std::string ca_file;               ///< PEM of the authority of the engines' certificates; empty: the system's
};
BOOST_DESCRIBE_STRUCT(EngineConfig, (), (idle_seconds, ca_file))

struct ParserConfig {
  std::uint32_t seconds = 120;              ///< one document may take this long
  std::uint64_t memory_bytes = 1ULL << 30;  ///< and this much memory
};
BOOST_DESCRIBE_STRUCT(ParserConfig, (), (seconds, memory_bytes))

struct KnowledgeConfig {
  std::uint32_t ingest_threads = 2;  ///< documents read at once, each in a process of its own
  std::uint32_t passages = 5;  ///< passages given to the model for an answer
};
BOOST_DESCRIBE_STRUCT(KnowledgeConfig, (), (ingest_threads, passages))

struct PullConfig {
  std::uint32_t stall_seconds = 60;     ///< a connection to a hub on which nothing arrives for so long is dropped and tried again
  std::uint32_t give_up_seconds = 600;  ///< a download that gains nothing for so long has failed; what has arrived is kept
};
BOOST_DESCRIBE_STRUCT(PullConfig, (), (stall_seconds, give_up_seconds))

/// What calls cost and when budgets begin anew.
struct MeterConfig {
  std::string currency = "CNY";       ///< of prices and budgets
  std::string day_offset = "+00:00";  ///< difference from UTC: when days and months begin
};
BOOST_DESCRIBE_STRUCT(MeterConfig, (), (currency, day_offset))

/// Answers that are kept and given again.
struct CacheConfig {
  std::string exact;     ///< models whose repeatable answers are kept: names, comma separated, or *
  std::string semantic;  ///< models where a question in other words gets a kept answer too; needs an embedding model
  std::uint32_t similarity_percent = 95;  ///< how near such questions are at least (cosine)
  bool semantic_shared = false;           ///< also between users: a question may hold what its asker alone should read again
  std::uint32_t seconds = 3600;           ///< an answer is given for so long
  std::uint64_t bytes = 64ULL << 20;      ///< of memory for answers; 0 without Redis: none are kept, whatever requests ask
  std::string redis;               ///< redis://HOST:PORT/DATABASE, rediss:// for TLS, or unix:///PATH: keeps them there instead
  std::string redis_password_file;
  std::string redis_ca_file;       ///< PEM of the authority of its certificate; empty: the system's
};
BOOST_DESCRIBE_STRUCT(CacheConfig, (), (exact, semantic, similarity_percent, semantic_shared, seconds, bytes, redis, redis_password_file, redis_ca_file))

struct LogConfig {
  std::string level = "info";  ///< debug, info, warn, error
  std::string file;            ///< empty: standard error
};
BOOST_DESCRIBE_STRUCT(LogConfig, (), (level, file))

struct Config {
  std::string data;  ///< the data folder
  ServerConfig server;
  WorkerConfig worker;
  EngineConfig engine;
  ParserConfig parser;
  KnowledgeConfig knowledge;
  PullConfig pull;
  MeterConfig meter;
  CacheConfig cache;
  LogConfig log;
};
BOOST_DESCRIBE_STRUCT(Config, (), (data, server, worker, engine, parser, knowledge, pull, meter, cache, log))

struct ConfigSources {
  std::string file;  ///< empty: none
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::vector<std::pair<std::string, std::string>> flags;  ///< key path, value
};

/// Reads all sources; errors name the key, its place and the nearest known key.
Result<Config> load_config(const ConfigSources& sources);
/// Every key with its value, as YAML that load_config reads back.
std::string print_config(const Config& config);
/// Every key path, in order; a golden list for documentation and tests.
std::vector<std::string> config_keys();

}  // namespace siyu
