#include "sizing/model_shape.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"

namespace siyu::sizing {
namespace {

TensorPlace place_of(const ModelShape& shape, const Tensor& tensor) {
  return {.role = tensor.role, .layer = tensor.layer, .layers = shape.layers, .columns = tensor.columns, .experts = shape.experts,
          .heads_per_kv_head = shape.kv_heads > 0 ? shape.heads / shape.kv_heads : 1, .tied = shape.tied};
}

double bytes_of(const ModelShape& shape, const Tensor& tensor, const WeightFormat* format) {
  if (format == nullptr && tensor.stored != nullptr) return static_cast<double>(tensor.stored->bytes(tensor.elements()));
  static const WeightFormat kAsPublished{.name = "bf16", .family = "plain", .bits = 16};
  return static_cast<double>(tensor.elements()) * bits_of(format == nullptr ? kAsPublished : *format, place_of(shape, tensor)) / 8;
}

/// Of the tensor's elements, the share that one token is multiplied with.
double active_share(const ModelShape& shape, const Tensor& tensor) {
  if (tensor.role == Role::kTokenEmbedding) return shape.tied ? 1 : 0;
  if (tensor.role == Role::kVision) return 0;
  return tensor.experts > 1 ? static_cast<double>(shape.experts_used) / tensor.experts : 1;
}

}  // namespace

std::uint64_t ModelShape::parameters() const {
  std::uint64_t sum = 0;
  for (const auto& tensor : tensors) sum += tensor.elements();
  return sum;
}

std::uint64_t ModelShape::active_parameters() const {
  double sum = 0;
  for (const auto& tensor : tensors) sum += static_cast<double>(tensor.elements()) * (tensor.role == Role::kTokenEmbedding ? 1 : active_share(*this, tensor));
  return static_cast<std::uint64_t>(sum);
}

std::uint64_t ModelShape::computed_parameters() const {
  double sum = 0;
  for (const auto& tensor : tensors) sum += static_cast<double>(tensor.elements()) * active_share(*this, tensor);
  return static_cast<std::uint64_t>(sum);
}

std::uint64_t ModelShape::output_parameters() const {
  std::uint64_t sum = 0;
  for (const auto& tensor : tensors)
    if (tensor.role == (tied ? Role::kTokenEmbedding : Role::kOutput)) sum += tensor.elements();
  return sum;
}

std::uint64_t ModelShape::kv_values_per_token() const {
  std::uint64_t sum = 0;
  for (const auto& layer : memory)
    if (layer.window == 0) sum += layer.key_values + layer.value_values;
  return sum;
}

double weight_bytes(const ModelShape& shape, const WeightFormat* format) {
  double sum = 0;
  for (const auto& tensor : shape.tensors) sum += bytes_of(shape, tensor, format);
  return sum;
}

double active_weight_bytes(const ModelShape& shape, const WeightFormat* format) {
  double sum = 0;
  for (const auto& tensor : shape.tensors) sum += bytes_of(shape, tensor, format) * active_share(shape, tensor);
  return sum;
}

double expert_weight_bytes(const ModelShape& shape, const WeightFormat* format) {
  double sum = 0;
  for (const auto& tensor : shape.tensors)
    if (tensor.experts > 1) sum += bytes_of(shape, tensor, format);
  return sum;
}

double attention_flop(const ModelShape& shape) {
  const double widths = shape.latent_rank > 0 ? 2.0 * shape.latent_rank + shape.rope_width : 1.0 * shape.key_width + shape.value_width;
  const auto attending = std::ranges::count_if(shape.memory, [](const LayerMemory& one) { return one.key_values > 0; });
  return 2.0 * shape.heads * widths * static_cast<double>(shape.embeds ? shape.layers : attending);
}

std::string main_type(const ModelShape& shape) {
  std::map<std::string_view, double> bytes;
  for (const auto& tensor : shape.tensors)
    if (tensor.stored != nullptr && tensor.role != Role::kTokenEmbedding) bytes[tensor.stored->name] += static_cast<double>(tensor.stored->bytes(tensor.elements()));
  const auto most = std::ranges::max_element(bytes, {}, [](const auto& one) { return one.second; });
  return most == bytes.end() ? std::string() : std::string(most->first);
}

Result<double> kv_bits(std::string_view type) {
  static constexpr std::array<std::pair<std::string_view, double>, 9> kTypes{
      {{"f16", 16}, {"fp16", 16}, {"bf16", 16}, {"f32", 32}, {"fp32", 32}, {"fp8", 8}, {"int8", 8}, {"q8_0", 8.5}, {"q4_0", 4.5}}};
  const auto wanted = fold(type);
  for (const auto& [name, bits] : kTypes)
    if (wanted == name) return bits;
  return invalid_field("kv_type", "must be one of f16, bf16, f32, fp8, int8, q8_0, q4_0");
}

double kv_bytes(const ModelShape& shape, double tokens, double bits) {
  double sum = 0;
  for (const auto& layer : shape.memory) {
    const auto kept = layer.window > 0 ? std::min<double>(tokens, layer.window) : tokens;
    sum += kept * (layer.key_values + layer.value_values) * bits / 8 + static_cast<double>(layer.state_values) * sizeof(float);
  }
  return sum;
}

}  // namespace siyu::sizing
