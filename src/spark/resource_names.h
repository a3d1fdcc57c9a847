// Names that Spark gives to what it makes in a cluster (KubernetesConf of Spark 3.3 to 4.3; seen in all captures).
#pragma once

#include <string>
#include <string_view>

namespace stoker::spark {

// Of a label's value and of a Service's name; longer ones are refused by Kubernetes.
inline constexpr std::size_t kMaximumLabelLength = 63;

// The label `spark-app-name`: at most 63 of a-z, 0-9 and `-`, empty where nothing is left of the name.
std::string app_name_label(std::string_view app_name);

// What the names of an application's objects begin with: the name and what makes it unique (hex digits), fit for DNS; a
// digit at the front becomes `x`.
std::string resource_name_prefix(std::string_view app_name, std::string_view unique);

std::string driver_pod_name(std::string_view prefix);
// `<prefix>-driver-svc`, or where that is too long for a Service, `spark-<unique>-driver-svc`.
std::string driver_service_name(std::string_view prefix, std::string_view unique);

}  // namespace stoker::spark
