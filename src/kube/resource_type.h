// The kinds of objects that we handle, and where an API server has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "codec/json.h"

namespace stoker::kube {

struct ResourceType {
  std::string_view api_version;  // "v1", "networking.k8s.io/v1"
  std::string_view kind;         // "ConfigMap"
  std::string_view plural;       // "configmaps"
  bool namespaced = true;
  friend bool operator==(const ResourceType&, const ResourceType&) = default;
};

inline constexpr ResourceType kPods{"v1", "Pod", "pods"};
inline constexpr ResourceType kConfigMaps{"v1", "ConfigMap", "configmaps"};
inline constexpr ResourceType kSecrets{"v1", "Secret", "secrets"};
inline constexpr ResourceType kServices{"v1", "Service", "services"};
inline constexpr ResourceType kServiceAccounts{"v1", "ServiceAccount", "serviceaccounts"};
inline constexpr ResourceType kClaims{"v1", "PersistentVolumeClaim", "persistentvolumeclaims"};
inline constexpr ResourceType kEvents{"v1", "Event", "events"};
inline constexpr ResourceType kNamespaces{"v1", "Namespace", "namespaces", false};
inline constexpr ResourceType kNodes{"v1", "Node", "nodes", false};
inline constexpr ResourceType kResourceQuotas{"v1", "ResourceQuota", "resourcequotas"};
inline constexpr ResourceType kNetworkPolicies{"networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"};
inline constexpr ResourceType kPodGroups{"scheduling.volcano.sh/v1beta1", "PodGroup", "podgroups"};
inline constexpr ResourceType kRoles{"rbac.authorization.k8s.io/v1", "Role", "roles"};
inline constexpr ResourceType kRoleBindings{"rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"};
inline constexpr ResourceType kSelfSubjectAccessReviews{"authorization.k8s.io/v1", "SelfSubjectAccessReview",
                                                        "selfsubjectaccessreviews", false};
inline constexpr ResourceType kSubjectAccessReviews{"authorization.k8s.io/v1", "SubjectAccessReview",
                                                    "subjectaccessreviews", false};
// Of one namespace, so that a Role can let somebody ask.
inline constexpr ResourceType kLocalSubjectAccessReviews{"authorization.k8s.io/v1", "LocalSubjectAccessReview",
                                                         "localsubjectaccessreviews"};
inline constexpr ResourceType kSelfSubjectReviews{"authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews",
                                                  false};

// By apiVersion and kind of an object. Errors: unsupported for a kind that is not above.
Result<ResourceType> resource_type_of(const json::object& object);
// "networking.k8s.io"; "" for the core.
std::string_view group_of(const ResourceType& type);

// What a call is about: one object, or with an empty name all of a namespace; with an empty namespace those of all
// namespaces, or of a kind that has none.
struct ObjectPath {
  ResourceType type;
  std::string namespace_name;
  std::string name;
  std::string subresource;  // "log", "status"
  friend bool operator==(const ObjectPath&, const ObjectPath&) = default;

  // All of a kind in a namespace, "" is every one.
  static ObjectPath all(const ResourceType& type, std::string namespace_name) {
    return {.type = type, .namespace_name = std::move(namespace_name), .name = {}, .subresource = {}};
  }

  // "/api/v1/namespaces/ml/pods/pi-driver/log", encoded.
  std::string url_path() const;
  // For people: `pod ml/pi-driver`, `pods of ml`, `pods of all namespaces`.
  std::string describe() const;
};

}  // namespace stoker::kube
