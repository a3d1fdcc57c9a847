#include "pipeline/run/cache_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/overloaded.h"
#include "base/strings.h"
#include "codec/json_fields.h"
#include "codec/sha256.h"

namespace stoker::pipeline {

namespace {

// Differences named before the rest is counted.
constexpr std::size_t kMaximumDifferences = 5;

// Settings of a session that change how fast and where, never what.
constexpr std::array<std::string_view, 11> kNeutralSession = {
    "master",  "executors", "executorMemory",         "executorCores",        "driverMemory", "driverCores",
    "appName", "name",      "executorMemoryOverhead", "driverMemoryOverhead", "profile"};
constexpr std::array<std::string_view, 9> kNeutralConfiguration = {
    "spark.app.",          "spark.ui.",          "spark.eventLog.",   "spark.executor.",         "spark.history.",
    "spark.driver.memory", "spark.driver.cores", "spark.driver.host", "spark.driver.bindAddress"};

std::string digest_text(std::string_view text) {
  return "sha256:" + codec::sha256_hex(text);
}

json::value short_text(const json::value& value) {
  std::string text = codec::canonical_json(value);
  return text.size() <= kMaximumPartText ? json::value(text) : json::value(digest_text(text));
}

// Why a value has no identity.
struct NoIdentity {
  std::string why;
};

class Identifier {
 public:
  explicit Identifier(const FileIdentity& identity) : identity_(identity) {}

  // The value with every artifact and file replaced by what stands for its content.
  json::value identify(const json::value& value) {
    if (const auto* list = value.if_array()) {
      json::array result;
      for (const auto& item : *list)
        result.push_back(identify(item));
      return result;
    }
    const auto* object = value.if_object();
    if (object == nullptr) return value;
    if (const auto* artifact = object->if_contains("$artifact")) return artifact_identity(artifact->as_object());
    if (const auto* file = object->if_contains("$file")) return file_identity(file->as_object());
    if (const auto* table = object->if_contains("$table")) return table_identity(table->as_object());
    json::object result;
    for (const auto& [key, item] : *object)
      result[key] = identify(item);
    return result;
  }

  const std::optional<NoIdentity>& failed() const { return failed_; }

 private:
  json::value artifact_identity(const json::object& artifact) {
    for (const std::string_view name : {"identity", "digest"}) {
      if (const auto* text = artifact.if_contains(name); text != nullptr && text->is_string()) {
        return json::object{{"$artifact", *text},
                            {"class", artifact.contains("class") ? artifact.at("class") : json::value()}};
      }
    }
    fail("an input artifact has no identity");
    return nullptr;
  }

  json::value file_identity(const json::object& file) {
    const std::string path(file.at("path").as_string());
    std::optional<std::string> digest;
    if (const auto* known = file.if_contains("digest"); known != nullptr && known->is_string())
      digest = std::string(known->get_string());
    if (!digest) digest = identity_(path);
    if (!digest) {
      fail(path.find("://") != std::string::npos ? fmt::format("the version of {} is not known", path)
                                                 : fmt::format("{} cannot be read", path));
      return nullptr;
    }
    // The name counts (readers go by suffixes), the folder does not.
    return json::object{{"$file", *digest}, {"name", path.substr(path.find_last_of('/') + 1)}};
  }

  json::value table_identity(const json::object& table) {
    const json::value* version = table.if_contains("version");
    if (version == nullptr || version->is_null()) {
      fail(fmt::format("the version of table {} is not known: Table(name, version=…) or NAME@VERSION says it",
                       std::string_view(table.at("name").as_string())));
      return nullptr;
    }
    // 3 and "3" are one version: on the command line all are texts.
    return json::object{{"$table", table.at("name")},
                        {"version", version->is_string() ? *version : json::value(codec::canonical_json(*version))}};
  }

  void fail(std::string why) {
    if (!failed_) failed_ = NoIdentity{std::move(why)};
  }

