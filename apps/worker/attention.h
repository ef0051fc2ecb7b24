// Attention over a KV cache that many sequences share, for the CPU.
//
// llama.cpp computes it row by row: each query of each head walks over every cell of the cache, looks at its mask, and reads the
// keys and values of those it may see. Sixteen answers behind one system prompt read that prompt's keys sixteen times. Here
// the cells are first sorted by who may see them; each group's keys and values are then read and converted once for all queries
// that see them, in blocks that stay in the cache of the processor. The sorting is done once for all layers of a step.
//
// It takes the place of one operation (GGML_OP_FLASH_ATTN_EXT) inside ggml's own threads, through the hook that ggml's
// CPU backend has for such accelerations; what it does not know is left to ggml.
#pragma once

namespace siyu::worker {

/// Once per process, before the first model is loaded.
void install_attention();

/// Before every llama_decode: what was known of the cache holds no more.
void begin_attention_step();

/// Leaves all to ggml, while something else than a model over its KV cache is computed.
void set_attention_aside(bool aside);

}  // namespace siyu::worker
