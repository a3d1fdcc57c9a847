#include <fmt/format.h>

#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/verbs/verbs.h"
#include "cli/view/run_view.h"
#include "objects/gc.h"

namespace stoker::cli {

Result<int> run_gc(const Program& program, const CommonOptions& common, const GcCommand& command) {
  objects::GcOptions options{.dry_run = command.dry_run};
  // One rule given alone is the whole rule: `--keep 5` does not also keep everything of the last month.
  if (command.older_than || command.keep) {
    options.policy.keep_for = command.older_than;
    options.policy.keep_last = command.keep;
  }
  if (command.older_than) options.policy.keep_cache_for = *command.older_than;
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto report, objects::collect_garbage(*store, options, program.clock.wall_now()));
  if (common.json) {
    json::array runs;
    for (const auto& run : report.runs)
      runs.push_back(json::string(run.str()));
    print_json(json::object{{"dry_run", command.dry_run},
                            {"runs", std::move(runs)},
                            {"cache_entries", report.cache_entries},
                            {"artifacts", report.artifacts},
                            {"bytes", report.bytes}});
    return 0;
  }
  print(fmt::format("{} {} runs, {} cache entries, {} artifacts, {}\n", command.dry_run ? "would remove" : "removed",
                    report.runs.size(), report.cache_entries, report.artifacts,
                    human_bytes(static_cast<double>(report.bytes))));
  for (const auto& run : report.runs)
    print("  " + run.str() + "\n");
  return 0;
}

}  // namespace stoker::cli
