#include "local/artifact.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "objects/local_artifact_store.h"
#include "runtime/file.h"

namespace stoker::local {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kPreviewNames = 20;

// The materializers of the SDK that load what is published here.
constexpr std::string_view kFileClass = "stoker.materializers:FileOutput";
constexpr std::string_view kDirectoryClass = "stoker.materializers:DirectoryOutput";

json::value preview_of(const fs::path& source, bool directory) {
  json::array names;
  std::error_code code;
  if (!directory) names.push_back(json::string(source.filename().string()));
  for (fs::recursive_directory_iterator it(directory ? source : fs::path(), code), end; !code && it != end;
       it.increment(code)) {
    if (names.size() == kPreviewNames) break;
    if (it->is_regular_file(code))
      names.push_back(json::string(it->path().lexically_relative(source).generic_string()));
  }
  return {{"kind", "files"}, {"names", std::move(names)}};
}

}  // namespace

Result<json::object> publish_file(const fs::path& source, const std::string& output, const engine::AttemptSpec& spec,
                                  WallTime now, const runtime::StopToken& stop) {
  std::error_code code;
  const bool directory = fs::is_directory(source, code);
  objects::Manifest draft;
  draft.type = directory ? "directory" : "file";
  draft.materializer = directory ? kDirectoryClass : kFileClass;
  draft.preview = preview_of(source, directory);
  draft.created_by = {
      .worker = "stoker/" STOKER_VERSION,
      .project = spec.run->project,
      .pipeline = spec.run->pipeline.str(),
      .run = spec.id.run.str(),
      .step = spec.id.step.str(),
      .attempt = spec.id.attempt,
      .output = output,
      .time = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)))};
  objects::LocalArtifactStore store(spec.run->store);
  const std::string uri = (spec.artifacts_folder / output).string();
  auto published = store.publish_copy(uri, source, std::move(draft), stop);
  if (!published) return std::move(published).error().with_context(fmt::format("publish the output \"{}\"", output));
  json::object artifact{{"uri", uri},
                        {"type", published->type},
                        {"class", published->materializer},
                        {"digest", published->digest},
                        {"identity", published->identity},
                        {"bytes", published->bytes}};
  const std::string name(published->details->at("name").as_string());
  json::object file{{"path", (fs::path(uri) / "data" / name).string()}, {"digest", published->identity}};
  return json::object{{"artifact", std::move(artifact)}, {"value", {{"$file", std::move(file)}}}};
}

}  // namespace stoker::local
