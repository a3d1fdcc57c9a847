// What the driver cannot reach where it lies is uploaded first (KubernetesUtils.uploadAndTransformFileUris), and the
// configuration names where it then is.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "spark/steps/driver_context.h"
#include "spark/uris.h"

namespace stoker::spark {

namespace {

constexpr std::string_view kArchives = "spark.archives";
constexpr std::string_view kUploadPath = "spark.kubernetes.file.upload.path";

// Where the file at `uri` goes. Files of the same content go to the same place, so that the next submission finds them.
Result<std::string> add_upload(const DriverContext& context, DriverParts& parts, const std::string& uri) {
  TRY_ASSIGN(const auto folder, context.configuration.text(kUploadPath));
  if (!folder || folder->empty())
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("{} is on this machine, and there is no place to upload it to", uri),
                 .hint = fmt::format("set {}, such as s3a://bucket/folder, or use local:/// for files in the image",
                                     kUploadPath)};
  const std::string path = local_path(uri);
  auto id = context.surroundings.content_id(path);
  if (!id) return std::move(id).error().with_context(fmt::format("uploading {}", path));
  std::string_view base = *folder;
  while (base.ends_with('/') && !base.ends_with("//"))
    base.remove_suffix(1);
  Upload upload{path, fmt::format("{}/spark-upload-{}/{}", base, *id, last_part(path)), *id};
  if (std::ranges::find(parts.uploads, upload) == parts.uploads.end()) parts.uploads.push_back(upload);
  return upload.to_uri;
}

// Archives carry the name that they are unpacked as behind a `#` (of other files Spark drops it), and their addresses
// have one slash.
std::string address_of_archive(std::string uri, const Uri& from) {
  if (uri.starts_with("file:///")) uri.erase(5, 2);
  return from.has_fragment ? fmt::format("{}#{}", uri, from.fragment) : uri;
}

}  // namespace

Result<void> upload_step(const DriverContext& context, DriverParts& parts) {
  for (const std::string_view key : kFileListKeys) {
    const auto list = context.request.configuration.raw(key);
    if (!list || list->empty()) continue;
    std::vector<std::string> uploaded;
    std::vector<std::string> others;
    for (const std::string& part : split(*list, ',')) {
      const Uri uri = split_uri(part);
      if (!is_local(part) || is_spark_internal(part)) {
        others.push_back(part);
        continue;
      }
      const std::string plain = uri.has_fragment ? part.substr(0, part.size() - uri.fragment.size() - 1) : part;
      TRY_ASSIGN(std::string target, add_upload(context, parts, plain));
      uploaded.push_back(key == kArchives ? address_of_archive(std::move(target), uri) : std::move(target));
    }
    if (uploaded.empty()) continue;
    std::ranges::move(others, std::back_inserter(uploaded));
    parts.properties.set(std::string(key), join(uploaded, ","));
  }
  const std::string& resource = context.request.primary_resource;
  if (context.request.kind == ApplicationKind::python && is_local(resource) && !is_spark_internal(resource))
    TRY(add_upload(context, parts, resource));
  return {};
}

}  // namespace stoker::spark
