// What a model sees with: its projector, through mtmd, llama.cpp's library for it. A prompt's text holds a marker for each
// picture; tokenising makes places of them, which the scheduler fills with the encoded pictures.
//
// Pictures are encoded when their places are computed, so one that lies in the KV cache already costs nothing. Places of the same
// picture have the same name everywhere, and those of different ones never do: the prefix cache compares nothing else.
#pragma once

#include <mtmd.h>

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "prefix_cache.h"

namespace siyu::worker {

using engine::Token;

/// Among the tokens of a prompt, places of a picture: its name (below this), then this for each further place.
constexpr Token kInsidePicture = PrefixCache::kInsidePicture;
constexpr bool is_text(Token token) { return token >= 0; }

struct MtmdDeleter {
  void operator()(mtmd_context* context) const { mtmd_free(context); }
  void operator()(mtmd_bitmap* bitmap) const { mtmd_bitmap_free(bitmap); }
  void operator()(mtmd_input_chunks* chunks) const { mtmd_input_chunks_free(chunks); }
};

/// A picture's file in memory, shared by all its parts.
struct PictureFile {
  std::string bytes, sha256;
  std::uint32_t width = 0, height = 0;
};

/// A run of places that a picture takes, or one part of it: some models cut pictures into tiles.
struct PictureRun {
  std::size_t begin = 0;        ///< among the prompt's tokens
  std::size_t tokens = 0;       ///< places
  std::int32_t positions = 0;   ///< by which what follows is further on; less than the places where they lie in two dimensions
  Token name = 0;
  std::size_t part = 0;         ///< of its file's parts, in the order of the prompt
  bool last_part = true;
  std::shared_ptr<const PictureFile> file;
  std::shared_ptr<const mtmd_input_chunks> owner;  ///< of `chunk`, without pixels
  const mtmd_input_chunk* chunk = nullptr;         ///< knows where each place lies
};

class Eyes {
 public:
  /// kCorrupted when the file is no projector for this model.
  static Result<std::unique_ptr<Eyes>> open(const std::string& path, const llama_model* model, int threads);

  /// What stands for a picture in the text. It is drawn anew for each process, so no text holds it by chance or on purpose.
  const std::string& marker() const { return marker_; }
  bool two_dimensional() const { return mtmd_decode_use_mrope(context_.get()); }
  /// The places of a picture see each other, so they are computed in one step.
  bool sees_whole() const { return mtmd_decode_use_non_causal(context_.get(), nullptr); }

  struct Places {
    std::vector<Token> tokens;
    std::vector<PictureRun> pictures;
  };
  /// Thread-safe. `text` has a marker for each of the pictures, which are base 64.
  Result<Places> tokenize(const std::string& text, const std::vector<const engine::Picture*>& pictures) const;

  /// Inference thread only. `tokens` vectors as the model reads them; they hold until the next call.
  Result<std::span<const float>> encode(const PictureRun& picture);

 private:
  using Chunks = std::unique_ptr<mtmd_input_chunks, MtmdDeleter>;
  struct Kept {
    Token name;
    std::vector<float> vectors;
  };
  Eyes() = default;
  Result<Token> name_of(const PictureRun& picture) const;
  Result<const mtmd_input_chunk*> prepared(const PictureRun& picture);
  const std::vector<float>* keep(Token name, std::vector<float> vectors);

  std::unique_ptr<mtmd_context, MtmdDeleter> context_;
  std::string marker_;
  std::size_t width_ = 0;  // floats of one place

  // Names of pictures seen lately. One that is forgotten gets another name, and is computed again.
  mutable std::mutex mu_;
  mutable std::unordered_map<std::string, Token> names_;  // guarded by mu_
  mutable std::deque<std::string> oldest_;                // guarded by mu_
  mutable Token next_ = kInsidePicture - 1;               // guarded by mu_

  // inference thread only
  std::list<Kept> kept_;  // the last used first
  std::size_t kept_floats_ = 0;
  std::string prepared_of_;  // the file whose parts are ready for encoding
  Chunks prepared_;
};

}  // namespace siyu::worker
