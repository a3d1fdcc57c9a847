#include <fmt/format.h>

#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/pipeline_source.h"
#include "cli/verbs/verbs.h"
#include "codec/yaml_write.h"
#include "runtime/file.h"

namespace stoker::cli {

namespace {

// A device, a pipe or a link is written through; a rename would put a file in its place.
Result<void> write_output(const std::filesystem::path& path, const std::string& text) {
  std::error_code ignored;
  const auto kind = std::filesystem::symlink_status(path, ignored).type();
  if (kind == std::filesystem::file_type::not_found || kind == std::filesystem::file_type::regular)
    return runtime::write_file(path, text, 0644);
  TRY_ASSIGN(const auto file, runtime::open_file(path, runtime::OpenMode::create, 0644));
  return runtime::write_all(file.get(), text).with_context("write " + path.string());
}

json::object problem_json(const Error& error) {
  return {{"code", error_code_name(error.code)}, {"message", error.describe()}, {"hint", error.hint}};
}

}  // namespace

Result<int> run_compile(const Program& program, const CommonOptions& common, const CompileCommand& command) {
  const auto file = (program.working_directory / command.file).lexically_normal();
  TRY_ASSIGN(const auto location, find_store_location(common, file.parent_path()));
  TRY_ASSIGN(const auto source, load_pipeline(program, {.file = command.file,
                                                        .pipeline = command.pipeline,
                                                        .python = command.python,
                                                        .recompile = command.recompile,
                                                        .store = location.folder}));
  const auto text =
      command.yaml ? codec::write_yaml(source.document->source) : codec::write_json_pretty(source.document->source);
  if (!command.output || *command.output == "-") {
    print(text);
    return 0;
  }
  TRY(write_output(program.working_directory / *command.output, text));
  return 0;
}

Result<int> run_validate(const Program& program, const CommonOptions& common, const ValidateCommand& command) {
  int code = 0;
  json::array list;
  for (const auto& file : command.files) {
    const auto source = load_pipeline(program, {.file = file, .python = command.python, .store = {}});
    json::object row{{"file", file}, {"valid", source.ok()}};
    if (source.ok()) {
      const auto& main = source.value().document->main;
      row["pipeline"] = main.name.str();
      row["steps"] = main.steps.size() + main.finally.size();
      if (!common.json) {
        print(fmt::format("{}: pipeline {} with {} steps is valid\n", file, main.name.str(),
                          main.steps.size() + main.finally.size()));
      }
    } else {
      row["error"] = problem_json(source.error());
      if (!common.json) print_error(source.error());
      code = std::max(code, exit_code(source.error().code));
    }
    list.push_back(std::move(row));
  }
  if (common.json) print_json(list);
  return code;
}

}  // namespace stoker::cli
