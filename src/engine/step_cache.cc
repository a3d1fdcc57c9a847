#include "engine/step_cache.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "codec/sha256.h"

namespace stoker::engine {

namespace fs = std::filesystem;

namespace {

json::object info_of(bool hit, const std::optional<pipeline::CacheKey>& key, const std::string& why) {
  json::object info{{"hit", hit}};
  if (key) info["key"] = key->digest;
  if (!why.empty()) info["why"] = why;
  return info;
}

std::optional<std::string> as_digest(const json::value& value) {
  return value.is_string() ? std::optional<std::string>(value.get_string()) : std::nullopt;
}

// Each regular file below a folder, with its name there: what a program finds that walks it, links followed. False:
// not all could be looked at (a circle of links, too many files, no permission).
bool for_each_file(const fs::path& folder, const std::function<bool(const fs::path&)>& visit) {
  std::error_code error;
  std::size_t files = 0;
  fs::recursive_directory_iterator it(folder, fs::directory_options::follow_directory_symlink, error);
  for (const fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
    const fs::file_status status = it->status(error);
    if (status.type() == fs::file_type::not_found) {  // a link to nothing
      error.clear();
      continue;
    }
    if (error) return false;
    if (!fs::is_regular_file(status)) continue;
    if (++files > kMaximumDirectoryFiles || !visit(it->path())) return false;
  }
  return !error;
}

std::string stamp_text(const fs::path& path) {
  const auto stamp = runtime::stamp_file(path);
  if (!stamp) return "none";
  return fmt::format("{} {} {} {} {}", stamp->device, stamp->inode, stamp->size, stamp->modified_ns, stamp->changed_ns);
}

// One text for what is said of each file of a folder, in whatever order they were found.
std::string digest_of_all(std::vector<std::pair<std::string, std::string>> files) {
  std::ranges::sort(files);
  codec::Sha256 all;
  for (const auto& [name, text] : files)
    all.update(fmt::format("{}{}{}\n", name, '\0', text));
  return "sha256:" + all.hex();
}

// Changes whenever the content of a file or of a folder's files may have.
std::string input_stamp(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return stamp_text(path);
  std::vector<std::pair<std::string, std::string>> files;
  const bool complete = for_each_file(path, [&](const fs::path& file) {
    files.emplace_back(file.string(), stamp_text(file));
    return true;
  });
  return complete ? digest_of_all(std::move(files)) : "unknown";
}

std::vector<InputStamp> stamps_of(const pipeline::ResolvedStep& step) {
  std::vector<InputStamp> stamps;
  for (const std::string& path : pipeline::files_of(step.inputs))
    stamps.push_back({path, input_stamp(path)});
  return stamps;
}

}  // namespace

std::optional<std::string> StepCache::file_digest(const std::string& path, const runtime::StopToken& stop) {
  const auto before = runtime::stamp_file(path);
  if (!before) return std::nullopt;
  if (auto known = store_.find_digest(*before); known && *known) return *std::move(known);
  const WallTime now = options_.clock->wall_now();
  const auto digest = runtime::hash_file(path, stop);
  const auto after = runtime::stamp_file(path);
  if (!digest || !after) return std::nullopt;
  std::string text = "sha256:" + digest->hex;
  // Not remembered when it changed meanwhile; the digest is then of a mix, which equals nothing.
  if (*before == *after) {
    const metadata::DigestNote note{*before, text};
    (void)store_.note_digests({&note, 1}, now);
  }
  return text;
}

std::optional<std::string> StepCache::digest_of(const std::string& path, const runtime::StopToken& stop) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error || (!fs::is_directory(status) && !fs::is_regular_file(status))) return std::nullopt;
  if (fs::is_regular_file(status)) return file_digest(path, stop);
  std::vector<std::pair<std::string, std::string>> files;
  const bool complete = for_each_file(path, [&](const fs::path& file) {
    auto digest = file_digest(file.string(), stop);
    if (!digest) return false;
    files.emplace_back(file.lexically_relative(path).string(), *std::move(digest));
    return true;
  });
  if (!complete) return std::nullopt;
  return digest_of_all(std::move(files));
}

