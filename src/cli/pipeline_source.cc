#include "cli/pipeline_source.h"

#include <fmt/format.h>

#include "cli/interpreter.h"
#include "cli/signals.h"
#include "codec/json_fields.h"
#include "engine/compile_cache.h"
#include "pipeline/validate.h"
#include "runtime/file.h"

namespace stoker::cli {

using codec::number_of;
using codec::object_of;
using codec::text_of;

namespace {

constexpr std::size_t kMaximumDocumentBytes = 64 * 1024 * 1024;
// Importing a user's module may load a model; a compile that takes longer hangs.
constexpr std::chrono::minutes kCompileLimit{10};

// The user's own traceback is what helps; ours never shows.
Error compile_error(const json::object& reply, const std::filesystem::path& file,
                    const local::Interpreter& interpreter) {
  const auto& error = object_of(reply, "error");
  const auto kind = text_of(error, "kind");
  const auto type = text_of(error, "type");
  auto message = text_of(error, "message");
  if (kind == "import") message = fmt::format("{} failed on import: {}: {}", file.filename().string(), type, message);
  auto hint = text_of(error, "hint");
  if (kind == "import") {
    const auto traceback = text_of(error, "traceback");
    hint = traceback + (hint.empty() || traceback.empty() ? "" : "\n") + hint;
    if (type == "ModuleNotFoundError") {
      hint +=
          fmt::format("{}the interpreter is {} ({}); install the module there, or choose another with --python",
                      hint.empty() || hint.ends_with('\n') ? "" : "\n", interpreter.path.string(), interpreter.reason);
    }
  } else if (const auto line = number_of(error, "line"); line > 0) {
    message = fmt::format("{}:{}: {}", text_of(error, "file"), line, message);
  }
  return {.code = kind == "usage" ? ErrorCode::usage : ErrorCode::invalid_document, .message = message, .hint = hint};
}

Result<json::value> compile(const Program& program, const SourceRequest& request, PipelineSource& source) {
  TRY_ASSIGN(source.interpreter, find_python(program, request.python, source.project_root));
  TRY_ASSIGN(const auto sdk, program.sdk_folder());
  const engine::CompileCache cache(request.store / "cache" / "compile",
                                   [&](const std::string& name) { return program.variable(name); });
  const engine::CompileRequest key{source.file, request.pipeline.value_or(""), source.interpreter->path.string(),
                                   sdk.filename().string()};
  if (!request.recompile && !request.store.empty()) {
    if (auto found = cache.find(key)) return std::move(*found);
  }
  // The user's module may hang, and the host does not hear the terminal: without this, Ctrl-C would leave it running.
  runtime::StopSource stop;
  const SignalWatch signals([&](int) { stop.request_stop(); });
  TRY_ASSIGN(auto host, local::PythonHost::start(
                            {.python = source.interpreter->path,
                             .environment = program.environment,
                             .working_directory = request.working_directory.empty() ? program.working_directory
                                                                                    : request.working_directory,
                             .sdk = sdk},
                            program.clock));
  const runtime::Context context{.deadline = runtime::Deadline::after(program.clock, kCompileLimit),
                                 .stop = stop.get_token()};
  TRY_ASSIGN(auto reply, host->compile(source.file, request.pipeline.value_or(""), {}, context));
  TRY(context.check(program.clock));
  if (text_of(reply, "op") != "compiled") return compile_error(reply, source.file, *source.interpreter);
  source.host = std::move(host);
  auto document = reply["document"];
  if (!request.store.empty()) {
    // A cache that cannot be written costs time, not the run.
    if (auto kept = cache.put(key, document, reply["dependencies"]); !kept.ok())
      print_error(std::move(kept).error().with_context("compile cache"));
  }
  return document;
}

// A document names Python files by path, and they may have changed since it was compiled. Functions that travel by
// value (of a notebook, whose document is made for one run) are what they were.
void forget_code(pipeline::Document& document) {
  const auto forget = [](std::vector<pipeline::Step>& steps) {
    for (auto& step : steps) {
      auto* python = std::get_if<pipeline::PythonStep>(&step.body);
      if (python == nullptr || python->file.empty()) continue;
      python->code = {
          {"unknown", "a compiled document does not tell whether its Python files changed since; stoker run " +
                          python->file + " does"}};
    }
  };
  const auto forget_all = [&](pipeline::Pipeline& pipeline) {
    forget(pipeline.steps);
    forget(pipeline.finally);
  };
  forget_all(document.main);
  for (auto& [name, pipeline] : document.pipelines)
    forget_all(pipeline);
}

}  // namespace

pipeline::LoadOptions document_options(const std::filesystem::path& directory) {
  return {.directory = directory.string(),
          .read_file = [](const std::string& path) { return runtime::read_file(path, kMaximumDocumentBytes); }};
}

std::filesystem::path project_root_of(const std::filesystem::path& file) {
  std::error_code ignored;
  for (auto folder = file.parent_path();; folder = folder.parent_path()) {
    for (const auto* mark : {"pyproject.toml", ".stoker", ".git"}) {
      if (std::filesystem::exists(folder / mark, ignored)) return folder;
    }
    if (folder == folder.parent_path()) return file.parent_path();
  }
}

Result<PipelineSource> load_pipeline(const Program& program, const SourceRequest& request) {
  PipelineSource source;
  source.compiled_at = program.clock.wall_now();
  source.file = (program.working_directory / request.file).lexically_normal();
  std::error_code failure;
  const auto status = std::filesystem::status(source.file, failure);
  if (!std::filesystem::exists(status)) {
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("there is no file {}", request.file),
                 .hint = "make a first pipeline with: stoker init"};
  }
  if (std::filesystem::is_directory(status)) {
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("{} is a folder", request.file),
                 .hint = fmt::format("name the pipeline file: {}/pipeline.py", request.file)};
  }
  source.project_root = project_root_of(source.file);
  const auto directory = source.file.parent_path();
  if (source.file.extension() == ".py") {
    TRY_ASSIGN(auto value, compile(program, request, source));
    TRY_ASSIGN(auto document, pipeline::load_document(std::move(value), request.file, document_options(directory)));
    source.document = std::make_shared<const pipeline::Document>(std::move(document));
    return source;
  }
  TRY_ASSIGN(auto text, runtime::read_file(source.file, kMaximumDocumentBytes));
  TRY_ASSIGN(auto document, pipeline::load_document(std::move(text), request.file, document_options(directory)));
  forget_code(document);
  source.document = std::make_shared<const pipeline::Document>(std::move(document));
  return source;
}

}  // namespace stoker::cli
