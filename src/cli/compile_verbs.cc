#include <fmt/format.h>

#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/pipeline_source.h"
#include "cli/verbs.h"
#include "codec/yaml_write.h"
#include "runtime/file.h"

namespace stoker::cli {

Result<int> run_compile(const Program& program, const CommonOptions& common, const CompileCommand& command) {
  const auto file = (program.working_directory / command.file).lexically_normal();
  TRY_ASSIGN(const auto folder, store_folder(program, common, file.parent_path()));
  TRY_ASSIGN(const auto source, load_pipeline(program, {.file = command.file,
                                                        .pipeline = command.pipeline,
                                                        .python = command.python,
                                                        .recompile = command.recompile,
                                                        .store = folder}));
  const auto text =
      command.yaml ? codec::write_yaml(source.document->source) : codec::write_json_pretty(source.document->source);
  if (!command.output) {
    print(text);
    return 0;
  }
  TRY(runtime::write_file(program.working_directory / *command.output, text, 0644));
  return 0;
}

Result<int> run_validate(const Program& program, const CommonOptions& common, const ValidateCommand& command) {
  int code = 0;
  for (const auto& file : command.files) {
    const auto source = load_pipeline(program, {.file = file, .python = command.python, .store = {}});
    if (!source.ok()) {
      print_error(source.error());
      code = std::max(code, exit_code(source.error().code));
    } else if (!common.json) {
      print(fmt::format("{}: pipeline {} with {} steps is valid\n", file, source.value().document->main.name.str(),
                        source.value().document->main.steps.size() + source.value().document->main.finally.size()));
    }
  }
  return code;
}

}  // namespace stoker::cli