  const FileIdentity& identity_;
  std::optional<NoIdentity> failed_;
};

json::object session_part(const json::object& session) {
  json::object part;
  for (const auto& [name, value] : session) {
    if (std::ranges::find(kNeutralSession, std::string_view(name)) != kNeutralSession.end()) continue;
    if (name != "conf" || !value.is_object()) {
      part[name] = short_text(value);
      continue;
    }
    for (const auto& [key, setting] : value.get_object()) {
      const std::string_view text = key;
      if (std::ranges::any_of(kNeutralConfiguration, [&](std::string_view prefix) { return text.starts_with(prefix); }))
        continue;
      part[key] = short_text(setting);
    }
  }
  return part;
}

std::string add_python(const PythonStep& python, json::object& parts) {
  if (const std::string unknown = codec::text_of(python.code, "unknown"); !unknown.empty()) return unknown;
  const json::value* digest = python.code.if_contains("digest");
  if (digest == nullptr) return "the compiler gave no digest of its code";
  const json::value* pieces = python.code.if_contains("parts");
  parts["code"] = pieces != nullptr && pieces->is_object() && !pieces->get_object().empty()
                      ? *pieces
                      : json::value(json::object{{"all", *digest}});
  if (const json::value* environment = python.code.if_contains("environment");
      environment != nullptr && environment->is_object()) {
    parts["environment"] = *environment;
  }
  parts["function"] = python.function;
  parts["interfaces"] = short_text(python.interfaces);
  if (python.session) parts["session"] = session_part(*python.session);
  return "";
}

std::string add_command(const CommandStep& command, json::object& parts) {
  json::array words;
  for (const auto& word : command.run)
    words.emplace_back(word);
  json::array interpreter;
  for (const auto& word : command.interpreter)
    interpreter.emplace_back(word);
  parts["command"] = json::object{{"run", short_text(words)},
                                  {"script", short_text(json::value(command.script))},
                                  {"interpreter", short_text(interpreter)},
                                  {"stdin", short_text(json::value(command.standard_input))},
                                  {"workingDirectory", command.working_directory}};
  return "";
}

// "" or why the step is never cached.
std::string add_body(const Step& step, json::object& parts) {
  return std::visit(
      overloaded{[&](const PythonStep& python) { return add_python(python, parts); },
                 [&](const CommandStep& command) {
                   if (!step.cache.requested) return std::string("commands are cached only with cache: true");
                   return add_command(command, parts);
                 },
                 [&](const SparkStep& spark) {
                   if (!step.cache.requested) return std::string("Spark applications are cached only with cache: true");
                   parts["manifest"] = json::object{{"all", short_text(spark.manifest)}};
                   return std::string();
                 },
                 [](const WaitStep&) { return std::string("waiting is never cached"); },
                 [](const ResourceStep&) { return std::string("resource steps are never cached"); },
                 [](const PipelineStep&) { return std::string("the steps inside are cached each on its own"); }},
      step.body);
}

json::object outputs_part(const Step& step) {
  json::object part;
  for (const OutputDeclaration& output : step.outputs) {
    part[output.name] = fmt::format("{} {} {} {} {}", static_cast<int>(output.source), output.type, output.materializer,
                                    output.path, output.pattern);
  }
  return part;
}

void collect_files(const json::value& value, std::vector<std::string>& found) {
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list)
      collect_files(item, found);
    return;
  }
  const auto* object = value.if_object();
  if (object == nullptr || object->contains("$artifact") || object->contains("$table")) return;
  if (const auto* file = object->if_contains("$file")) {
    const json::object& fields = file->as_object();
    if (!fields.contains("digest")) found.emplace_back(fields.at("path").as_string());
    return;
  }
  for (const auto& [key, item] : *object)
    collect_files(item, found);
}

}  // namespace

