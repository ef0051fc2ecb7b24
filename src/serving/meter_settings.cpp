// The parts of the meter that people use: limits, prices, reports; and the thread that writes ended calls down.
#include <utility>

#include "serving/meter.h"
#include "serving/meter_ledger.h"

namespace siyu::serving {
namespace {

constexpr auto kFlushEvery = std::chrono::seconds(1);
constexpr std::size_t kSummedAtOnce = 256;  // calls: some 50 microseconds

}  // namespace

Result<std::vector<SubjectLimits>> Meter::limits(const Pass&) { return book_.limits(); }

/// Accounts that exist take the limits that hold for them now.
void Meter::apply_limits() {
  const std::shared_lock ledgers(ledgers_mu_);
  const std::shared_lock settings(settings_mu_);
  for (const auto& [name, entry] : ledgers_) {
    const auto subject = Subject::parse(name);
    const std::lock_guard lock(entry->mu);
    if (subject) entry->account.limits = limits_of(*subject);
  }
}

Status Meter::set_limits(const Pass&, const Subject& subject, const Limits& limits) {
  RETURN_IF_ERROR(book_.set(subject, limits));
  {
    const std::unique_lock lock(settings_mu_);
    limits_[subject.str()] = limits;
  }
  apply_limits();
  return {};
}

Status Meter::remove_limits(const Pass&, const Subject& subject) {
  RETURN_IF_ERROR(book_.remove(subject));
  {
    const std::unique_lock lock(settings_mu_);
    limits_.erase(subject.str());
  }
  apply_limits();
  return {};
}

Status Meter::forget(const Pass& pass, const Subject& subject) {
  if (const auto removed = remove_limits(pass, subject); !removed && removed.error().code != ErrorCode::kNotFound) return removed;
  const std::unique_lock lock(ledgers_mu_);
  ledgers_.erase(subject.str());
  return {};
}

Result<std::vector<ModelPrice>> Meter::prices(const Pass&) { return book_.prices(); }

Status Meter::set_price(const Pass&, const ModelPrice& price) {
  RETURN_IF_ERROR(book_.set_price(price));
  const std::unique_lock lock(settings_mu_);
  prices_[price.model] = price.price;
  return {};
}

Status Meter::remove_price(const Pass&, const std::string& model) {
  RETURN_IF_ERROR(book_.remove_price(model));
  const std::unique_lock lock(settings_mu_);
  prices_.erase(model);
  return {};
}

Result<std::vector<UsageRow>> Meter::usage(const Pass&, const UsageQuery& query) {
  RETURN_IF_ERROR(flush());
  return db_.read([&](store::Transaction& tx) { return query_usage(tx, query); });
}

Result<Meter::Snapshot> Meter::snapshot(const Pass&, const Subject& subject) {
  ASSIGN_OR_RETURN(const auto entry, ledger(subject));
  const std::lock_guard lock(entry->mu);
  auto& account = entry->account;
  account.turn(now());
  return Snapshot{.limits = account.limits, .day = account.day, .month = account.month, .total = account.total, .running = account.running()};
}

Status Meter::flush() {
  const std::lock_guard one_at_a_time(flush_mu_);
  auto batch = table_->take_ended();
  if (batch.calls.empty()) return {};
  UsageSums sums;
  for (std::size_t i = 0; i < batch.calls.size(); ++i) {
    sums.add(table_->view(batch.calls[i]));
    if (i % kSummedAtOnce == kSummedAtOnce - 1) std::this_thread::yield();  // requests that wait for this core go first
  }
  // Rows and number in one transaction: after a kill between it and the release, the number tells that they are written.
  const auto written = db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(sums.write(tx));
    RETURN_IF_ERROR(tx.execute("UPDATE meter_state SET value = ? WHERE name = 'flushed'", batch.number));
    return {};
  });
  if (written) table_->release(batch);
  else table_->put_back(std::move(batch));
  return written;
}

void Meter::start() {
  thread_ = std::thread([this] { run(); });
}

void Meter::stop() {
  {
    const std::lock_guard lock(thread_mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (const auto written = table_ ? flush() : Status(); !written) log_.error("usage_not_written", {{"detail", written.error().detail}});
}

void Meter::kick() {
  {
    const std::lock_guard lock(thread_mu_);
    kicked_ = true;
  }
  wake_.notify_one();
}

void Meter::run() {
  std::unique_lock lock(thread_mu_);
  while (!stopping_) {
    wake_.wait_for(lock, kFlushEvery, [this] { return stopping_ || kicked_; });
    kicked_ = false;
    lock.unlock();
    if (const auto written = flush(); !written) log_.error("usage_not_written", {{"detail", written.error().detail}});
    lock.lock();
  }
}

}  // namespace siyu::serving
