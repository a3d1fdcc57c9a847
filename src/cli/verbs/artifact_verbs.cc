#include <fmt/format.h>

#include "base/strings.h"
#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/verbs/verbs.h"
#include "cli/view/run_view.h"
#include "cli/view/step_rows.h"
#include "codec/json_fields.h"
#include "objects/local_artifact_store.h"

namespace stoker::cli {

using codec::flag_of;
using codec::number_of;
using codec::object_of;
using codec::text_of;

namespace {

constexpr std::size_t kPreviewColumns = 24;
constexpr std::size_t kTypeColumns = 60;

// One output of a step as the run recorded it: {"artifact": {…}, "value": …?}.
struct FoundOutput {
  StepPath step;
  std::string output;
  json::object record;
  std::string uri() const { return text_of(object_of(record, "artifact"), "uri"); }
};

Result<FoundOutput> pick_output(const metadata::StepRow& step, const std::string& output) {
  static const json::object kNone;
  const auto& outputs = step.outputs.is_object() ? step.outputs.get_object() : kNone;
  std::vector<std::string> names;
  for (const auto& each : outputs)
    names.emplace_back(each.key());
  if (names.empty())
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("step {} has no outputs ({})", step.path.str(), step.state)};
  if (output.empty() && names.size() > 1) {
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("step {} has several outputs: {}", step.path.str(), join(names, ", ")),
                 .hint = fmt::format("name one: {}/{}", step.path.str(), names.front())};
  }
  const auto& name = output.empty() ? names.front() : output;
  const auto* record = outputs.if_contains(name);
  if (record == nullptr || !record->is_object()) {
    auto hint = did_you_mean(name, names);
    if (hint.empty()) hint = "it has: " + join(names, ", ");
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("step {} has no output \"{}\"", step.path.str(), name),
                 .hint = hint};
  }
  return FoundOutput{step.path, name, record->get_object()};
}

// STEP or STEP/OUTPUT; a step inside a sub-pipeline has `/` in its own path, so the longest step path wins.
Result<FoundOutput> find_output(metadata::Store& store, const RunId& run, const std::string& name) {
  TRY_ASSIGN(const auto steps, store.load_steps(run));
  for (const auto& step : steps) {
    if (step.path.str() == name) return pick_output(step, "");
  }
  const auto slash = name.rfind('/');
  const auto step_name = name.substr(0, slash);
  for (const auto& step : steps) {
    if (slash != std::string::npos && step.path.str() == step_name) return pick_output(step, name.substr(slash + 1));
  }
  return no_such_step(run, step_name, steps);
}

// The columns of a schema in Spark's notation; false when it is another.
bool print_fields(const json::value& schema) {
  const auto* fields = object_of(schema).if_contains("fields");
  if (fields == nullptr || !fields->is_array()) return false;
  Table table({"COLUMN", "TYPE", "NULLABLE"});
  for (const auto& field : fields->get_array()) {
    const auto& column = object_of(field);
    const auto* type = column.if_contains("type");
    if (type == nullptr) return false;
    table.add({text_of(column, "name"), short_value(*type, kTypeColumns), flag_of(column, "nullable") ? "yes" : "no"});
  }
  print_table(table);
  return true;
}

// The first rows of a table (api/step-protocol.md, section 7); false when it is none.
bool print_rows(const json::object& preview) {
  const auto* columns = preview.if_contains("columns");
  const auto* rows = preview.if_contains("rows");
  if (columns == nullptr || !columns->is_array() || rows == nullptr || !rows->is_array()) return false;
  std::vector<std::string> header;
  for (const auto& column : columns->get_array())
    header.push_back(short_value(column, kPreviewColumns));
  Table table(header);
  for (const auto& row : rows->get_array()) {
    if (!row.is_array() || row.get_array().size() != header.size()) return false;
    std::vector<std::string> cells;
    for (const auto& cell : row.get_array())
      cells.push_back(short_value(cell, kPreviewColumns));
    table.add(std::move(cells));
  }
  print_table(table);
  return true;
}

void print_preview(const json::value& preview) {
  const auto& object = object_of(preview);
  if (text_of(object, "kind") == "table" && print_rows(object)) return;
  const auto text = text_of(object, "text");
  print(text.empty() ? codec::write_json_pretty(preview) : text + "\n");
}