bool StepCache::is_slow(const pipeline::ResolvedStep& step) {
  std::uint64_t bytes = 0;
  for (const std::string& path : pipeline::files_of(step.inputs)) {
    std::error_code error;
    if (fs::is_directory(path, error)) return true;
    const auto stamp = runtime::stamp_file(path);
    if (!stamp) continue;
    const auto known = store_.find_digest(*stamp);
    if (!known || !*known) bytes += stamp->size;
  }
  return bytes > kQuickHashBytes;
}

// Of the value that the step's code would see. What importing the pipeline's file sets counts before what we have.
std::optional<std::string> StepCache::variable_digest(const pipeline::Step& step, const std::string& name) const {
  if (name == kAllVariables) {
    json::array names;
    for (const auto& [variable, value] : options_.environment) {
      if (!variable.starts_with("STOKER_")) names.emplace_back(variable);
    }
    return "sha256:" + codec::sha256_hex(codec::canonical_json(names));
  }
  if (const auto* python = std::get_if<pipeline::PythonStep>(&step.body)) {
    const json::value* set = python->code.if_contains("variables");
    const json::value* digest = set != nullptr && set->is_object() ? set->get_object().if_contains(name) : nullptr;
    if (digest != nullptr) return as_digest(*digest);
  }
  const auto found = options_.environment.find(name);
  if (found == options_.environment.end()) return std::nullopt;
  return "sha256:" + codec::sha256_hex(found->second);
}

// What the first thing is that a step was seen to read and that is not as it was: a file, or an environment variable.
std::optional<std::string> StepCache::first_change(const json::value& observed, const pipeline::Step& step) {
  if (!observed.is_object()) return std::nullopt;
  if (const json::value* files = observed.get_object().if_contains("files"); files != nullptr && files->is_array()) {
    for (const json::value& file : files->get_array()) {
      const std::string path(file.at("path").as_string());
      const std::string before(file.at("digest").as_string());
      if (file.at("kind") == "path") {
        const std::string state = runtime::path_state(path);
        if (state != before) return fmt::format("{} is {} now, was {}", path, state, before);
        continue;
      }
      const auto digest = digest_of(path);
      if (digest != before) return fmt::format("{} changed", path);
    }
  }
  const json::value* variables = observed.get_object().if_contains("environment");
  if (variables == nullptr || !variables->is_object()) return std::nullopt;
  for (const auto& [name, value] : variables->get_object()) {
    const auto before = as_digest(value);
    const auto now = variable_digest(step, name);
    if (before == now) continue;
    if (name == kAllVariables) return "the list of environment variables changed";
    return fmt::format("environment variable {} {}", std::string_view(name),
                       before && now ? "changed" : (now ? "is set now" : "is no longer set"));
  }
  return std::nullopt;
}

std::optional<std::string> StepCache::lost_artifact(const json::value& outputs) const {
  if (!outputs.is_object()) return std::nullopt;
  for (const auto& [name, record] : outputs.get_object()) {
    const json::value* artifact = record.is_object() ? record.get_object().if_contains("artifact") : nullptr;
    if (artifact == nullptr) continue;
    const std::string uri(artifact->at("uri").as_string());
    const auto opened = artifacts_.open(uri, objects::Check::files);
    if (opened) continue;
    const bool gone = opened.error().code == ErrorCode::not_found;
    return fmt::format("its output {} {}", std::string_view(name), gone ? "was deleted" : "is damaged");
  }
  return std::nullopt;
}

std::string StepCache::why_missed(const Query& query, const pipeline::CacheKey& key, std::string reason) {
  if (!reason.empty()) return reason;
  const auto last = store_.last_cached(query.pipeline, query.path);
  if (!last || !*last) return "it has not run before";
  static const json::object kNone;
  const json::object& parts = (*last)->parts.is_object() ? (*last)->parts.get_object() : kNone;
  std::string text = pipeline::explain_difference(parts, key.parts);
  return text.empty() ? "its entry was too old or is gone" : text;
}

