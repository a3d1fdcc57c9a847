#include "kube/resource_type.h"

#include <fmt/format.h>

#include <array>

#include "base/strings.h"
#include "net/url.h"
#include "resources/object.h"

namespace stoker::kube {

namespace {

constexpr std::array kTypes = {kPods,
                               kConfigMaps,
                               kSecrets,
                               kServices,
                               kServiceAccounts,
                               kClaims,
                               kEvents,
                               kNamespaces,
                               kNodes,
                               kResourceQuotas,
                               kNetworkPolicies,
                               kPodGroups,
                               kRoles,
                               kRoleBindings,
                               kSelfSubjectAccessReviews,
                               kSubjectAccessReviews,
                               kLocalSubjectAccessReviews,
                               kSelfSubjectReviews};

}  // namespace

Result<ResourceType> resource_type_of(const json::object& object) {
  const std::string api_version = resources::text_in(object, "apiVersion");
  const std::string_view kind = resources::kind_of(object);
  for (const ResourceType& type : kTypes)
    if (type.api_version == api_version && type.kind == kind) return type;
  return Error{.code = ErrorCode::unsupported,
               .message = fmt::format("objects of kind {} ({}) are not handled", kind, api_version)};
}

std::string_view group_of(const ResourceType& type) {
  const std::size_t slash = type.api_version.find('/');
  return slash == std::string_view::npos ? std::string_view() : type.api_version.substr(0, slash);
}

std::string ObjectPath::url_path() const {
  std::string path = fmt::format("/{}/{}", group_of(type).empty() ? "api" : "apis", type.api_version);
  if (type.namespaced && !namespace_name.empty()) path += "/namespaces/" + net::percent_encode(namespace_name);
  path += fmt::format("/{}", type.plural);
  if (!name.empty()) path += "/" + net::percent_encode(name);
  if (!subresource.empty()) path += "/" + subresource;
  return path;
}

std::string ObjectPath::describe() const {
  const std::string what = lower_case(type.kind);
  if (name.empty()) {
    if (!type.namespaced) return std::string(type.plural);
    return namespace_name.empty() ? fmt::format("{} of all namespaces", type.plural)
                                  : fmt::format("{} of namespace {}", type.plural, namespace_name);
  }
  const std::string part = subresource.empty() ? what : fmt::format("{} of {}", subresource, what);
  return namespace_name.empty() ? fmt::format("{} {}", part, name)
                                : fmt::format("{} {}/{}", part, namespace_name, name);
}

}  // namespace stoker::kube
