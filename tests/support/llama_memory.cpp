// Prints what llama.cpp itself would take for a model, without taking it: weights, context (the KV cache) and compute buffers, in bytes.
// The planner's figures are held against it.
//
//   llama_memory model.gguf --context 8192 --sequences 16 --batch 512 [--outputs 80] [--kv-type q8_0] [--split]
#include <ggml-backend.h>
#include <ggml.h>
#include <llama-ext.h>
#include <llama.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>

namespace {

struct Options {
  std::string file, kv_type = "f16";
  std::uint32_t context = 4096, sequences = 1, batch = 512, outputs = 0;
  bool split = false, verbose = false;
};
const std::map<std::string, ggml_type> kTypes{{"f16", GGML_TYPE_F16}, {"q8_0", GGML_TYPE_Q8_0}, {"f32", GGML_TYPE_F32}};

int report(const Options& options) {
  auto model_params = llama_model_default_params();
  model_params.no_alloc = true;
  model_params.load_mode = LLAMA_LOAD_MODE_NONE;
  auto* model = llama_model_load_from_file(options.file.c_str(), model_params);
  if (model == nullptr) return 1;
  auto params = llama_context_default_params();
  params.n_ctx = options.context;
  params.n_batch = params.n_ubatch = options.batch;
  params.n_seq_max = options.sequences;
  params.n_outputs_max = options.outputs > 0 ? options.outputs : options.sequences;
  params.type_k = params.type_v = kTypes.at(options.kv_type);
  params.kv_unified = !options.split;
  auto* context = llama_init_from_model(model, params);
  if (context == nullptr) return 1;
  llama_memory_breakdown_data all;
  for (const auto& [type, bytes] : llama_get_memory_breakdown(context)) {
    if (options.verbose) std::fprintf(stderr, "%s: model %zu context %zu compute %zu\n", ggml_backend_buft_name(type), bytes.model, bytes.context, bytes.compute);
    all.model += bytes.model;
    all.context += bytes.context;
    all.compute += bytes.compute;
  }
  std::printf("{\"weights\": %zu, \"kv\": %zu, \"compute\": %zu, \"parameters\": %llu}\n", all.model, all.context, all.compute,
              static_cast<unsigned long long>(llama_model_n_params(model)));
  llama_free(context);
  llama_model_free(model);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("What llama.cpp would take for a model");
  app.add_option("file", options.file)->required()->check(CLI::ExistingFile);
  app.add_option("--context", options.context, "Tokens that the KV cache holds");
  app.add_option("--sequences", options.sequences);
  app.add_option("--batch", options.batch, "Tokens of a step");
  app.add_option("--outputs", options.outputs, "Rows of logits in a step; as many as sequences when absent");
  app.add_option("--kv-type", options.kv_type)->check(CLI::IsMember({"f16", "q8_0", "f32"}));
  app.add_flag("--split", options.split, "A cache of its own for each sequence");
  app.add_flag("--verbose", options.verbose);
  CLI11_PARSE(app, argc, argv);
  llama_log_set([](ggml_log_level level, const char* text, void* verbose) { if (level == GGML_LOG_LEVEL_ERROR || *static_cast<bool*>(verbose)) std::fputs(text, stderr); }, &options.verbose);
  llama_backend_init();
  return report(options);
}
