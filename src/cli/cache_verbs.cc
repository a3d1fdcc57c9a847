#include <fmt/format.h>

#include "cli/event_text.h"
#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "pipeline/run_state.h"

namespace stoker::cli {

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
                                {"created", pipeline::format_time(entry.created)},
                                {"hits", entry.hits},
                                {"parts", entry.parts},
                                {"observed", entry.observed}});
    table.add({entry.key.substr(0, 12), entry.pipeline.str(), entry.path.str(), entry.run.str(),
               human_age(entry.created, now), std::to_string(entry.hits),
               entry.last_hit ? human_age(*entry.last_hit, now) : ""});
  }
  if (common.json) {
    print(codec::write_json(list) + "\n");
  } else {
    print(table.empty() ? "the cache is empty\n" : table.text());
  }
  return 0;
}

Result<int> run_cache_explain(const Program& program, const CommonOptions& common, const CacheExplainCommand& command) {
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto id, store->find_run(command.run));
  TRY_ASSIGN(const auto step, store->load_step(id, StepPath(command.step)));
  if (common.json) {
    print(codec::write_json(json::object{
              {"step", step.path.str()}, {"cached", step.cached}, {"key", step.cache_key}, {"cache", step.cache}}) +
          "\n");
    return 0;
  }
  const auto& cache = step.cache.is_object() ? step.cache.get_object() : object_of({}, "");
  const auto why = text_of(cache, "why");
  print(fmt::format("{} of run {}: {}\n", step.path.str(), id.str(), step.cached ? "taken from the cache" : "ran"));
  if (!why.empty()) print("why: " + why + "\n");
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
    print(codec::write_json(json::object{{"invalidated", count}}) + "\n");
  } else {
    print(fmt::format("forgot {} {}\n", count, count == 1 ? "entry" : "entries"));
  }
  return 0;
}

}  // namespace stoker::cli
