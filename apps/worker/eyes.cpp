#include "eyes.h"

#include <algorithm>
#include <limits>
#include <random>

#include "attention.h"
#include "base/bytes.h"
#include "engine/kv_size.h"
#include "engine/picture.h"
#include "hash/hash.h"
#include "model.h"
#include "picture_decoder.h"

namespace siyu::worker {
namespace {

constexpr std::size_t kMostNames = 4096;

using Bitmap = std::unique_ptr<mtmd_bitmap, MtmdDeleter>;

std::string random_marker() {
  std::random_device random;
  std::string marker = "<__picture_";
  for (int i = 0; i < 4; ++i) marker += std::to_string(random()) + "_";
  return marker + "_>";
}

Result<std::shared_ptr<const PictureFile>> file_of(const engine::Picture& picture) {
  const auto bytes = from_base64(picture.file);
  if (!bytes) return invalid("The picture is not base 64");
  auto file = std::make_shared<PictureFile>();
  file->bytes = as_text(*bytes);
  ASSIGN_OR_RETURN(const auto facts, engine::inspect_picture(file->bytes));
  file->width = facts.width;
  file->height = facts.height;
  file->sha256 = hash_sha256_hex(file->bytes.data(), file->bytes.size());
  return std::shared_ptr<const PictureFile>(std::move(file));
}

std::unexpected<Error> unseen() {
  return fail(ErrorCode::kInvalidArgument, "The model cannot look at this picture; send it in another size", last_llama_errors());
}

/// While the encoder runs, attention is ggml's own: its masks are none of a KV cache.
class AttentionAside {
 public:
  AttentionAside() { set_attention_aside(true); }
  ~AttentionAside() { set_attention_aside(false); }
};

}  // namespace

Result<std::unique_ptr<Eyes>> Eyes::open(const std::string& path, const llama_model* model, int threads) {
  auto eyes = std::unique_ptr<Eyes>(new Eyes());
  eyes->marker_ = random_marker();
  auto params = mtmd_context_params_default();
  params.print_timings = false;
  params.n_threads = threads;
  params.media_marker = eyes->marker_.c_str();
  const AttentionAside aside;
  eyes->context_.reset(mtmd_init_from_file(path.c_str(), model, params));
  if (!eyes->context_ || !mtmd_support_vision(eyes->context_.get()))
    return fail(ErrorCode::kCorrupted, "The projector cannot be loaded: its file is damaged, or it was made for another model; give the model the projector of its own repository",
                last_llama_errors());
  eyes->width_ = static_cast<std::size_t>(llama_model_n_embd_inp(model));
  return eyes;
}

Result<Token> Eyes::name_of(const PictureRun& picture) const {
  const auto key = picture.file->sha256 + "/" + std::to_string(picture.part) + "/" + std::to_string(picture.tokens);
  const std::lock_guard lock(mu_);
  if (const auto known = names_.find(key); known != names_.end()) return known->second;
  if (next_ == std::numeric_limits<Token>::min()) return fail(ErrorCode::kResourceExhausted, "This worker has seen two billion pictures; load the model again");
  if (names_.size() >= kMostNames) {
    names_.erase(oldest_.front());
    oldest_.pop_front();
  }
  oldest_.push_back(key);
  return names_[key] = next_--;
}

Result<Eyes::Places> Eyes::tokenize(const std::string& text, const std::vector<const engine::Picture*>& pictures) const {
  std::vector<std::shared_ptr<const PictureFile>> files;
  std::vector<Bitmap> bitmaps;
  std::vector<const mtmd_bitmap*> views;
  for (const auto* picture : pictures) {
    ASSIGN_OR_RETURN(auto file, file_of(*picture));
    bitmaps.emplace_back(mtmd_bitmap_init(file->width, file->height, nullptr));  // without pixels: places only
    mtmd_bitmap_set_id(bitmaps.back().get(), std::to_string(files.size()).c_str());
    views.push_back(bitmaps.back().get());
    files.push_back(std::move(file));
  }
  const mtmd_input_text input{.text = text.data(), .text_len = text.size(), .add_special = true, .parse_special = true};
  const std::shared_ptr<mtmd_input_chunks> chunks(mtmd_input_chunks_init(), MtmdDeleter());
  const auto result = mtmd_tokenize(context_.get(), chunks.get(), &input, views.data(), views.size());
  if (result == 1) return invalid("The model's chat template has no place for these pictures; put them into messages of the user");
  if (result != 0) return unseen();

  Places places;
  std::size_t part = 0;
  std::string last_id;
  for (std::size_t i = 0; i < mtmd_input_chunks_size(chunks.get()); ++i) {
    const auto* chunk = mtmd_input_chunks_get(chunks.get(), i);
    if (mtmd_input_chunk_get_type(chunk) == MTMD_INPUT_CHUNK_TYPE_TEXT) {
      std::size_t count = 0;
      const auto* tokens = mtmd_input_chunk_get_tokens_text(chunk, &count);
      // Marks around pictures that the vocabulary does not have come as −1.
      if (!std::all_of(tokens, tokens + count, is_text)) return unseen();
      places.tokens.insert(places.tokens.end(), tokens, tokens + count);
      continue;
    }
    const std::string id = mtmd_input_chunk_get_id(chunk);
    part = id == last_id ? part + 1 : 0;
    if (part > 0) places.pictures.back().last_part = false;
    last_id = id;
    PictureRun run{.begin = places.tokens.size(), .tokens = mtmd_input_chunk_get_n_tokens(chunk), .positions = mtmd_input_chunk_get_n_pos(chunk), .part = part,
                   .file = files.at(std::stoul(id)), .owner = chunks, .chunk = chunk};
    if (run.tokens == 0) return unseen();
    ASSIGN_OR_RETURN(run.name, name_of(run));
    places.tokens.push_back(run.name);
    places.tokens.insert(places.tokens.end(), run.tokens - 1, kInsidePicture);
    places.pictures.push_back(std::move(run));
  }
  return places;
}

/// The part of the picture, ready for encoding.
Result<const mtmd_input_chunk*> Eyes::prepared(const PictureRun& picture) {
  if (prepared_of_ != picture.file->sha256) {
    prepared_of_.clear();
    ASSIGN_OR_RETURN(const auto pixels, decode_picture(picture.file->bytes));
    const Bitmap bitmap(mtmd_bitmap_init(pixels.width, pixels.height, pixels.rgb.data()));
    const mtmd_input_text input{.text = marker_.data(), .text_len = marker_.size(), .add_special = false, .parse_special = true};
    const auto* view = bitmap.get();
    prepared_.reset(mtmd_input_chunks_init());
    if (mtmd_tokenize(context_.get(), prepared_.get(), &input, &view, 1) != 0) return unseen();
    prepared_of_ = picture.file->sha256;
  }
  std::size_t part = 0;
  for (std::size_t i = 0; i < mtmd_input_chunks_size(prepared_.get()); ++i) {
    const auto* chunk = mtmd_input_chunks_get(prepared_.get(), i);
    if (mtmd_input_chunk_get_type(chunk) == MTMD_INPUT_CHUNK_TYPE_TEXT || part++ != picture.part) continue;
    if (mtmd_input_chunk_get_n_tokens(chunk) == picture.tokens) return chunk;
    break;
  }
  return fail(ErrorCode::kUnsupported, "The model lays pictures out by where they stand in the prompt, which is not supported here; choose another vision model");
}

const std::vector<float>* Eyes::keep(Token name, std::vector<float> vectors) {
  kept_floats_ += vectors.size();
  kept_.push_front({name, std::move(vectors)});
  while (kept_.size() > 1 && kept_floats_ * sizeof(float) > engine::kKeptPictureBytes) {
    kept_floats_ -= kept_.back().vectors.size();
    kept_.pop_back();
  }
  return &kept_.front().vectors;
}

Result<std::span<const float>> Eyes::encode(const PictureRun& picture) {
  if (const auto known = std::ranges::find(kept_, picture.name, &Kept::name); known != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, known);
    return std::span<const float>(known->vectors);
  }
  ASSIGN_OR_RETURN(const auto* chunk, prepared(picture));
  {
    const AttentionAside aside;
    if (mtmd_encode_chunk(context_.get(), chunk) != 0)
      return fail(ErrorCode::kInternal, "The model failed while looking at a picture; the request can be sent again", last_llama_errors());
  }
  if (picture.last_part) {
    prepared_of_.clear();
    prepared_.reset();
  }
  const float* out = mtmd_get_output_embd(context_.get());
  return std::span<const float>(*keep(picture.name, std::vector<float>(out, out + picture.tokens * width_)));
}

}  // namespace siyu::worker
