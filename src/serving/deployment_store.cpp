#include "serving/deployment_store.h"

#include <limits>

#include "base/json.h"

namespace siyu::serving {
namespace {

constexpr std::int64_t kEventsKept = 10'000;  // some weeks of a busy appliance; the audit log keeps all

Status insert(store::Transaction& tx, const DeploymentEvent& event) {
  RETURN_IF_ERROR(tx.execute("INSERT INTO deployment_events (at, deployment, version, actor, kind, text) VALUES (?, ?, ?, ?, ?, ?)", event.at, event.deployment,
                             event.version, event.actor, event.kind, event.text));
  RETURN_IF_ERROR(tx.execute("DELETE FROM deployment_events WHERE seq <= ?", tx.last_insert_id() - kEventsKept));
  return {};
}

}  // namespace

Result<std::vector<DeploymentSpec>> DeploymentStore::list() {
  ASSIGN_OR_RETURN(const auto rows, db_.read([](store::Transaction& tx) { return tx.query("SELECT spec FROM deployments ORDER BY name"); }));
  std::vector<DeploymentSpec> specs;
  for (const auto& row : rows) {
    ASSIGN_OR_RETURN(auto spec, from_json_text<DeploymentSpec>(row.text(0)));
    specs.push_back(std::move(spec));
  }
  return specs;
}

Status DeploymentStore::put(const DeploymentSpec& spec, const DeploymentEvent& event) {
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("INSERT INTO deployments (name, spec) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET spec = excluded.spec", spec.name, to_json_text(spec)));
    return insert(tx, event);
  });
}

Status DeploymentStore::remove(const std::string& name, const DeploymentEvent& event) {
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("DELETE FROM deployments WHERE name = ?", name));
    return insert(tx, event);
  });
}

Status DeploymentStore::add(const DeploymentEvent& event) {
  return db_.write([&](store::Transaction& tx) { return insert(tx, event); });
}

Result<std::vector<DeploymentEvent>> DeploymentStore::events(const std::string& deployment, std::size_t limit, std::int64_t before) {
  const auto last = before > 0 ? before : std::numeric_limits<std::int64_t>::max();
  ASSIGN_OR_RETURN(const auto rows, db_.read([&](store::Transaction& tx) {
    return tx.query("SELECT seq, at, deployment, version, actor, kind, text FROM deployment_events WHERE (? = '' OR deployment = ?) AND seq < ? ORDER BY seq DESC LIMIT ?",
                    deployment, deployment, last, limit);
  }));
  std::vector<DeploymentEvent> events;
  for (const auto& row : rows)
    events.push_back({.seq = row.integer(0), .at = row.time(1), .deployment = row.text(2), .version = row.text(3), .actor = row.text(4), .kind = row.text(5), .text = row.text(6)});
  return events;
}

}  // namespace siyu::serving
