// The driver's ConfigMap: spark.properties, and the files of the submitter's configuration folder
// (KubernetesClientUtils).
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/strings.h"
#include "spark/java/properties.h"
#include "spark/java/text.h"
#include "spark/steps/driver_context.h"

namespace stoker::spark {

namespace {

constexpr std::string_view kVolume = "spark-conf-volume-driver";
constexpr std::string_view kFolder = "/opt/spark/conf";
constexpr std::string_view kProperties = "spark.properties";
constexpr int kReadableByAll = 0644;
constexpr std::int64_t kKubernetesLimitBytes = 1048576;  // of a ConfigMap, since Kubernetes 1.13
constexpr std::int64_t kOldLimitBytes = 1572864;

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings) {
  return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

// Templates, archives and Spark's own properties stay behind.
bool is_left_out(std::string_view name) {
  return ends_with_any(name, {"template", ".gz", ".zip", ".jar", ".tar"}) ||
         (name.starts_with("spark") && ends_with_any(name, {"conf", "properties"}));
}

struct ConfigurationFile {
  std::string name;
  std::string content;
  std::size_t length = 0;  // of both, in characters of Java
};

Result<std::vector<ConfigurationFile>> files_of(const DriverContext& context, std::int64_t limit, DriverParts& parts) {
  std::vector<ConfigurationFile> files;
  const auto folder = spark_conf_folder(context.surroundings);
  if (!folder) return files;
  const std::string path = context.surroundings.absolute_path(*folder);
  const auto names = context.surroundings.file_names(path);
  if (!names) return files;  // the folder need not exist
  for (const std::string& name : *names) {
    if (is_left_out(name)) continue;
    auto content = context.surroundings.read(fmt::format("{}/{}", path, name), static_cast<std::size_t>(limit));
    if (!content && content.error().code != ErrorCode::limit_exceeded)
      return std::move(content).error().with_context("the configuration folder");
    const auto units = content ? java_length(*content) : std::nullopt;
    if (!units)
      parts.warnings.push_back(fmt::format("{}/{} does not travel: it is {}", path, name,
                                           content ? "no UTF-8 text" : "too large for a ConfigMap"));
    else
      files.push_back({name, *std::move(content), *units + name.size()});
  }
  // The small ones first, so that one large file leaves out itself alone.
  std::ranges::stable_sort(files, {}, [](const ConfigurationFile& file) { return file.content.size(); });
  return files;
}

Result<std::int64_t> limit_of(const DriverContext& context) {
  constexpr std::string_view kKey = "spark.kubernetes.configMap.maxSize";
  const std::int64_t otherwise = context.has(Difference::small_config_map) ? kKubernetesLimitBytes : kOldLimitBytes;
  TRY_ASSIGN(const auto text, context.configuration.text(kKey));
  if (!text) return otherwise;
  auto size = parse_size(*text, SizeUnit::byte);
  if (!size) return std::move(size).error().with_context(std::string(kKey));
  if (context.has(Difference::small_config_map) && *size > kKubernetesLimitBytes)
    return Error{
        .code = ErrorCode::invalid_value,
        .message = fmt::format("{} is {}, and Kubernetes allows {} bytes", kKey, *text, kKubernetesLimitBytes)};
  return *size;
}

// Kubernetes counts keys and values of a ConfigMap (ValidateConfigMap). Spark sends a larger one, which is refused
// without a word on what is large.
Result<void> check_size(const resources::Texts& data) {
  std::size_t total = 0;
  std::vector<std::pair<std::size_t, std::string>> sizes;
  for (const auto& [key, content] : data) {
    total += key.size() + content.size();
    sizes.emplace_back(content.size(), key);
  }
  if (total <= static_cast<std::size_t>(kKubernetesLimitBytes)) return {};
  std::ranges::sort(sizes, std::greater<>());
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> largest;
  for (std::size_t i = 0; i < std::min(kNamed, sizes.size()); ++i)
    largest.push_back(fmt::format("{} has {}", sizes[i].second, sizes[i].first));
  return Error{.code = ErrorCode::invalid_value,
               .message = fmt::format("the driver's ConfigMap would have {} bytes, and Kubernetes allows {}: {}", total,
                                      kKubernetesLimitBytes, join(largest, ", ")),
               .hint = "put what is large into the image, or into a file that --files uploads"};
}

std::string properties_text(const DriverContext& context, const DriverParts& parts, std::string_view name) {
  std::vector<Property> properties;
  for (const auto& [key, value] : parts.properties.entries())
    properties.push_back({key, value});
  const std::chrono::sys_time<std::chrono::milliseconds> now(
      std::chrono::milliseconds(context.identifiers.submit_time_ms));
  const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(now));
  return fmt::format(
      "#Java properties built from Kubernetes config map with name: {}\n#{:%a %b %d %H:%M:%S} UTC {:%Y}\n{}", name,
      fmt::gmtime(seconds), fmt::gmtime(seconds), write_java_properties(properties));
}

}  // namespace

Result<void> configuration_step(const DriverContext& context, DriverParts& parts) {
  const std::string name = fmt::format("spark-drv-{}-conf-map", context.identifiers.configuration_unique);
  TRY_ASSIGN(const std::int64_t limit, limit_of(context));
  TRY_ASSIGN(std::vector<ConfigurationFile> files, files_of(context, limit, parts));

  resources::Texts data;
  std::size_t total = 0;
  for (ConfigurationFile& file : files) {
    if (total + file.length >= static_cast<std::size_t>(limit)) {
      parts.warnings.push_back(
          fmt::format("{} does not travel: the files of the configuration folder are more than "
                      "{} bytes together",
                      file.name, limit));
      continue;
    }
    total += file.length;
    data[file.name] = std::move(file.content);
  }
  data[std::string(kProperties)] = properties_text(context, parts, name);

  json::object source{{"name", name}};
  for (const auto& [key, content] : data)
    resources::list_at(source, "items").push_back(json::object{{"key", key}, {"mode", kReadableByAll}, {"path", key}});
  data["spark.kubernetes.namespace"] = context.namespace_name;
  TRY(check_size(data));

  json::object config_map = resources::make_immutable("ConfigMap", name, data);
  resources::object_at(config_map, "metadata")["namespace"] = context.namespace_name;
  parts.dependants.push_back(std::move(config_map));
  parts.volumes().push_back(json::object{{"configMap", std::move(source)}, {"name", kVolume}});
  parts.mounts().push_back(resources::volume_mount(kVolume, kFolder));
  parts.environment().push_back(resources::named_value("SPARK_CONF_DIR", kFolder));
  return {};
}

}  // namespace stoker::spark
