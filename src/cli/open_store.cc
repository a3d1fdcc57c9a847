#include "cli/open_store.h"

#include "metadata/location.h"
#include "metadata/run_lock.h"

namespace stoker::cli {

Result<std::filesystem::path> store_folder(const Program&, const CommonOptions& common,
                                           const std::filesystem::path& start) {
  std::optional<std::filesystem::path> option;
  if (common.store) option = *common.store;
  TRY_ASSIGN(auto location, metadata::find_store(option, start));
  return location.folder;
}

Result<std::unique_ptr<metadata::Store>> open_store(const Program& program, const CommonOptions& common) {
  TRY_ASSIGN(const auto folder, store_folder(program, common, program.working_directory));
  auto store = metadata::Store::open(folder, {.create = false});
  if (!store.ok() && store.error().code == ErrorCode::not_found) {
    store.error().hint = "run a pipeline first (stoker run pipeline.py), or name another store with --store";
  }
  return store;
}

std::string shown_state(const metadata::Store& store, const RunId& run, metadata::RunState state) {
  if (state == metadata::RunState::running) {
    const auto owned = metadata::is_owned(store.folder(), run);
    if (owned.ok() && !owned.value()) return "interrupted";
  }
  return std::string(metadata::run_state_name(state));
}

}  // namespace stoker::cli
