// The embedding model of the knowledge bases: the one that was loaded first here; one elsewhere, which sees all passages, only
// when none is loaded here.
#pragma once

#include "knowledge/vectors.h"
#include "serving/model_host.h"

namespace siyu::server {

class HostEmbedder final : public knowledge::TextEmbedder {
 public:
  explicit HostEmbedder(const serving::ModelHost& host) : host_(host) {}
  std::string model() const override;
  Result<std::vector<std::vector<float>>> embed(const std::vector<std::string>& texts) override;

 private:
  std::optional<serving::Served> chosen() const;
  const serving::ModelHost& host_;
};

}  // namespace siyu::server
