#include "fakes/api/route.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/strings.h"
#include "fakes/api/answer.h"

namespace stoker::fakes {

namespace {

constexpr std::array kTypes{kube::kPods,
                            kube::kConfigMaps,
                            kube::kSecrets,
                            kube::kServices,
                            kube::kServiceAccounts,
                            kube::kClaims,
                            kube::kEvents,
                            kube::kNamespaces,
                            kube::kNodes,
                            kube::kResourceQuotas,
                            kube::kNetworkPolicies,
                            kube::kPodGroups,
                            kube::kRoles,
                            kube::kRoleBindings,
                            kube::kSelfSubjectAccessReviews,
                            kube::kSubjectAccessReviews};

std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ec == std::errc()) {
      decoded += static_cast<char>(value);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

const kube::ResourceType* find_type(std::string_view api_version, std::string_view plural) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const kube::ResourceType& type) {
    return type.api_version == api_version && type.plural == plural;
  });
  return found == kTypes.end() ? nullptr : &*found;
}

bool is_served(std::string_view api_version) {
  return std::any_of(kTypes.begin(), kTypes.end(), [&](const auto& type) { return type.api_version == api_version; });
}

void take_object(Route& route, const std::string& api_version, std::vector<std::string> rest) {
  // namespaces/NS/PLURAL… is about what is in a namespace; namespaces/NS and namespaces/NS/status about itself.
  if (rest.size() >= 3 && rest[0] == "namespaces" && rest[2] != "status" && rest[2] != "finalize") {
    route.namespace_name = rest[1];
    rest.erase(rest.begin(), rest.begin() + 2);
  }
  route.type = find_type(api_version, rest[0]);
  if (route.type == nullptr || rest.size() > 3) throw no_such_resource();
  if (!route.namespace_name.empty() && !route.type->namespaced) throw no_such_resource();
  if (rest.size() > 1) route.name = rest[1];
  if (rest.size() > 2) route.subresource = rest[2];
  if (!route.name.empty() && route.type->namespaced && route.namespace_name.empty()) throw no_such_resource();
  const bool known = route.subresource.empty() || (route.subresource == "status" && has_status(*route.type)) ||
                     (*route.type == kube::kPods && (route.subresource == "log" || route.subresource == "binding"));
  if (!known) throw no_such_resource();
}

Verb verb_of(const Route& route, const std::string& method) {
  const bool one = !route.name.empty();
  const bool review = *route.type == kube::kSelfSubjectAccessReviews || *route.type == kube::kSubjectAccessReviews;
  if (method == "POST" && (!one || route.subresource == "binding")) {
    if (route.type->namespaced && route.namespace_name.empty()) throw method_not_allowed();
    return Verb::create;
  }
  if (review) throw method_not_allowed();
  if (method == "GET" && one) return Verb::get;
  if (method == "GET") return route.query_flag("watch") ? Verb::watch : Verb::list;
  if (method == "PUT" && one) return Verb::update;
  if (method == "PATCH" && one) return Verb::patch;
  if (method == "DELETE") return one ? Verb::remove : Verb::remove_collection;
  throw method_not_allowed();
}

}  // namespace

std::span<const kube::ResourceType> served_types() {
  return kTypes;
}

std::size_t index_of(const kube::ResourceType& type) {
  return static_cast<std::size_t>(std::find(kTypes.begin(), kTypes.end(), type) - kTypes.begin());
}

std::string_view name_of(Verb verb) {
  constexpr std::array<std::string_view, 8> kNames{"get",    "list",  "watch",  "create",
                                                   "update", "patch", "delete", "deletecollection"};
  return kNames.at(static_cast<std::size_t>(verb));
}

std::string Route::query_value(const std::string& key) const {
  const auto found = query.find(key);
  return found == query.end() ? std::string() : found->second;
}

bool Route::query_flag(const std::string& key) const {
  const std::string value = query_value(key);
  return value == "true" || value == "1";
}

bool has_status(const kube::ResourceType& type) {
  return type == kube::kPods || type == kube::kServices || type == kube::kClaims || type == kube::kResourceQuotas ||
         type == kube::kNodes || type == kube::kNamespaces || type == kube::kPodGroups;
}

Route route_of(const kube::Call& call) {
  Route route;
  for (const auto& [key, value] : call.query)
    route.query.emplace(key, value);  // the first counts
  std::vector<std::string> parts;
  for (const std::string& part : split(call.path, '/'))
    if (!part.empty()) parts.push_back(percent_decode(part));
  std::string api_version;
  std::size_t used = 0;
  if (parts.size() >= 2 && parts[0] == "api") {
    api_version = parts[1];
    used = 2;
  } else if (parts.size() >= 3 && parts[0] == "apis") {
    api_version = parts[1] + "/" + parts[2];
    used = 3;
  }
  if (used == 0 || parts.size() == used || !is_served(api_version))
    throw Refusal{text_response(404, "404 page not found\n")};
  take_object(route, api_version, {parts.begin() + static_cast<std::ptrdiff_t>(used), parts.end()});
  route.verb = verb_of(route, call.method);
  return route;
}

}  // namespace stoker::fakes