StepCache::Answer StepCache::look_up(const Query& query, const runtime::StopToken& stop) {
  Answer answer;
  answer.inputs = stamps_of(query.step);
  auto made = pipeline::make_cache_key(query.step, options_.facts,
                                       [&](const std::string& path) { return digest_of(path, stop); });
  if (const auto* none = std::get_if<pipeline::Uncacheable>(&made)) {
    answer.info = info_of(false, std::nullopt, none->why);
    return answer;
  }
  answer.key = std::move(std::get<pipeline::CacheKey>(made));
  if (!options_.read) {
    answer.info = info_of(false, answer.key, "the run was started with --no-cache");
    return answer;
  }
  const WallTime now = options_.clock->wall_now();
  std::optional<WallTime> not_before;
  if (query.step.step->cache.maximum_age) not_before = now - *query.step.step->cache.maximum_age;
  std::string reason;
  auto entries = store_.find_cached(answer.key->digest, not_before);
  if (entries) {
    for (const metadata::CacheEntry& entry : *entries) {
      if (auto changed = first_change(entry.observed, *query.step.step)) {
        if (reason.empty()) reason = *std::move(changed);
        continue;
      }
      if (auto lost = lost_artifact(entry.outputs)) {
        reason = std::move(*lost);
        continue;
      }
      auto claimed = store_.claim_cached(entry, query.run, query.epoch, now);
      if (!claimed || !*claimed) continue;
      auto result = std::make_shared<pipeline::StepResult>();
      result->outputs = entry.outputs.is_object() ? entry.outputs.get_object() : json::object();
      if (entry.metrics.is_object()) {
        for (const auto& [name, value] : entry.metrics.get_object()) {
          if (value.is_number()) result->metrics[name] = value.to_number<double>();
        }
      }
      result->cache = info_of(true, answer.key, fmt::format("as in run {}", entry.run.str()));
      result->cache["run"] = entry.run.str();
      answer.info = result->cache;
      answer.hit = std::move(result);
      return answer;
    }
  }
  answer.info = info_of(false, answer.key, why_missed(query, *answer.key, std::move(reason)));
  return answer;
}

std::optional<metadata::CacheEntry> StepCache::entry(const Query& query, const Answer& answer,
                                                     const pipeline::StepResult& result, const Observed& observed,
                                                     int attempt, json::object& info) const {
  if (!options_.write) return std::nullopt;
  const auto not_kept = [&info](const std::string& why) {
    info["kept"] = false;
    info["note"] = "not kept: " + why;
    return std::nullopt;
  };
  if (!observed.outside_reads.empty() && !query.step.step->cache.requested) {
    return not_kept(fmt::format("it used {}, which is no input; cache: true keeps it all the same",
                                observed.outside_reads.front()));
  }
  for (const InputStamp& input : answer.inputs) {
    if (input_stamp(input.path) != input.stamp)
      return not_kept(fmt::format("{} changed while the step ran", input.path));
  }
  const auto unknown = std::ranges::find(observed.files, kUnknownDigest, &ObservedFile::digest);
  if (unknown != observed.files.end())
    return not_kept(fmt::format("{} was saved while the step used it", unknown->path));
  metadata::CacheEntry entry;
  entry.key = answer.key->digest;
  entry.pipeline = query.pipeline;
  entry.step = query.step.step->name;
  entry.path = query.path;
  entry.run = query.run;
  entry.attempt = attempt;
  entry.outputs = result.outputs;
  if (!result.metrics.empty()) {
    json::object& metrics = entry.metrics.emplace_object();
    for (const auto& [name, value] : result.metrics)
      metrics[name] = value;
  }
  entry.parts = answer.key->parts;
  json::array files;
  for (const ObservedFile& file : observed.files) {
    files.push_back(json::object{{"path", file.path}, {"digest", file.digest}, {"kind", file.kind}});
  }
  json::object variables;
  for (const auto& [name, digest] : observed.environment) {
    if (name == kAllVariables) {
      variables[name] = *variable_digest(*query.step.step, name);
    } else {
      variables[name] = digest ? json::value(*digest) : json::value();
    }
  }
  entry.observed = json::object{{"files", std::move(files)}, {"environment", std::move(variables)}};
  entry.variant = codec::sha256_hex(codec::canonical_json(entry.observed));
  entry.created = options_.clock->wall_now();
  return entry;
}

}  // namespace stoker::engine
