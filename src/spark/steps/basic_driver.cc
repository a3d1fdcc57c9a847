// BasicDriverFeatureStep: the container itself, its ports, environment and resources, and the pod's own fields.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "spark/java/text.h"
#include "spark/steps/driver_context.h"
#include "spark/steps/ports.h"

namespace stoker::spark {

namespace {

constexpr std::int64_t kDefaultMemoryMebibytes = 1024;
constexpr std::int64_t kMinimumOverheadMebibytes = 384;
constexpr double kOverheadFactor = 0.1;
constexpr double kOverheadFactorBesideJvm = 0.4;  // Python and R
constexpr std::string_view kOverheadFactorKey = "spark.kubernetes.memoryOverheadFactor";
constexpr std::string_view kDriverOverheadFactorKey = "spark.driver.memoryOverheadFactor";

struct Memory {
  std::int64_t total_mebibytes = 0;
  double factor = 0;  // what the driver is told
};

// Spark allows zero for both sides together, and none for the driver's own.
Result<double> factor_at(const DriverContext& context, std::string_view key, double otherwise) {
  TRY_ASSIGN(const auto factor, context.configuration.number(key));
  const bool may_be_zero = key == kOverheadFactorKey;
  if (factor && !(may_be_zero ? *factor >= 0 : *factor > 0))
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("{} is {}, and must be {}", key, *factor,
                                        may_be_zero ? "zero or more" : "more than zero")};
  return factor.value_or(otherwise);
}

Result<Memory> memory_of(const DriverContext& context) {
  Memory memory;
  const bool beside_jvm = context.request.kind != ApplicationKind::java;
  TRY_ASSIGN(memory.factor,
             factor_at(context, kOverheadFactorKey, beside_jvm ? kOverheadFactorBesideJvm : kOverheadFactor));
  TRY_ASSIGN(const double factor, factor_at(context, kDriverOverheadFactorKey, memory.factor));
  TRY_ASSIGN(const auto driver, context.configuration.mebibytes("spark.driver.memory"));
  TRY_ASSIGN(const auto overhead, context.configuration.mebibytes("spark.driver.memoryOverhead"));
  std::int64_t least = kMinimumOverheadMebibytes;
  if (context.has(Difference::minimum_overhead)) {
    TRY_ASSIGN(const auto minimum, context.configuration.mebibytes("spark.driver.minMemoryOverhead"));
    least = minimum.value_or(least);
  }
  const std::int64_t own = driver.value_or(kDefaultMemoryMebibytes);
  const auto scaled = static_cast<std::int64_t>(factor * static_cast<double>(own));
  memory.total_mebibytes = own + overhead.value_or(std::max(scaled, least));
  return memory;
}

// `spark.driver.resource.<name>.amount` and `.vendor`.
Result<void> add_devices(const DriverContext& context, json::object& limits) {
  constexpr std::string_view kPrefix = "spark.driver.resource.";
  std::set<std::string> names;
  for (const auto& [rest, value] : context.request.configuration.with_prefix(kPrefix))
    names.insert(rest.substr(0, rest.find('.')));
  for (const std::string& name : names) {
    const std::string key = fmt::format("{}{}", kPrefix, name);
    const auto missing = [&](std::string_view what, std::string_view example) {
      return Error{.code = ErrorCode::invalid_value,
                   .message = fmt::format("the driver asks for {}, but says no {}", name, what),
                   .hint = fmt::format("set {}.{}, such as {}", key, what, example)};
    };
    if (!context.request.configuration.has(key + ".amount")) return missing("amount", "1");
    TRY_ASSIGN(const std::int64_t amount, context.configuration.whole_number(key + ".amount", 0));
    if (amount <= 0) continue;
    TRY_ASSIGN(const auto vendor, context.configuration.text(key + ".vendor"));
    if (!vendor || vendor->empty()) return missing("vendor", "nvidia.com");
    limits[fmt::format("{}/{}", *vendor, name)] = std::to_string(amount);
  }
  return {};
}

Result<void> set_resources(const DriverContext& context, DriverParts& parts) {
  TRY_ASSIGN(const Memory memory, memory_of(context));
  parts.properties.set(std::string(kOverheadFactorKey), java_double(memory.factor));
  const std::string total = fmt::format("{}Mi", memory.total_mebibytes);
  json::object& resources = resources::object_at(parts.container, "resources");
  TRY_ASSIGN(const std::int64_t cores, context.configuration.whole_number("spark.driver.cores", 1));
  TRY_ASSIGN(std::string cpu,
             context.configuration.text_or("spark.kubernetes.driver.request.cores", std::to_string(cores)));
  resources::add_texts(resources, "requests", {{"cpu", std::move(cpu)}, {"memory", total}});
  TRY_ASSIGN(const auto limit, context.configuration.text("spark.kubernetes.driver.limit.cores"));
  json::object& limits = resources::object_at(resources, "limits");
  if (limit) limits["cpu"] = *limit;
  limits["memory"] = total;
  return add_devices(context, limits);
}

Result<void> set_image(const DriverContext& context, DriverParts& parts) {
  TRY_ASSIGN(auto image, context.configuration.first_of(
                             {"spark.kubernetes.driver.container.image", "spark.kubernetes.container.image"}));
  if (!image || image->empty())
    return Error{.code = ErrorCode::invalid_value,
                 .message = "there is no image for the driver",
                 .hint = "set --conf spark.kubernetes.container.image=registry/name:tag"};
  constexpr std::string_view kVersionMark = "{{SPARK_VERSION}}";
  if (context.has(Difference::image_version_placeholder))
    for (std::size_t at = 0; (at = image->find(kVersionMark, at)) != std::string::npos;)
      image->replace(at, kVersionMark.size(), context.version.text);
  parts.container["image"] = *image;
  TRY_ASSIGN(parts.container["imagePullPolicy"],
             context.configuration.one_of("spark.kubernetes.container.image.pullPolicy",
                                          {"Always", "Never", "IfNotPresent"}, "IfNotPresent"));
  return {};
}

// As Hadoop says who the user is, where Spark does not: of a principal (alice/host@REALM) the name alone.
std::string user_of(const DriverContext& context) {
  if (auto user = context.surroundings.environment("SPARK_USER")) return *std::move(user);
  if (const auto& proxy = context.request.proxy_user) return proxy->substr(0, proxy->find_first_of("/@"));
  if (auto user = context.surroundings.environment("HADOOP_USER_NAME")) return *std::move(user);
  return context.surroundings.user();
}

void set_environment(const DriverContext& context, DriverParts& parts) {
  json::array& environment = parts.environment();
  environment.push_back(resources::named_value("SPARK_USER", user_of(context)));
  environment.push_back(resources::named_value("SPARK_APPLICATION_ID", context.identifiers.application_id));
  for (const auto& [name, value] : context.request.configuration.with_prefix("spark.kubernetes.driverEnv."))
    environment.push_back(resources::named_value(name, value));
  environment.push_back(
      json::object{{"name", "SPARK_DRIVER_BIND_ADDRESS"},
                   {"valueFrom", {{"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", "status.podIP"}}}}}});
}