void print_manifest(const objects::Manifest& manifest, const std::string& uri) {
  Table table({"WHAT", "VALUE"});
  table.add({"type", manifest.type});
  table.add({"class", manifest.materializer});
  table.add({"bytes", human_bytes(static_cast<double>(manifest.bytes))});
  if (manifest.rows) table.add({"rows", std::to_string(*manifest.rows)});
  table.add({"digest", manifest.digest});
  table.add({"made by", fmt::format("run {}, step {}, attempt {}", manifest.created_by.run, manifest.created_by.step,
                                    manifest.created_by.attempt)});
  table.add({"folder", uri});
  if (manifest.pickle) table.add({"note", "loading it runs pickled code"});
  if (manifest.value) table.add({"value", short_value(*manifest.value, 200)});
  print_table(table);
  if (manifest.schema) {
    print("\nschema\n");
    if (!print_fields(*manifest.schema)) print(codec::write_json_pretty(*manifest.schema));
  }
  if (manifest.preview) {
    print("\npreview\n");
    print_preview(*manifest.preview);
  }
}

}  // namespace

Result<int> run_artifacts_list(const Program& program, const CommonOptions& common,
                               const ArtifactsListCommand& command) {
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto id, store->find_run(command.run));
  TRY_ASSIGN(auto steps, store->load_steps(id));
  sort_as_run(steps);
  Table table({"ARTIFACT", "TYPE", "SIZE", "ROWS", "VALUE"});
  json::array list;
  for (const auto& step : steps) {
    if (!step.outputs.is_object()) continue;
    for (const auto& output : step.outputs.get_object()) {
      if (!output.value().is_object()) continue;
      const auto& record = output.value().get_object();
      const auto& artifact = object_of(record, "artifact");
      const auto* value = record.if_contains("value");
      json::object row = record;
      row["step"] = step.path.str();
      row["output"] = output.key();
      list.push_back(std::move(row));
      table.add({step.path.str() + "/" + std::string(output.key()), text_of(artifact, "type"),
                 artifact.contains("bytes") ? human_bytes(static_cast<double>(number_of(artifact, "bytes"))) : "",
                 artifact.contains("rows") ? std::to_string(number_of(artifact, "rows")) : "",
                 value != nullptr ? short_value(*value) : ""});
    }
  }
  if (common.json) {
    print_json(list);
  } else if (table.empty()) {
    print(fmt::format("run {} has no artifacts\n", id.str()));
  } else {
    print_table(table);
  }
  return 0;
}

Result<int> run_artifacts_show(const Program& program, const CommonOptions& common,
                               const ArtifactsShowCommand& command) {
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto id, store->find_run(command.run));
  TRY_ASSIGN(const auto found, find_output(*store, id, command.name));
  if (found.uri().empty()) {
    print(common.json ? codec::write_json(found.record) + "\n" : codec::write_json_pretty(found.record));
    return 0;
  }
  const objects::LocalArtifactStore artifacts(store->folder());
  TRY_ASSIGN(const auto manifest, artifacts.open(found.uri(), objects::Check::files));
  if (common.json) {
    print_json(objects::manifest_to_json(manifest));
  } else {
    print_manifest(manifest, found.uri());
  }
  return 0;
}

Result<int> run_artifacts_path(const Program& program, const CommonOptions& common,
                               const ArtifactsPathCommand& command) {
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto id, store->find_run(command.run));
  TRY_ASSIGN(const auto found, find_output(*store, id, command.name));
  if (found.uri().empty()) {
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("{}/{} is a plain value without a folder", found.step.str(), found.output),
                 .hint = "see it with: stoker artifacts show " + command.name};
  }
  const objects::LocalArtifactStore artifacts(store->folder());
  TRY_ASSIGN(const auto manifest, artifacts.open(found.uri(), objects::Check::files));
  std::filesystem::path path = found.uri();
  for (const auto* content : {"data", "model"}) {
    if (std::error_code ignored; std::filesystem::exists(path / content, ignored)) {
      path /= content;
      break;
    }
  }
  if (common.json) {
    print_json(json::object{{"path", path.string()}});
  } else {
    print(path.string() + "\n");
  }
  return 0;
}

}  // namespace stoker::cli
