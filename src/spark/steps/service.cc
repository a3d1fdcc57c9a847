// DriverServiceFeatureStep and NetworkPolicyFeatureStep: how executors reach the driver, and who reaches executors.
#include <fmt/format.h>

#include "base/strings.h"
#include "spark/resource_names.h"
#include "spark/steps/driver_context.h"
#include "spark/steps/ports.h"

namespace stoker::spark {

namespace {

constexpr std::string_view kSelectorLabel = "spark-app-selector";

resources::Texts texts_with_prefix(const DriverContext& context, std::string_view prefix) {
  resources::Texts texts;
  for (const auto& [name, value] : context.request.configuration.with_prefix(prefix))
    texts[name] = value;
  return texts;
}

Result<json::array> service_ports(const DriverContext& context, DriverParts& parts) {
  json::array ports;
  for (const DriverPort& port : driver_ports()) {
    if (context.version.release < port.since) continue;
    TRY_ASSIGN(const std::int64_t number, service_port(port, context.configuration));
    json::object entry{{"name", port.name}, {"port", number}, {"targetPort", number}};
    if (!port.application_protocol.empty() && context.has(Difference::service_protocols))
      entry["appProtocol"] = port.application_protocol;
    ports.push_back(std::move(entry));
    if (port.key.starts_with("spark.driver.")) parts.properties.set(std::string(port.key), std::to_string(number));
  }
  return ports;
}

}  // namespace

Result<void> service_step(const DriverContext& context, DriverParts& parts) {
  if (context.request.configuration.has("spark.driver.bindAddress"))
    return Error{.code = ErrorCode::invalid_value,
                 .message = "spark.driver.bindAddress cannot be set: the driver binds to its pod's address",
                 .hint = "leave it out"};
  const std::string name = driver_service_name(context.name_prefix, context.identifiers.service_unique);
  json::object service = resources::make_object("v1", "Service", name);
  json::object& metadata = resources::object_at(service, "metadata");
  resources::add_texts(metadata, "labels", {{std::string(kSelectorLabel), context.identifiers.application_id}});
  if (context.has(Difference::service_labels))
    resources::add_texts(metadata, "labels", texts_with_prefix(context, "spark.kubernetes.driver.service.label."));
  resources::add_texts(metadata, "annotations",
                       texts_with_prefix(context, "spark.kubernetes.driver.service.annotation."));
  json::object& spec = resources::object_at(service, "spec");
  spec["clusterIP"] = "None";
  if (context.has(Difference::service_address_families)) {
    TRY_ASSIGN(spec["ipFamilyPolicy"],
               context.configuration.one_of("spark.kubernetes.driver.service.ipFamilyPolicy",
                                            {"SingleStack", "PreferDualStack", "RequireDualStack"}, "SingleStack"));
    TRY_ASSIGN(const std::string families,
               context.configuration.one_of("spark.kubernetes.driver.service.ipFamilies",
                                            {"IPv4", "IPv6", "IPv4,IPv6", "IPv6,IPv4"}, "IPv4"));
    for (const std::string& family : split(families, ','))
      resources::list_at(spec, "ipFamilies").emplace_back(family);
  }
  TRY_ASSIGN(spec["ports"], service_ports(context, parts));
  if (context.has(Difference::service_early_addresses)) {
    TRY_ASSIGN(spec["publishNotReadyAddresses"],
               context.configuration.boolean("spark.kubernetes.driver.service.publishNotReadyAddresses", false));
  }
  resources::add_texts(spec, "selector", context.labels);
  parts.dependants.push_back(std::move(service));
  parts.properties.set("spark.driver.host", fmt::format("{}.{}.svc", name, context.namespace_name));
  return {};
}

Result<void> network_policy_step(const DriverContext& context, DriverParts& parts) {
  const std::string& application = context.identifiers.application_id;
  json::object policy =
      resources::make_object("networking.k8s.io/v1", "NetworkPolicy", fmt::format("{}-policy", context.name_prefix));
  json::object& metadata = resources::object_at(policy, "metadata");
  metadata["labels"] = json::object{{kSelectorLabel, application}};
  metadata["namespace"] = context.namespace_name;
  policy["spec"] =
      json::object{{"ingress", {{{"from", {{{"podSelector", {{"matchLabels", {{kSelectorLabel, application}}}}}}}}}}},
                   {"podSelector", {{"matchLabels", {{"spark-role", "executor"}, {kSelectorLabel, application}}}}}};
  parts.dependants.push_back(std::move(policy));
  return {};
}

}  // namespace stoker::spark
