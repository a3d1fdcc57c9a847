#include "cli/resumed_document.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "cli/output.h"
#include "codec/json_fields.h"

namespace stoker::cli {

using codec::object_of;
using codec::text_of;

namespace {

// Calls visit(place, step) for each step; the place names pipeline and step.
template <class Value, class Visit>
void for_each_step(Value& document, const std::string& pipeline, const Visit& visit) {
  if (!document.is_object()) return;
  auto& object = document.get_object();
  for (const auto* list : {"steps", "finally"}) {
    auto* steps = object.if_contains(list);
    if (steps == nullptr || !steps->is_array()) continue;
    for (auto& step : steps->get_array()) {
      if (step.is_object()) visit(pipeline + "/" + text_of(step.get_object(), "name"), step.get_object());
    }
  }
  auto* pipelines = object.if_contains("pipelines");
  if (pipelines == nullptr || !pipelines->is_object()) return;
  for (auto& entry : pipelines->get_object())
    for_each_step(entry.value(), pipeline + "/" + std::string(entry.key()), visit);
}

bool has_python_steps(const json::value& document) {
  bool found = false;
  for_each_step(document, "", [&](const std::string&, const json::object& step) { found |= step.contains("python"); });
  return found;
}

bool same_function(const json::object& one, const json::object& other) {
  return text_of(one, "file") == text_of(other, "file") && text_of(one, "function") == text_of(other, "function");
}

}  // namespace

Result<ResumedDocument> resumed_document(const Program& program, const metadata::RunRow& row,
                                         const std::optional<std::string>& python, const std::filesystem::path& store) {
  ResumedDocument resumed{.source = row.document, .compiled_at = std::nullopt, .host = nullptr};
  if (!has_python_steps(row.document)) return resumed;
  const auto& extra = object_of(row.extra);
  const std::string file = text_of(extra, "file");
  if (!file.ends_with(".py")) {
    resumed.code_known = false;
    return resumed;
  }
  SourceRequest request{
      .file = file, .python = python, .store = store, .working_directory = text_of(extra, "workingDirectory")};
  if (extra.contains("selected")) request.pipeline = text_of(extra, "selected");
  TRY_ASSIGN(auto now, load_pipeline(program, request).with_context("resume with the code as it is now"));
  std::map<std::string, const json::object*> fresh;
  for_each_step(std::as_const(now.document->source), "",
                [&](const std::string& place, const json::object& step) { fresh[place] = &step; });
  std::size_t known = 0, changed = 0;
  for_each_step(resumed.source, "", [&](const std::string& place, json::object& step) {
    const auto found = fresh.find(place);
    if (found != fresh.end()) ++known;
    json::value* body = step.if_contains("python");
    if (body == nullptr || !body->is_object()) return;
    static const json::object kNoStep;
    const auto& now_body = object_of(found != fresh.end() ? *found->second : kNoStep, "python");
    if (!same_function(body->get_object(), now_body)) {
      ++changed;
      step["cache"] = false;
    } else if (const auto* code = now_body.if_contains("code")) {
      body->get_object()["code"] = *code;
    }
  });
  if (changed > 0 || known < fresh.size()) {
    say(fmt::format("the pipeline has other steps now; this run goes on with those it began with (anew: stoker run {})",
                    file));
  }
  resumed.compiled_at = now.compiled_at;
  resumed.host = std::move(now.host);
  return resumed;
}

}  // namespace stoker::cli
