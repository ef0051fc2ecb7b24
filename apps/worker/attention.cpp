#include "attention.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "attention_plan.h"
#include "ggml-cpu.h"
#include "ggml-cpu/traits.h"
#include "sizing/grouped_attention.h"

namespace siyu::worker {
namespace {

using Vector = float __attribute__((vector_size(64)));
using Halfs = _Float16 __attribute__((vector_size(32)));
using Ints = std::int32_t __attribute__((vector_size(64)));
constexpr int kLanes = 16;
constexpr int kBlock = 64;           // cells computed at once
constexpr int kRowsTogether = 4;     // queries whose scores are computed side by side
constexpr std::int64_t kWorthTransposing = 16;  // queries of a block, from which its keys are transposed first
constexpr std::int64_t kMostRows = 256;  // queries of a tile: tokens × heads that share a key
constexpr float kLowest = -std::numeric_limits<float>::infinity();

Vector load(const float* from) {
  Vector value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
void store(float* to, Vector value) { __builtin_memcpy(to, &value, sizeof value); }

/// e^x, to about 2 units in the last place (Cephes' polynomial); 0 below −87.
Vector exponential(Vector x) {
  constexpr float kRound = 12582912.0F;  // 1.5 · 2²³: adding it rounds to an integer
  const Ints alive = x > -87.0F;
  const Vector n = (x * 1.44269504F + kRound) - kRound;
  const Vector r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  Vector p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const Ints power = (__builtin_convertvector(n, Ints) + 127) << 23;
  return std::bit_cast<Vector>(std::bit_cast<Ints>(p * std::bit_cast<Vector>(power)) & alive);
}

/// Lane i of the result is the sum of sums[i].
Vector sum_each(const std::array<Vector, kLanes>& sums) {
  std::array<Vector, 8> a;
  for (int i = 0; i < 8; ++i)
    a[i] = __builtin_shufflevector(sums[i], sums[i + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
           __builtin_shufflevector(sums[i], sums[i + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  std::array<Vector, 4> b;
  for (int i = 0; i < 4; ++i)
    b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27) +
           __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
  std::array<Vector, 2> c;
  for (int i = 0; i < 2; ++i)
    c[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
           __builtin_shufflevector(b[i], b[i + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  return __builtin_shufflevector(c[0], c[1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30) +
         __builtin_shufflevector(c[0], c[1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
}

template <int kStep, int... kLane>
void swap_halves(Vector& a, Vector& b, std::integer_sequence<int, kLane...>) {
  const Vector first = __builtin_shufflevector(a, b, ((kLane & kStep) != 0 ? kLanes + kLane - kStep : kLane)...);
  b = __builtin_shufflevector(a, b, ((kLane & kStep) != 0 ? kLanes + kLane : kLane + kStep)...);
  a = first;
}

/// Lane j of vector i becomes lane i of vector j.
void transpose(std::array<Vector, kLanes>& square) {
  const auto pass = [&]<int kStep>(std::integral_constant<int, kStep>) {
    for (int i = 0; i < kLanes; ++i)
      if ((i & kStep) == 0) swap_halves<kStep>(square[i], square[i + kStep], std::make_integer_sequence<int, kLanes>{});
  };
  pass(std::integral_constant<int, 8>{});
  pass(std::integral_constant<int, 4>{});
  pass(std::integral_constant<int, 2>{});
  pass(std::integral_constant<int, 1>{});
}

float largest(Vector v) { return __builtin_reduce_max(v); }
float total(Vector v) {
  const auto a = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  const auto b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
  return (b[0] + b[1]) + (b[2] + b[3]);
}

/// The operation's tensors. Heads of queries share keys: query head h reads key head h / group.
struct Op {
  const ggml_tensor *q, *k, *v, *mask;
  ggml_tensor* out;
  std::int64_t tokens, cells, heads, key_heads, group, size;
  float scale;

  explicit Op(ggml_tensor* dst)
      : q(dst->src[0]), k(dst->src[1]), v(dst->src[2]), mask(dst->src[3]), out(dst), tokens(q->ne[1]), cells(k->ne[1]),
        heads(q->ne[2]), key_heads(k->ne[2]), group(heads / std::max<std::int64_t>(1, key_heads)), size(q->ne[0]), scale(0) {
    std::memcpy(&scale, dst->op_params, sizeof scale);
  }
  std::int64_t tile_tokens() const { return std::clamp<std::int64_t>(kMostRows / group, 1, TilePlan::kMostTokens); }
  std::int64_t tiles() const { return (tokens + tile_tokens() - 1) / tile_tokens(); }
};

bool known_type(ggml_type type) { return type == GGML_TYPE_F16 || (ggml_is_quantized(type) && ggml_get_type_traits(type)->to_float != nullptr); }

bool handles(const ggml_tensor* dst) {
  if (dst->op != GGML_OP_FLASH_ATTN_EXT) return false;
  const auto *q = dst->src[0], *k = dst->src[1], *v = dst->src[2], *mask = dst->src[3];
  float bias = 0;
  float cap = 0;
  std::memcpy(&bias, reinterpret_cast<const float*>(dst->op_params) + 1, sizeof bias);
  std::memcpy(&cap, reinterpret_cast<const float*>(dst->op_params) + 2, sizeof cap);
  return mask != nullptr && dst->src[4] == nullptr && bias == 0 && cap == 0 && q->type == GGML_TYPE_F32 && known_type(k->type) &&
         known_type(v->type) && mask->type == GGML_TYPE_F16 && mask->ne[2] == 1 && mask->ne[3] == 1 && q->ne[3] == 1 && k->ne[2] == v->ne[2] &&
         sizing::grouped_attention(static_cast<std::uint64_t>(q->ne[0])) && v->ne[0] == q->ne[0] && q->nb[0] == sizeof(float) && q->ne[2] % k->ne[2] == 0 && q->ne[2] / k->ne[2] <= kMostRows;
}

/// What one thread needs to compute a tile for one key head. Rows are token-major: token × group + head within the group.
struct Scratch {
  std::vector<float> q, o, k, transposed, v, p, most, sum;  // p: scores, then weights
  void fit(const Op& op) {
    const auto rows = static_cast<std::size_t>(op.tile_tokens() * op.group);
    const auto size = static_cast<std::size_t>(op.size);
    q.resize(rows * size);
    o.resize(rows * size);
    k.resize(kBlock * size);
    transposed.resize(kBlock * size);
    v.resize(kBlock * size);
    p.resize(rows * kBlock);
    most.resize(rows);
    sum.resize(rows);
  }
};

template <int kSize>
class Tile {
 public:
  Tile(const Op& op, const TilePlan& plan, std::int64_t tile, std::int64_t key_head, Scratch& scratch)
      : op_(op), plan_(plan), first_token_(tile * op.tile_tokens()), tokens_(std::min(op.tile_tokens(), op.tokens - first_token_)),
        head_(key_head), s_(scratch) {}

  /// Every `parts`-th block of cells, beginning with number `part`.
  void compute(std::int64_t part, std::int64_t parts) {
    take_queries();
    std::int64_t block = 0;
    for (const auto& group : plan_.groups) {
      for (std::uint32_t at = 0; at < group.count; at += kBlock, ++block) {
        if (block % parts != part) continue;
        const auto count = static_cast<int>(std::min<std::uint32_t>(kBlock, group.count - at));
        const std::uint32_t* cells = plan_.cells.data() + group.begin + at;
        take_rows(op_.k, cells, count, s_.k.data());
        take_rows(op_.v, cells, count, s_.v.data());
        const bool transposed = std::popcount(group.seen_by) * op_.group >= kWorthTransposing;
        if (transposed) transpose_keys();
        attend(group, cells, count, transposed);
      }
    }
  }
  void write_result() const {
    for_rows([&](std::int64_t row, float* out) {
      const float scale = s_.sum[at(row)] > 0 ? 1 / s_.sum[at(row)] : 0;
      for (int i = 0; i < kSize; ++i) out[i] = s_.o[at(row) * kSize + static_cast<std::size_t>(i)] * scale;
    });
  }
  /// Largest score, sum and unscaled result of each row.
  void write_part(float* part) const {
    for (std::int64_t row = 0; row < tokens_ * op_.group; ++row, part += kSize + 2) {
      part[0] = s_.most[at(row)];
      part[1] = s_.sum[at(row)];
      std::memcpy(part + 2, s_.o.data() + at(row) * kSize, kSize * sizeof(float));
    }
  }
  void write_joined(const float* part, std::int64_t parts, std::int64_t stride) const {
    for_rows([&](std::int64_t row, float* out) {
      float most = kLowest;
      for (std::int64_t i = 0; i < parts; ++i) most = std::max(most, part[i * stride + row * (kSize + 2)]);
      float sum = 0;
      std::fill_n(out, kSize, 0.0F);
      for (std::int64_t i = 0; i < parts; ++i) {
        const float* one = part + i * stride + row * (kSize + 2);
        if (one[1] <= 0) continue;
        const float weight = std::exp(one[0] - most);
        sum += weight * one[1];
        for (int j = 0; j < kSize; ++j) out[j] += weight * one[j + 2];
      }
      for (int j = 0; j < kSize; ++j) out[j] *= sum > 0 ? 1 / sum : 0;
    });
  }

 private:
  static constexpr int kVectors = kSize / kLanes;
  static constexpr int kRowsAtOnce = std::max(1, 16 / kVectors);
  static std::size_t at(std::int64_t row) { return static_cast<std::size_t>(row); }

  template <class Visit>
  void for_rows(Visit visit) const {
    for (std::int64_t row = 0; row < tokens_ * op_.group; ++row) {
      const auto token = first_token_ + row / op_.group;
      const auto head = head_ * op_.group + row % op_.group;
      visit(row, reinterpret_cast<float*>(static_cast<char*>(op_.out->data) + static_cast<std::size_t>(token * op_.heads + head) * op_.out->nb[1]));
    }
  }

  void take_queries() {
    for (std::int64_t row = 0; row < tokens_ * op_.group; ++row) {
      const auto token = static_cast<std::size_t>(first_token_ + row / op_.group);
      const auto head = static_cast<std::size_t>(head_ * op_.group + row % op_.group);
      const auto* from = reinterpret_cast<const float*>(static_cast<const char*>(op_.q->data) + token * op_.q->nb[1] + head * op_.q->nb[2]);
      for (int i = 0; i < kSize; ++i) s_.q[at(row) * kSize + static_cast<std::size_t>(i)] = from[i] * op_.scale;
    }
    std::fill(s_.o.begin(), s_.o.end(), 0.0F);
    std::fill(s_.sum.begin(), s_.sum.end(), 0.0F);
    std::fill(s_.most.begin(), s_.most.end(), kLowest);
  }

  /// Rows of keys or values as floats; those missing from a whole block are 0.
  void take_rows(const ggml_tensor* from, const std::uint32_t* cells, int count, float* to) const {
    const char* base = static_cast<const char*>(from->data) + static_cast<std::size_t>(head_) * from->nb[2];
    for (int i = 0; i < count; ++i, to += kSize) {
      const char* row = base + cells[i] * from->nb[1];
      if (from->type != GGML_TYPE_F16) {
        ggml_get_type_traits(from->type)->to_float(row, to, kSize);
        continue;
      }
      for (int j = 0; j < kVectors; ++j) {
        Halfs half;
        __builtin_memcpy(&half, row + j * static_cast<int>(sizeof half), sizeof half);
        store(to + j * kLanes, __builtin_convertvector(half, Vector));
      }
    }
    std::fill_n(to, (kBlock - count) * kSize, 0.0F);
  }

  void transpose_keys() {
    for (int cell = 0; cell < kBlock; cell += kLanes) {
      for (int i = 0; i < kSize; i += kLanes) {
        std::array<Vector, kLanes> square;
        for (int j = 0; j < kLanes; ++j) square[at(j)] = load(s_.k.data() + (cell + j) * kSize + i);
        transpose(square);
        for (int j = 0; j < kLanes; ++j) store(s_.transposed.data() + (i + j) * kBlock + cell, square[at(j)]);
      }
    }
  }

  void attend(const CellGroup& group, const std::uint32_t* cells, int count, bool transposed) {
    std::array<std::int64_t, kRowsTogether> rows{};
    std::size_t waiting = 0;
    for (std::int64_t token = 0; token < tokens_; ++token) {
      if ((group.seen_by >> token & 1U) == 0) continue;
      for (std::int64_t row = token * op_.group; row < (token + 1) * op_.group; ++row) {
        rows[waiting++] = row;
        if (waiting < rows.size()) continue;
        answer(rows, group, cells, count, transposed);
        waiting = 0;
      }
    }
    answer(std::span(rows).first(waiting), group, cells, count, transposed);
  }

  void answer(std::span<const std::int64_t> rows, const CellGroup& group, const std::uint32_t* cells, int count, bool transposed) {
    if (transposed && rows.size() == kRowsTogether) score_transposed<kRowsTogether>(rows.data());
    else for (const auto& row : rows) transposed ? score_transposed<1>(&row) : score(row, count);
    std::array<std::int64_t, kRowsTogether> seeing{};
    std::size_t count_seeing = 0;
    for (const auto row : rows)
      if (weigh(row, group, cells, count)) seeing[count_seeing++] = row;
    std::size_t done = 0;
    for (; done + kRowsAtOnce <= count_seeing; done += kRowsAtOnce) add_values<kRowsAtOnce>(seeing.data() + done, count);
    for (; done < count_seeing; ++done) add_values<1>(seeing.data() + done, count);
  }

  template <int kRows>
  void score_transposed(const std::int64_t* rows) {
    std::array<std::array<Vector, kBlock / kLanes>, kRows> scores{};
    std::array<const float*, kRows> q;
    for (int r = 0; r < kRows; ++r) q[at(r)] = s_.q.data() + at(rows[r]) * kSize;
    const float* k = s_.transposed.data();
    for (int i = 0; i < kSize; ++i, k += kBlock) {
      for (int part = 0; part < kBlock / kLanes; ++part) {
        const Vector keys = load(k + part * kLanes);
        for (int r = 0; r < kRows; ++r) scores[at(r)][at(part)] += keys * q[at(r)][i];
      }
    }
    for (int r = 0; r < kRows; ++r)
      for (int part = 0; part < kBlock / kLanes; ++part) store(s_.p.data() + at(rows[r]) * kBlock + at(part * kLanes), scores[at(r)][at(part)]);
  }

  void score(std::int64_t row, int count) {
    std::array<Vector, kVectors> q;
    for (int i = 0; i < kVectors; ++i) q[at(i)] = load(s_.q.data() + at(row) * kSize + at(i * kLanes));
    const float* k = s_.k.data();
    for (int part = 0; part * kLanes < count; ++part) {
      std::array<Vector, kLanes> products;
      for (int cell = 0; cell < kLanes; ++cell, k += kSize) {
        Vector product = q[0] * load(k);
        for (int i = 1; i < kVectors; ++i) product += q[at(i)] * load(k + i * kLanes);
        products[at(cell)] = product;
      }
      store(s_.p.data() + at(row) * kBlock + at(part * kLanes), sum_each(products));
    }
  }

  /// Scores of one query against the block become weights relative to the largest so far. False when it sees none of the cells.
  bool weigh(std::int64_t row, const CellGroup& group, const std::uint32_t* cells, int count) {
    float* p = s_.p.data() + at(row) * kBlock;
    const auto token = row / op_.group;
    std::array<Vector, kBlock / kLanes> scores;
    const int used = (count + kLanes - 1) / kLanes;
    for (int part = 0; part < used; ++part) scores[at(part)] = load(p + part * kLanes);
    if (count % kLanes != 0)
      for (int i = count % kLanes; i < kLanes; ++i) scores[static_cast<std::size_t>(used - 1)][i] = kLowest;
    if (!group.alike)
      for (int i = 0; i < count; ++i)
        if ((plan_.visible[cells[i]] >> token & 1U) == 0) scores[static_cast<std::size_t>(i / kLanes)][i % kLanes] = kLowest;
    Vector highest = scores[0];
    for (int part = 1; part < used; ++part) {
      const Vector other = scores[static_cast<std::size_t>(part)];
      highest = highest > other ? highest : other;
    }
    const float before = s_.most[at(row)];
    const float most = std::max(before, largest(highest));
    if (most == kLowest) return false;
    if (most > before && before != kLowest) {
      const float shrink = std::exp(before - most);
      s_.sum[at(row)] *= shrink;
      float* o = s_.o.data() + at(row) * kSize;
      for (int i = 0; i < kSize; i += kLanes) store(o + i, load(o + i) * shrink);
    }
    s_.most[at(row)] = most;
    Vector sum{};
    for (int part = 0; part < used; ++part) {
      const Vector weights = exponential(scores[static_cast<std::size_t>(part)] - most);
      sum += weights;
      store(p + part * kLanes, weights);
    }
    s_.sum[at(row)] += total(sum);
    return true;
  }

  template <int kRows>
  void add_values(const std::int64_t* rows, int count) {
    std::array<std::array<Vector, kVectors>, kRows> sums;
    for (int r = 0; r < kRows; ++r)
      for (int i = 0; i < kVectors; ++i) sums[r][i] = load(s_.o.data() + at(rows[r]) * kSize + at(i * kLanes));
    const float* v = s_.v.data();
    for (int cell = 0; cell < count; ++cell, v += kSize) {
      std::array<Vector, kVectors> values;
      for (int i = 0; i < kVectors; ++i) values[i] = load(v + i * kLanes);
      for (int r = 0; r < kRows; ++r) {
        const float weight = s_.p[at(rows[r]) * kBlock + at(cell)];
        for (int i = 0; i < kVectors; ++i) sums[r][i] += values[i] * weight;
      }
    }
    for (int r = 0; r < kRows; ++r)
      for (int i = 0; i < kVectors; ++i) store(s_.o.data() + at(rows[r]) * kSize + at(i * kLanes), sums[r][i]);
  }

  const Op& op_;
  const TilePlan& plan_;
  const std::int64_t first_token_, tokens_, head_;
  Scratch& s_;
};

/// The tiles of one mask, valid for one step of the model.
struct StepPlan {
  const void* mask = nullptr;
  std::int64_t tokens = 0, cells = 0, tile_tokens = 0;
  std::uint64_t step = 0;
  std::vector<TilePlan> tiles;
  bool matches(const Op& op, std::uint64_t now) const {
    return step == now && mask == op.mask->data && tokens == op.tokens && cells == op.cells && tile_tokens == op.tile_tokens();
  }
};

/// Called by all of ggml's threads for one operation after the other; thread 0 prepares, a barrier lets the others see it.
class Attention final : public ggml::cpu::tensor_traits, public ggml::cpu::extra_buffer_type {
 public:
  bool supports_op(ggml_backend_dev_t, const ggml_tensor*) override { return false; }  // holds no tensors itself
  ggml::cpu::tensor_traits* get_tensor_traits(const ggml_tensor* op) override { return !aside && handles(op) ? this : nullptr; }
  std::atomic<bool> aside = false;  // set between computations, read by ggml's threads during them

  bool work_size(int, const ggml_tensor*, std::size_t&) override { return false; }  // room for ggml's own way stays reserved

  bool compute_forward(ggml_compute_params* params, ggml_tensor* dst) override {
    if (params->use_ref) return false;
    const Op op(dst);
    if (params->ith == 0) prepare(op, params);
    ggml_barrier(params->threadpool);
    if (fresh_) {
      for (std::int64_t tile = params->ith; tile < op.tiles(); tile += params->nth) {
        const auto first = tile * op.tile_tokens();
        const auto* mask = reinterpret_cast<const std::uint16_t*>(static_cast<const char*>(op.mask->data) + static_cast<std::size_t>(first) * op.mask->nb[1]);
        plan_tile(mask, op.mask->nb[1] / sizeof(std::uint16_t), static_cast<int>(std::min(op.tile_tokens(), op.tokens - first)),
                  static_cast<std::size_t>(op.cells), plan_->tiles[static_cast<std::size_t>(tile)]);
      }
      ggml_barrier(params->threadpool);
    }
    if (!std::ranges::all_of(plan_->tiles, &TilePlan::usable)) return false;
    switch (op.size) {
      case 64: run<64>(op, params); break;
      case 96: run<96>(op, params); break;
      case 128: run<128>(op, params); break;
      default: run<256>(op, params); break;
    }
    return true;
  }

  void begin_step() { ++step_; }

 private:
  void prepare(const Op& op, ggml_compute_params* params) {
    ggml_threadpool_chunk_set(params->threadpool, params->nth);
    const auto known = std::ranges::find_if(plans_, [&](const StepPlan& plan) { return plan.matches(op, step_); });
    fresh_ = known == plans_.end();
    plan_ = fresh_ ? &*std::ranges::min_element(plans_, {}, &StepPlan::step) : &*known;
    if (fresh_) {
      plan_->mask = op.mask->data;
      plan_->tokens = op.tokens;
      plan_->cells = op.cells;
      plan_->tile_tokens = op.tile_tokens();
      plan_->step = step_;
      plan_->tiles.resize(static_cast<std::size_t>(op.tiles()));
    }
    scratch_.resize(static_cast<std::size_t>(params->nth));
    for (auto& one : scratch_) one.fit(op);
    // With fewer tiles than threads, the cells are parted too.
    const auto whole = op.tiles() * op.key_heads;
    split_ = std::clamp<std::int64_t>((params->nth + whole - 1) / whole, 1, std::max<std::int64_t>(1, op.cells / kBlock));
    stride_ = op.tile_tokens() * op.group * (op.size + 2);
    parts_.resize(split_ > 1 ? static_cast<std::size_t>(whole * split_ * stride_) : 0);
  }

  template <int kSize>
  void run(const Op& op, ggml_compute_params* params) {
    auto& scratch = scratch_[static_cast<std::size_t>(params->ith)];
    const auto whole = op.tiles() * op.key_heads;
    const auto tile_of = [&](std::int64_t unit) {
      const auto tile = unit / op.key_heads;
      return Tile<kSize>(op, plan_->tiles[static_cast<std::size_t>(tile)], tile, unit % op.key_heads, scratch);
    };
    for (std::int64_t piece = params->ith; piece < whole * split_; piece = ggml_threadpool_chunk_add(params->threadpool, 1)) {
      // The last tokens see the most cells: they begin, so that no thread ends long after the others.
      auto tile = tile_of(whole - 1 - piece / split_);
      tile.compute(piece % split_, split_);
      if (split_ == 1) tile.write_result();
      else tile.write_part(parts_.data() + piece * stride_);
    }
    if (split_ == 1) return;
    ggml_barrier(params->threadpool);
    for (std::int64_t unit = params->ith; unit < whole; unit += params->nth)
      tile_of(whole - 1 - unit).write_joined(parts_.data() + unit * split_ * stride_, split_, stride_);
  }

  std::uint64_t step_ = 1;
  // written by thread 0 before the first barrier of an operation
  std::array<StepPlan, 2> plans_;  // models with a sliding window have two masks
  StepPlan* plan_ = nullptr;
  bool fresh_ = false;
  std::vector<Scratch> scratch_;
  std::vector<float> parts_;
  std::int64_t split_ = 1, stride_ = 0;
};

Attention& attention() {
  static Attention the_one;  // ggml's hook is process-wide
  return the_one;
}

}  // namespace

void install_attention() {
  auto* cpu = ggml_backend_reg_by_name("CPU");
  if (cpu == nullptr) return;
  // The list of buffer types that weights may be put into is made once from the hooks; this one holds no weights.
  if (auto* list = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(ggml_backend_reg_get_proc_address(cpu, "ggml_backend_dev_get_extra_bufts")))
    list(ggml_backend_reg_dev_get(cpu, 0));
  static ggml_backend_buffer_type hook{.iface = {}, .device = ggml_backend_reg_dev_get(cpu, 0),
                                       .context = static_cast<ggml::cpu::extra_buffer_type*>(&attention())};
  auto& hooks = ggml_backend_cpu_get_extra_buffer_types();
  if (std::ranges::find(hooks, &hook) == hooks.end()) hooks.push_back(&hook);
}

void begin_attention_step() { attention().begin_step(); }

void set_attention_aside(bool aside) { attention().aside = aside; }

}  // namespace siyu::worker
