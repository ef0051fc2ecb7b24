// Deployments at /metrics, under the names that dashboards of vLLM know, with labels for deployment, version and replica.
#pragma once

#include <string>
#include <vector>

#include "serving/deployments.h"

namespace siyu::api {

/// Prometheus' text format 0.0.4.
std::string deployment_metrics(const std::vector<serving::DeploymentView>& deployments, const serving::MemoryView& memory);

}  // namespace siyu::api
