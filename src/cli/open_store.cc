#include "cli/open_store.h"

#include "metadata/run_lock.h"

namespace stoker::cli {

Result<metadata::StoreLocation> find_store_location(const CommonOptions& common, const std::filesystem::path& start) {
  std::optional<std::filesystem::path> option;
  if (common.store) option = *common.store;
  return metadata::find_store(option, start);
}

Result<std::unique_ptr<metadata::Store>> open_store(const Program& program, const CommonOptions& common) {
  TRY_ASSIGN(const auto location, find_store_location(common, program.working_directory));
  auto store = metadata::Store::open(location.folder, {.create = false});
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
