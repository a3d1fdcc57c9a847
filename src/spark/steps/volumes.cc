// MountVolumesFeatureStep and LocalDirsFeatureStep.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/strings.h"
#include "spark/steps/driver_context.h"

namespace stoker::spark {

namespace {

constexpr std::string_view kDriverVolumes = "spark.kubernetes.driver.volumes.";
constexpr std::string_view kExecutorVolumes = "spark.kubernetes.executor.volumes.";
constexpr std::string_view kOnDemand = "OnDemand";
constexpr std::string_view kLocalFolderVolume = "spark-local-dir-";
// A size of so few bytes lacks its unit.
constexpr std::int64_t kLeastSizeBytes = 1024;

// One volume of the configuration: `<type>.<name>.…` behind the prefix of its side.
class VolumeKeys {
 public:
  VolumeKeys(const DriverContext& context, std::string_view side, std::string type, std::string name)
      : context_(context),
        base_(fmt::format("{}{}.{}.", side, type, name)),
        type_(std::move(type)),
        name_(std::move(name)) {}

  const std::string& type() const { return type_; }
  const std::string& name() const { return name_; }

  std::optional<std::string> get(std::string_view rest) const {
    return context_.request.configuration.raw(fmt::format("{}{}", base_, rest));
  }

  std::string get_or_empty(std::string_view rest) const { return get(rest).value_or(""); }

  Result<std::string> need(std::string_view rest) const {
    auto value = get(rest);
    if (value) return *std::move(value);
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("the {} volume {} has no {}", type_, name_, rest),
                 .hint = fmt::format("set {}{}", base_, rest)};
  }

  Result<bool> read_only() const { return context_.configuration.boolean(base_ + "mount.readOnly", false); }

  resources::Texts texts(std::string_view rest) const {
    resources::Texts texts;
    for (const auto& [name, value] : context_.request.configuration.with_prefix(fmt::format("{}{}", base_, rest)))
      texts[name] = value;
    return texts;
  }

  // A quantity of Kubernetes; a bare number below 1 KiB is a unit forgotten.
  Result<std::optional<std::string>> size() const {
    auto size = get("options.sizeLimit");
    if (!size || !context_.has(Difference::size_limit_check)) return size;
    std::int64_t bytes = 0;
    const auto [end, code] = std::from_chars(size->data(), size->data() + size->size(), bytes);
    if (code == std::errc() && end == size->data() + size->size() && bytes < kLeastSizeBytes)
      return Error{.code = ErrorCode::invalid_value,
                   .message = fmt::format("{}options.sizeLimit is {} bytes", base_, *size),
                   .hint = "write a unit, such as 10Gi"};
    return size;
  }

 private:
  const DriverContext& context_;
  std::string base_;
  std::string type_;
  std::string name_;
};

std::vector<VolumeKeys> volumes_of(const DriverContext& context, std::string_view side) {
  std::set<std::pair<std::string, std::string>> found;
  for (const auto& [rest, value] : context.request.configuration.with_prefix(side)) {
    const std::vector<std::string> words = split(rest, '.');
    if (words.size() > 1) found.emplace(words[0], words[1]);
  }
  std::vector<VolumeKeys> volumes;
  for (const auto& [type, name] : found)
    volumes.emplace_back(context, side, type, name);
  return volumes;
}

Result<json::object> host_path(const DriverContext& context, const VolumeKeys& keys) {
  TRY_ASSIGN(const std::string path, keys.need("options.path"));
  const std::string type = context.has(Difference::host_path_type) ? keys.get_or_empty("options.type") : "";
  return json::object{{"hostPath", {{"path", path}, {"type", type}}}};
}

Result<json::object> empty_folder(const VolumeKeys& keys) {
  json::object source{{"medium", keys.get_or_empty("options.medium")}};
  TRY_ASSIGN(const auto size, keys.size());
  if (size) source["sizeLimit"] = *size;
  return json::object{{"emptyDir", std::move(source)}};
}

Result<json::object> network_folder(const VolumeKeys& keys) {
  TRY_ASSIGN(const std::string server, keys.need("options.server"));
  TRY_ASSIGN(const std::string path, keys.need("options.path"));
  return json::object{{"nfs", {{"path", path}, {"server", server}}}};
}

Result<std::string_view> access_mode(const DriverContext& context) {
  if (!context.has(Difference::claim_mode_key)) return std::string_view("ReadWriteOnce");
  TRY_ASSIGN(const bool legacy, context.configuration.boolean("spark.kubernetes.legacy.useReadWriteOnceAccessMode",
                                                              !context.has(Difference::claims_of_one_pod)));
  return std::string_view(legacy ? "ReadWriteOnce" : "ReadWriteOncePod");
}

// The claim that the driver asks for itself: only with both a storage class and a size.
Result<void> add_claim(const DriverContext& context, const VolumeKeys& keys, const std::string& name,
                       DriverParts& parts) {
  const auto storage_class = keys.get("options.storageClass");
  TRY_ASSIGN(const auto size, keys.size());
  if (!storage_class || !size) {
    if (keys.get_or_empty("options.claimName").find(kOnDemand) != std::string::npos)
      parts.warnings.push_back(
          fmt::format("the volume {} waits for the claim {}, which nobody makes: set both options.storageClass and "
                      "options.sizeLimit",
                      keys.name(), name));
    return {};
  }
  json::object claim = resources::make_object("v1", "PersistentVolumeClaim", name);
  json::object& metadata = resources::object_at(claim, "metadata");
  if (context.has(Difference::claim_labels)) {
    resources::add_texts(metadata, "labels", keys.texts("label."));
    resources::add_texts(metadata, "annotations", keys.texts("annotation."));
  }
  resources::add_texts(metadata, "labels", {{"spark-app-selector", context.identifiers.application_id}});
  TRY_ASSIGN(const std::string_view mode, access_mode(context));
  claim["spec"] = json::object{{"accessModes", {mode}},
                               {"resources", {{"requests", {{"storage", *size}}}}},
                               {"storageClassName", *storage_class}};
  parts.dependants.push_back(std::move(claim));
  return {};
}

Result<json::object> claim(const DriverContext& context, const VolumeKeys& keys, std::size_t index,
                           DriverParts& parts) {
  TRY_ASSIGN(std::string name, keys.need("options.claimName"));
  if (const std::size_t at = name.find(kOnDemand); at != std::string::npos)
    name.replace(at, kOnDemand.size(), fmt::format("{}-driver-pvc-{}", context.name_prefix, index));
  TRY_ASSIGN(const bool read_only, keys.read_only());
  TRY(add_claim(context, keys, name, parts));
  return json::object{{"persistentVolumeClaim", {{"claimName", name}, {"readOnly", read_only}}}};
}

Result<json::object> source_of(const DriverContext& context, const VolumeKeys& keys, std::size_t index,
                               DriverParts& parts) {
  if (keys.type() == "hostPath") return host_path(context, keys);
  if (keys.type() == "emptyDir") return empty_folder(keys);
  if (keys.type() == "nfs") return network_folder(keys);
  if (keys.type() == "persistentVolumeClaim") return claim(context, keys, index, parts);
  return Error{
      .code = ErrorCode::invalid_value,
      .message = fmt::format("the volume {} is of the type {}, which Spark does not have", keys.name(), keys.type()),
      .hint = "Spark has hostPath, emptyDir, nfs and persistentVolumeClaim; a pod template takes any"};
}

Result<json::object> mount_of(const DriverContext& context, const VolumeKeys& keys) {
  TRY_ASSIGN(const std::string path, keys.need("mount.path"));
  TRY_ASSIGN(const bool read_only, keys.read_only());
  json::object mount = resources::volume_mount(keys.name(), path);
  mount["readOnly"] = read_only;
  mount["subPath"] = keys.get_or_empty("mount.subPath");
  if (!context.has(Difference::sub_path_expression)) return mount;
  mount["subPathExpr"] = keys.get_or_empty("mount.subPathExpr");
  if (keys.get("mount.subPath") && keys.get("mount.subPathExpr"))
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("the volume {} has both mount.subPath and mount.subPathExpr", keys.name()),
                 .hint = "set one of them"};
  return mount;
}