CacheKeyOrNot make_cache_key(const ResolvedStep& resolved, const json::object& facts, const FileIdentity& identity) {
  const Step& step = *resolved.step;
  if (!step.cache.enabled) return Uncacheable{"its cache is off"};
  json::object parts;
  parts["kind"] = step_kind_name(step);
  if (std::string why = add_body(step, parts); !why.empty()) return Uncacheable{std::move(why)};
  Identifier identifier(identity);
  json::object inputs;
  for (const auto& [name, value] : resolved.inputs)
    inputs[name] = short_text(identifier.identify(value));
  if (identifier.failed()) return Uncacheable{identifier.failed()->why};
  parts["inputs"] = std::move(inputs);
  parts["outputs"] = outputs_part(step);
  json::object environment;
  for (const auto& [name, value] : step.environment)
    environment[name] = short_text(json::value(value));
  if (!environment.empty()) parts["env"] = std::move(environment);
  json::object secrets;
  for (const auto& [name, reference] : step.secrets)
    secrets[name] = reference;
  if (!secrets.empty()) parts["secrets"] = std::move(secrets);
  if (!step.cache.extra_key.empty()) parts["key"] = step.cache.extra_key;
  if (!facts.empty()) parts["facts"] = facts;
  parts["version"] = kCacheKeyVersion;
  CacheKey key;
  key.digest = codec::sha256_hex(codec::canonical_json(parts));
  key.parts = std::move(parts);
  return key;
}

std::vector<std::string> files_of(const json::object& inputs) {
  std::vector<std::string> found;
  for (const auto& [name, value] : inputs)
    collect_files(value, found);
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

namespace {

// One word per group for people.
std::string label(std::string_view group, std::string_view name) {
  static const std::map<std::string_view, std::string_view> kWords = {
      {"inputs", "input"}, {"outputs", "output"}, {"secrets", "secret"}, {"facts", "machine's"}};
  const auto word = kWords.find(group);
  std::string text(word == kWords.end() ? group : word->second);
  if (!name.empty()) text += fmt::format(" {}", name);
  return text;
}

std::string plain(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : codec::canonical_json(value);
}

void compare(std::string_view group, std::string_view name, const json::value* before, const json::value* after,
             std::vector<std::string>& found) {
  if (before != nullptr && after != nullptr && *before == *after) return;
  const std::string what = label(group, name);
  if (before == nullptr) {
    found.push_back(fmt::format("{} is new", what));
  } else if (after == nullptr) {
    found.push_back(fmt::format("{} is gone", what));
  } else if (const std::string a = plain(*before), b = plain(*after);
             a.size() > kMaximumPartText || b.size() > kMaximumPartText || a.find("sha256:") != std::string::npos ||
             group == "code") {
    found.push_back(fmt::format("{} changed", what));
  } else {
    found.push_back(fmt::format("{}: {} -> {}", what, a, b));
  }
}

}  // namespace

std::string explain_difference(const json::object& old_parts, const json::object& new_parts) {
  std::set<std::string, std::less<>> groups;
  for (const auto& [name, part] : old_parts)
    groups.emplace(name);
  for (const auto& [name, part] : new_parts)
    groups.emplace(name);
  std::vector<std::string> found;
  for (const std::string& group : groups) {
    const json::value* before = old_parts.if_contains(group);
    const json::value* after = new_parts.if_contains(group);
    const bool nested = (before == nullptr || before->is_object()) && (after == nullptr || after->is_object());
    if (!nested) {
      compare(group, "", before, after, found);
      continue;
    }
    static const json::object kNone;
    const json::object& old_group = before != nullptr ? before->get_object() : kNone;
    const json::object& new_group = after != nullptr ? after->get_object() : kNone;
    std::set<std::string, std::less<>> names;
    for (const auto& [name, part] : old_group)
      names.emplace(name);
    for (const auto& [name, part] : new_group)
      names.emplace(name);
    for (const std::string& name : names)
      compare(group, name, old_group.if_contains(name), new_group.if_contains(name), found);
  }
  const std::size_t all = found.size();
  if (all > kMaximumDifferences) {
    found.resize(kMaximumDifferences);
    found.push_back(fmt::format("{} more", all - kMaximumDifferences));
  }
  return join(found, "; ");
}

}  // namespace stoker::pipeline
