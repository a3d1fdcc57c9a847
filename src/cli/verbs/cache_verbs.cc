#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/verbs/verbs.h"
#include "cli/view/step_rows.h"
#include "codec/json_fields.h"
#include "codec/time.h"
#include "pipeline/run/run_state.h"

namespace stoker::cli {

using codec::text_of;

Result<int> run_cache_list(const Program& program, const CommonOptions& common, const CacheListCommand& command) {
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto entries,
             store->list_cached({.pipeline = command.pipeline.value_or(""), .step = command.step.value_or("")}));
  Table table({"KEY", "PIPELINE", "STEP", "RUN", "AGE", "HITS", "LAST HIT"});
  json::array list;
  const auto now = program.clock.wall_now();
  for (const auto& entry : entries) {
    list.push_back(json::object{{"key", entry.key},
                                {"pipeline", entry.pipeline.str()},
                                {"step", entry.step.str()},
                                {"path", entry.path.str()},
                                {"run", entry.run.str()},
                                {"created", codec::format_time(entry.created)},
                                {"hits", entry.hits},
                                {"parts", entry.parts},
                                {"observed", entry.observed}});
    table.add({entry.key.substr(0, 12), entry.pipeline.str(), entry.path.str(), entry.run.str(),
               human_age(entry.created, now), std::to_string(entry.hits),
               entry.last_hit ? human_age(*entry.last_hit, now) : ""});
  }
  if (common.json) {
    print_json(list);
  } else if (table.empty()) {
    print(command.pipeline || command.step ? "no such entries\n" : "the cache is empty\n");
  } else {
    print_table(table);
  }
  return 0;
}

Result<int> run_cache_explain(const Program& program, const CommonOptions& common, const CacheExplainCommand& command) {
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto id, store->find_run(command.run));
  TRY_ASSIGN(const auto steps, store->load_steps(id));
  const auto found =
      std::find_if(steps.begin(), steps.end(), [&](const auto& step) { return step.path.str() == command.step; });
  if (found == steps.end()) return no_such_step(id, command.step, steps);
  const auto& step = *found;
  if (common.json) {
    print_json(json::object{
        {"step", step.path.str()}, {"cached", step.cached}, {"key", step.cache_key}, {"cache", step.cache}});
    return 0;
  }
  const auto why = step.cache.is_object() ? text_of(step.cache.get_object(), "why") : "";
  const std::string what = step.cached ? "taken from the cache" : step.state == "succeeded" ? "ran" : step.state;
  print(fmt::format("{} of run {}: {}\n", step.path.str(), id.str(), what));
  if (!why.empty()) print("why: " + why + "\n");
  const auto note = step.cache.is_object() ? text_of(step.cache.get_object(), "note") : "";
  if (!note.empty()) print("its result is " + note + "\n");
  if (!step.cache_key.empty()) print("key: " + step.cache_key + "\n");
  return 0;
}

Result<int> run_cache_invalidate(const Program& program, const CommonOptions& common,
                                 const CacheInvalidateCommand& command) {
  metadata::CacheFilter filter{
      .key = command.key.value_or(""), .pipeline = command.pipeline.value_or(""), .step = command.step.value_or("")};
  const bool narrowed = command.key || command.pipeline || command.step;
  if (narrowed == command.all) {
    return Error{.code = ErrorCode::usage,
                 .message = "say which entries",
                 .hint = "stoker cache invalidate --step train, or --pipeline, --key, or --all for every entry"};
  }
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto count, store->invalidate_cached(filter));
  if (common.json) {
    print_json(json::object{{"invalidated", count}});
    return 0;
  }
  print(fmt::format("forgot {} {}\n", count, count == 1 ? "entry" : "entries"));
  if (count == 0 && command.step) {
    TRY_ASSIGN(const auto entries, store->list_cached());
    std::set<std::string> names;
    for (const auto& entry : entries)
      names.insert(entry.path.str());
    const auto near = did_you_mean(*command.step, std::vector<std::string>(names.begin(), names.end()));
    if (!near.empty()) print(near + "\n");
  }
  return 0;
}

}  // namespace stoker::cli