Result<void> check_mount_paths(const json::array& mounts) {
  std::set<std::string_view> seen;
  for (const json::value& mount : mounts) {
    const json::value* path = mount.get_object().if_contains("mountPath");
    if (path == nullptr || !path->is_string() || seen.insert(path->get_string()).second) continue;
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("two volumes are mounted at {}", std::string_view(path->get_string())),
                 .hint = "give each a mount path of its own"};
  }
  return {};
}

}  // namespace

Result<void> volumes_step(const DriverContext& context, DriverParts& parts) {
  // The driver makes the executors' volumes later; their mistakes are better found now.
  DriverParts thrown_away;
  for (const VolumeKeys& keys : volumes_of(context, kExecutorVolumes)) {
    TRY(source_of(context, keys, 0, thrown_away));
    TRY(mount_of(context, keys));
  }
  std::size_t index = 0;
  for (const VolumeKeys& keys : volumes_of(context, kDriverVolumes)) {
    TRY_ASSIGN(json::object volume, source_of(context, keys, index++, parts));
    TRY_ASSIGN(json::object mount, mount_of(context, keys));
    volume["name"] = keys.name();
    parts.volumes().push_back(std::move(volume));
    parts.mounts().push_back(std::move(mount));
  }
  return check_mount_paths(parts.mounts());
}

Result<void> local_folders_step(const DriverContext& context, DriverParts& parts) {
  std::vector<std::string> folders;
  for (const json::value& mount : parts.mounts()) {
    const json::object& fields = mount.get_object();
    const json::value* name = fields.if_contains("name");
    const json::value* path = fields.if_contains("mountPath");
    if (name != nullptr && path != nullptr && name->is_string() && path->is_string() &&
        std::string_view(name->get_string()).starts_with(kLocalFolderVolume))
      folders.emplace_back(path->get_string());
  }
  if (folders.empty()) {
    auto configured = context.surroundings.environment("SPARK_LOCAL_DIRS");
    if (!configured) configured = context.request.configuration.raw("spark.local.dir");
    folders = split(configured.value_or("/var/data/spark-" + context.identifiers.local_folder), ',');
    std::erase(folders, "");
    TRY_ASSIGN(const bool in_memory, context.configuration.boolean("spark.kubernetes.local.dirs.tmpfs", false));
    for (std::size_t i = 0; i < folders.size(); ++i) {
      const std::string volume = fmt::format("{}{}", kLocalFolderVolume, i + 1);
      json::object source;
      if (in_memory) source["medium"] = "Memory";
      parts.volumes().push_back(json::object{{"emptyDir", std::move(source)}, {"name", volume}});
      parts.mounts().push_back(resources::volume_mount(volume, folders[i]));
    }
  }
  parts.environment().push_back(resources::named_value("SPARK_LOCAL_DIRS", join(folders, ",")));
  return {};
}

}  // namespace stoker::spark