Result<void> set_ports(const DriverContext& context, DriverParts& parts) {
  json::array& ports = resources::list_at(parts.container, "ports");
  for (const DriverPort& port : driver_ports()) {
    if (context.version.release < port.since) continue;
    TRY_ASSIGN(const std::int64_t number, container_port(port, context.configuration));
    ports.push_back(json::object{{"containerPort", number}, {"name", port.name}, {"protocol", "TCP"}});
  }
  return {};
}

Result<void> set_pod(const DriverContext& context, DriverParts& parts) {
  json::object& metadata = resources::object_at(parts.pod, "metadata");
  metadata["name"] = context.driver_name;
  resources::add_texts(metadata, "labels", context.labels);
  resources::add_texts(metadata, "annotations", context.annotations);
  // Where a template gives a namespace the client sends the application's; without one the address alone says it.
  if (metadata.contains("namespace")) metadata["namespace"] = context.namespace_name;
  json::object& spec = parts.spec();
  spec["restartPolicy"] = "Never";
  resources::Texts selector;
  for (const std::string_view prefix : {"spark.kubernetes.node.selector.", "spark.kubernetes.driver.node.selector."})
    for (const auto& [name, value] : context.request.configuration.with_prefix(prefix))
      selector[name] = value;
  resources::add_texts(spec, "nodeSelector", selector);
  TRY_ASSIGN(const auto secrets, context.configuration.list("spark.kubernetes.container.image.pullSecrets"));
  for (const std::string& secret : secrets)
    resources::list_at(spec, "imagePullSecrets").push_back(json::object{{"name", secret}});
  TRY_ASSIGN(const auto scheduler, context.configuration.first_of(
                                       {"spark.kubernetes.driver.scheduler.name", "spark.kubernetes.scheduler.name"}));
  if (scheduler) spec["schedulerName"] = *scheduler;
  return {};
}

// Over what a template says.
Result<void> set_security(const DriverContext& context, DriverParts& parts) {
  TRY_ASSIGN(const bool for_all,
             context.configuration.boolean("spark.kubernetes.securityContext.allowPrivilegeEscalation", false));
  TRY_ASSIGN(const bool for_driver, context.configuration.boolean(
                                        "spark.kubernetes.driver.securityContext.allowPrivilegeEscalation", for_all));
  resources::object_at(parts.container, "securityContext")["allowPrivilegeEscalation"] = for_driver;
  return {};
}

}  // namespace

Result<void> basic_driver_step(const DriverContext& context, DriverParts& parts) {
  if (!parts.container.contains("name")) parts.container["name"] = "spark-kubernetes-driver";
  TRY(set_image(context, parts));
  TRY(set_ports(context, parts));
  set_environment(context, parts);
  TRY(set_resources(context, parts));
  TRY(set_pod(context, parts));
  if (context.has(Difference::privilege_escalation)) TRY(set_security(context, parts));
  parts.properties.set("spark.kubernetes.driver.pod.name", context.driver_name);
  parts.properties.set("spark.app.id", context.identifiers.application_id);
  parts.properties.set("spark.kubernetes.submitInDriver", "true");
  return {};
}

}  // namespace stoker::spark
