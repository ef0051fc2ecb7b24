// Who may call how much, and what every call used.
//
//   ASSIGN_OR_RETURN(auto hold, meter.hold(caller, {.model = "chat", .prompt = 40, .completion = 200}));
//   … the engine works; hold.progress(used) as its tokens go out …
//   hold.settle({.used = finish.usage});
//
// The rule of what is kept when: limits are checked and held in memory before the engine is asked; what goes out is counted in a
// file mapped into memory (call_table.h), which a SIGKILL does not touch; ended calls are written to the database within a
// second. After a kill the next start reads the table, so budgets are exact to the token; a power failure may lose the last
// second, in the caller's favour. A call that ends before its first token is not charged, whoever ended it.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/log.h"
#include "serving/account.h"
#include "serving/call_table.h"
#include "serving/limits.h"
#include "serving/usage.h"

namespace siyu::serving {

struct Caller {
  UserId user;
  ApiKeyId key;  ///< empty for a console session and for the server itself

  static Caller of(const Pass& pass) { return {pass.principal().user, pass.principal().key.value_or(ApiKeyId())}; }
};

/// What a call asks for.
struct CallDemand {
  std::string_view model;
  std::int64_t prompt = 0;      ///< tokens at most
  std::int64_t completion = 0;  ///< tokens at most
  std::int64_t context = std::numeric_limits<std::int64_t>::max();  ///< both together at most
  bool may_shrink = false;      ///< the caller named no number: an answer as long as the limits allow is right
};

class Meter;
struct LedgerEntry;

/// One call: what it holds of its caller's limits, until it is settled. Dropped unsettled, it is a failed call that used nothing.
/// progress() and settle() by one thread after the other.
class Hold {
 public:
  Hold(Hold&& other) noexcept;
  Hold& operator=(Hold&&) = delete;
  ~Hold();

  /// The tokens an answer may have; less than was asked when it could shrink.
  std::int64_t completion() const { return completion_; }
  /// So far; survives a SIGKILL.
  void progress(const engine::Usage& used) noexcept;
  /// Once; what follows does nothing.
  void settle(const CallTable::End& how);

 private:
  friend class Meter;
  Hold() = default;
  Meter* meter_ = nullptr;
  std::shared_ptr<LedgerEntry> user_, key_;  // shared with the meter, which may forget them meanwhile
  Held user_held_, key_held_;
  CallTable::Index slot_ = 0;
  Price price_;
  std::int64_t completion_ = 0;
};

/// The tighter of a key's and its user's per-minute limits.
struct CallerStanding {
  std::optional<Standing> requests, tokens;
};

struct MeterOptions {
  std::filesystem::path dir;          ///< the table of calls lies here
  std::int32_t offset_minutes = 0;    ///< from UTC: when days and months begin
  std::string currency = "CNY";
};

std::vector<store::Migration> meter_migrations();
/// "+08:00" → 480.
Result<std::int32_t> parse_offset(std::string_view text);

/// Thread-safe. Outlives its holds.
class Meter {
 public:
  /// Brings into the database what an earlier process left in its table.
  static Result<std::unique_ptr<Meter>> open(store::Database& db, MeterOptions options, const Clock& clock, Logger& log);
  ~Meter();

  /// Begins to write ended calls every second.
  void start();
  /// Writes the last ones. Calls that end later are written by the next start.
  void stop();

  /// kResourceExhausted with the limit, what is left, and when to come again; `refused_by` then says which limit it was.
  Result<Hold> hold(const Caller& caller, const CallDemand& demand, std::optional<LimitKind>* refused_by = nullptr);
  /// Whether hold() would find the caller's accounts in memory.
  bool knows(const Caller& caller) const;
  /// An answer from the cache: counted, and free.
  void record_cached(const Caller& caller, std::string_view model, const engine::Usage& saved);
  /// The priority a request gets: its own, as far as its caller may go; 0 means it named none.
  std::int32_t priority(const Caller& caller, std::int32_t wanted);
  CallerStanding standing(const Caller& caller);

  Result<std::vector<SubjectLimits>> limits(const Pass& pass);
  Status set_limits(const Pass& pass, const Subject& subject, const Limits& limits);
  Status remove_limits(const Pass& pass, const Subject& subject);
  Result<std::vector<ModelPrice>> prices(const Pass& pass);
  Status set_price(const Pass& pass, const ModelPrice& price);
  Status remove_price(const Pass& pass, const std::string& model);
  /// A deleted user or key: its limits go, its usage stays.
  Status forget(const Pass& pass, const Subject& subject);

  /// Up to this moment; calls under way are not in it.
  Result<std::vector<UsageRow>> usage(const Pass& pass, const UsageQuery& query);
  /// What is used and held now, for whom limits are set or who has called since the start.
  struct Snapshot {
    Limits limits;
    PeriodTotals day, month, total;
    std::int64_t running = 0;
  };
  Result<Snapshot> snapshot(const Pass& pass, const Subject& subject);

  std::int32_t today() const { return now().day; }
  const std::string& currency() const { return options_.currency; }
  /// Calls that a limit has refused for good.
  void count_refusal(LimitKind kind) { refused_[static_cast<std::size_t>(kind)].fetch_add(1, std::memory_order_relaxed); }
  std::int64_t refused(LimitKind kind) const { return refused_[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed); }
  Status flush();

 private:
  friend class Hold;
  using LedgerPtr = std::shared_ptr<LedgerEntry>;
  Meter(store::Database& db, MeterOptions options, const Clock& clock, Logger& log)
      : db_(db), options_(std::move(options)), clock_(clock), log_(log), book_(db) {}
  Status recover();
  Status load_settings();
  void apply_limits();
  Moment now() const { return moment_at(clock_.now(), clock_.steady_now(), options_.offset_minutes); }
  Result<LedgerPtr> ledger(const Subject& subject);
  LedgerPtr known_ledger(const Subject& subject) const;
  Limits limits_of(const Subject& subject) const;  // needs settings_mu_
  Price price_of(std::string_view model) const;
  std::unexpected<Error> refuse(const Refusal& refusal, std::string_view whose) const;
  void settle(Hold& hold, const CallTable::End& how);
  void run();
  void kick();

  store::Database& db_;
  const MeterOptions options_;
  const Clock& clock_;
  Logger& log_;
  LimitBook book_;
  std::unique_ptr<CallTable> table_;

  mutable std::shared_mutex ledgers_mu_;
  std::unordered_map<std::string, LedgerPtr> ledgers_;  // by subject; as many as users and keys

  mutable std::shared_mutex settings_mu_;
  std::unordered_map<std::string, Limits> limits_;  // by subject
  std::unordered_map<std::string, Price> prices_;   // by model

  std::array<std::atomic<std::int64_t>, 8> refused_{};
  std::mutex flush_mu_;  // one flush at a time

  std::mutex thread_mu_;  // guards the next two
  std::condition_variable wake_;
  bool stopping_ = false, kicked_ = false;
  std::thread thread_;
};

}  // namespace siyu::serving
