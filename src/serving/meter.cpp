#include "serving/meter.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "serving/meter_ledger.h"

namespace siyu::serving {
namespace {

constexpr std::size_t kFlushAt = CallTable::kSlots / 8;  // earlier when so many calls have ended
constexpr std::string_view kSystemUser = "system";       // the server's own calls are counted, not limited

std::string amount_text(LimitKind kind, std::int64_t amount, const std::string& currency) {
  const bool money = kind == LimitKind::kBudgetPerDay || kind == LimitKind::kBudgetPerMonth || kind == LimitKind::kBudgetTotal;
  if (!money) return std::to_string(amount);
  auto text = std::to_string(from_nanos(amount));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text + " " + currency;
}

std::string_view unit_of(LimitKind kind) {
  switch (kind) {
    case LimitKind::kRequestsPerMinute: return " requests per minute";
    case LimitKind::kTokensPerMinute: return " tokens per minute";
    case LimitKind::kConcurrentRequests: return " requests at once";
    case LimitKind::kTokensPerDay: return " tokens per day";
    case LimitKind::kTokensPerMonth: return " tokens per month";
    case LimitKind::kBudgetPerDay: return " per day";
    case LimitKind::kBudgetPerMonth: return " per month";
    case LimitKind::kBudgetTotal: return " in all";
  }
  return "";
}

bool is_rate(LimitKind kind) {
  return kind == LimitKind::kRequestsPerMinute || kind == LimitKind::kTokensPerMinute || kind == LimitKind::kConcurrentRequests;
}

}  // namespace

std::vector<store::Migration> meter_migrations() {
  return {{.number = 120, .name = "metering", .sql = R"sql(
CREATE TABLE usage (day INTEGER NOT NULL, user TEXT NOT NULL, key TEXT NOT NULL, model TEXT NOT NULL, requests INTEGER NOT NULL, failed INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost INTEGER NOT NULL, cache_hits INTEGER NOT NULL,
  saved_prompt_tokens INTEGER NOT NULL, saved_completion_tokens INTEGER NOT NULL, PRIMARY KEY (day, user, key, model)) WITHOUT ROWID;
CREATE INDEX usage_user ON usage(user, day);
CREATE INDEX usage_key ON usage(key, day);
CREATE TABLE limits (subject TEXT PRIMARY KEY, requests_per_minute INTEGER, tokens_per_minute INTEGER, concurrent_requests INTEGER, tokens_per_day INTEGER,
  tokens_per_month INTEGER, budget_per_day INTEGER, budget_per_month INTEGER, budget_total INTEGER, priority INTEGER NOT NULL, most_urgent INTEGER NOT NULL);
CREATE TABLE prices (model TEXT PRIMARY KEY, input INTEGER NOT NULL, cached INTEGER NOT NULL, output INTEGER NOT NULL);
CREATE TABLE meter_state (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO meter_state VALUES ('generation', 0), ('flushed', 0);
)sql"}};
}

Result<std::int32_t> parse_offset(std::string_view text) {
  const auto wrong = [&] { return invalid("`meter.day_offset` must be a difference from UTC such as +08:00, not `" + std::string(text) + "`"); };
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return wrong();
  int hours = 0, minutes = 0;
  const auto read = [](std::string_view part, int& value) { return std::from_chars(part.data(), part.data() + 2, value).ptr == part.data() + 2; };
  if (!read(text.substr(1, 2), hours) || !read(text.substr(4, 2), minutes) || hours > 14 || minutes > 59) return wrong();
  return (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
}

// --- Hold ---

Hold::Hold(Hold&& other) noexcept
    : meter_(std::exchange(other.meter_, nullptr)), user_(std::move(other.user_)), key_(std::move(other.key_)), user_held_(other.user_held_),
      key_held_(other.key_held_), slot_(other.slot_), price_(other.price_), completion_(other.completion_) {}

Hold::~Hold() { settle({.used = {}, .saved = {}, .from_cache = false, .failed = true}); }

void Hold::progress(const engine::Usage& used) noexcept {
  if (meter_ != nullptr) meter_->table_->progress(slot_, used);
}

void Hold::settle(const CallTable::End& how) {
  if (meter_ != nullptr) std::exchange(meter_, nullptr)->settle(*this, how);
}

// --- Meter ---

Result<std::unique_ptr<Meter>> Meter::open(store::Database& db, MeterOptions options, const Clock& clock, Logger& log) {
  std::unique_ptr<Meter> meter(new Meter(db, std::move(options), clock, log));
  std::error_code error;
  std::filesystem::create_directories(meter->options_.dir, error);
  if (error) return fail(ErrorCode::kUnavailable, "The folder " + meter->options_.dir.string() + " cannot be made; check the data folder's permissions", error.message());
  RETURN_IF_ERROR(meter->recover());
  RETURN_IF_ERROR(meter->load_settings());
  return meter;
}

Meter::~Meter() { stop(); }

Status Meter::recover() {
  const auto file = options_.dir / "calls";
  ASSIGN_OR_RETURN(const auto rows, db_.read([](store::Transaction& tx) { return tx.query("SELECT name, value FROM meter_state"); }));
  std::uint64_t generation = 0, flushed = 0;
  for (const auto& row : rows) (row.text(0) == "generation" ? generation : flushed) = static_cast<std::uint64_t>(row.integer(1));
  ASSIGN_OR_RETURN(auto left, CallTable::read(file, flushed));
  // A table of another generation was brought in already; the process ended before it made the next one.
  if (left && left->generation != generation) left.reset();
  UsageSums sums;
  if (left)
    for (const auto& call : left->calls) sums.add(CallView::of(call));
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(sums.write(tx));
    RETURN_IF_ERROR(tx.execute("UPDATE meter_state SET value = CASE name WHEN 'generation' THEN ? ELSE 0 END", generation + 1));
    return {};
  }));
  if (left && !left->calls.empty()) log_.info("calls_recovered", {{"calls", static_cast<std::int64_t>(left->calls.size())}});
  ASSIGN_OR_RETURN(table_, CallTable::create(file, generation + 1));
  return {};
}

Status Meter::load_settings() {
  ASSIGN_OR_RETURN(const auto limits, book_.limits());
  ASSIGN_OR_RETURN(const auto prices, book_.prices());
  const std::unique_lock lock(settings_mu_);
  for (const auto& one : limits) limits_[one.subject.str()] = one.limits;
  for (const auto& one : prices) prices_[one.model] = one.price;
  return {};
}

Limits Meter::limits_of(const Subject& subject) const {
  if (const auto own = limits_.find(subject.str()); own != limits_.end()) return own->second;
  const auto everyone = limits_.find(Subject::everyone().str());
  return subject.is_user() && subject.id() != kSystemUser && everyone != limits_.end() ? everyone->second : Limits{};
}

Price Meter::price_of(std::string_view model) const {
  const std::shared_lock lock(settings_mu_);
  if (prices_.empty()) return {};
  auto found = prices_.find(std::string(model));
  // A model with an adapter costs what the model costs, unless it has a price of its own.
  for (auto colon = model.rfind(':'); found == prices_.end() && colon != std::string_view::npos && colon > 0; colon = model.rfind(':', colon - 1))
    found = prices_.find(std::string(model.substr(0, colon)));
  if (found == prices_.end()) found = prices_.find("*");
  return found == prices_.end() ? Price{} : found->second;
}

bool Meter::knows(const Caller& caller) const {
  return known_ledger(Subject::of(caller.user)) && (caller.key.empty() || known_ledger(Subject::of(caller.key)));
}

Meter::LedgerPtr Meter::known_ledger(const Subject& subject) const {
  const std::shared_lock lock(ledgers_mu_);
  const auto found = ledgers_.find(subject.str());
  return found == ledgers_.end() ? nullptr : found->second;
}

Result<Meter::LedgerPtr> Meter::ledger(const Subject& subject) {
  if (auto known = known_ledger(subject)) return known;
  // Its first call since the start: until now nothing of it can have ended outside the database.
  const std::unique_lock lock(ledgers_mu_);
  if (const auto found = ledgers_.find(subject.str()); found != ledgers_.end()) return found->second;
  const auto at = now();
  ASSIGN_OR_RETURN(const auto used, db_.read([&](store::Transaction& tx) { return used_so_far(tx, subject, at); }));
  auto entry = std::make_shared<LedgerEntry>();
  entry->account.day = {.index = at.day, .tokens_used = used.day_tokens, .cost_used = used.day_cost};
  entry->account.month = {.index = at.month, .tokens_used = used.month_tokens, .cost_used = used.month_cost};
  entry->account.total = {.cost_used = used.total_cost};
  {
    const std::shared_lock settings(settings_mu_);
    entry->account.limits = limits_of(subject);
  }
  ledgers_.emplace(subject.str(), entry);
  return entry;
}

std::unexpected<Error> Meter::refuse(const Refusal& refusal, std::string_view whose) const {
  const auto amount = [&](std::int64_t value) { return amount_text(refusal.kind, value, options_.currency); };
  const auto limit = amount(refusal.limit) + std::string(unit_of(refusal.kind));
  Error error{.code = ErrorCode::kResourceExhausted, .message = "The limit of " + limit + " for this " + std::string(whose), .reason = is_rate(refusal.kind) ? "rate_limit_exceeded" : "insufficient_quota",
              .retry_after_ms = refusal.retry_after_ms};
  if (refusal.asked > refusal.limit) error.message += " is less than this request may use (" + amount(refusal.asked) + "); send less, or name a smaller `max_tokens`";
  else error.message += " is reached: " + amount(refusal.taken) + " used or held, and this request may use " + amount(refusal.asked);
  if (refusal.retry_after_ms > 0) error.message += "; try again in " + std::to_string((refusal.retry_after_ms + 999) / 1000) + " seconds";
  else if (refusal.asked <= refusal.limit) error.message += "; an administrator may raise it with `siyu limit set`";
  return std::unexpected(std::move(error));
}

Result<Hold> Meter::hold(const Caller& caller, const CallDemand& call, std::optional<LimitKind>* refused_by) {
  Hold hold;
  ASSIGN_OR_RETURN(hold.user_, ledger(Subject::of(caller.user)));
  if (!caller.key.empty()) {
    ASSIGN_OR_RETURN(hold.key_, ledger(Subject::of(caller.key)));
  }
  hold.price_ = price_of(call.model);
  Demand demand{.prompt = call.prompt, .completion = call.completion, .context = call.context, .price = hold.price_};

  const std::lock_guard user_lock(hold.user_->mu);
  const auto key_lock = hold.key_ ? std::unique_lock(hold.key_->mu) : std::unique_lock<std::mutex>();
  const auto at = now();  // under the locks, so that the accounts' time goes forward
  if (call.may_shrink) {
    for (auto* entry : {hold.user_.get(), hold.key_.get()})
      if (entry != nullptr) demand.completion = entry->account.room(demand.prompt, demand.completion, demand.price, at);
    demand.completion = std::max<std::int64_t>(demand.completion, 1);
  }
  auto refusal = hold.key_ ? hold.key_->account.check(demand, at) : std::nullopt;
  const bool by_key = refusal.has_value();
  if (!refusal) refusal = hold.user_->account.check(demand, at);
  if (refusal) {
    if (refused_by != nullptr) *refused_by = refusal->kind;
    else count_refusal(refusal->kind);
    return refuse(*refusal, by_key ? "API key" : "user");
  }
  const auto slot = table_->begin({.user = caller.user.str(), .key = caller.key.str(), .model = call.model}, hold.user_->account.day.index, hold.price_);
  if (!slot) {
    kick();
    return fail(ErrorCode::kUnavailable, "More calls are under way than can be counted; try again in a moment");
  }
  hold.user_held_ = hold.user_->account.hold(demand, at);
  if (hold.key_) hold.key_held_ = hold.key_->account.hold(demand, at);
  hold.slot_ = *slot;
  hold.completion_ = demand.completion;
  hold.meter_ = this;
  return hold;
}

void Meter::settle(Hold& hold, const CallTable::End& how) {
  const std::int64_t tokens = std::int64_t{how.used.prompt_tokens} + how.used.completion_tokens;
  const auto cost = cost_of(how.used, hold.price_);
  {
    const std::lock_guard user_lock(hold.user_->mu);
    const auto key_lock = hold.key_ ? std::unique_lock(hold.key_->mu) : std::unique_lock<std::mutex>();
    const auto at = now();
    hold.user_->account.settle(hold.user_held_, tokens, cost, at);
    if (hold.key_) hold.key_->account.settle(hold.key_held_, tokens, cost, at);
  }
  if (table_->end(hold.slot_, how) == kFlushAt) kick();
}

void Meter::record_cached(const Caller& caller, std::string_view model, const engine::Usage& saved) {
  const auto slot = table_->begin({.user = caller.user.str(), .key = caller.key.str(), .model = model}, now().day, {});
  if (!slot) return kick();  // the answer is worth more than its statistics
  if (table_->end(*slot, {.used = {}, .saved = saved, .from_cache = true, .failed = false}) == kFlushAt) kick();
}

std::int32_t Meter::priority(const Caller& caller, std::int32_t wanted) {
  const std::shared_lock lock(settings_mu_);
  if (limits_.empty()) return std::max(wanted, 0);
  const auto of_user = limits_of(Subject::of(caller.user));
  auto chosen = of_user.priority;
  auto bound = of_user.most_urgent;
  if (const auto of_key = caller.key.empty() ? limits_.end() : limits_.find(Subject::of(caller.key).str()); of_key != limits_.end()) {
    chosen = of_key->second.priority;
    bound = of_key->second.most_urgent;
  }
  return std::max(wanted == 0 ? chosen : wanted, bound);
}

CallerStanding Meter::standing(const Caller& caller) {
  CallerStanding standing;
  {
    const std::shared_lock lock(settings_mu_);
    if (limits_.empty()) return standing;
  }
  const auto tighter = [](std::optional<Standing>& best, const std::optional<Standing>& other) {
    if (other && (!best || other->remaining < best->remaining)) best = other;
  };
  const auto consider = [&](const Subject& subject) {
    const auto entry = ledger(subject);
    if (!entry) return;
    const std::lock_guard lock((*entry)->mu);
    const auto at = now();
    tighter(standing.requests, (*entry)->account.requests_standing(at));
    tighter(standing.tokens, (*entry)->account.tokens_standing(at));
  };
  consider(Subject::of(caller.user));
  if (!caller.key.empty()) consider(Subject::of(caller.key));
  return standing;
}

}  // namespace siyu::serving
