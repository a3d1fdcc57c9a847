#include "submission/driver_rights.h"

#include <fmt/format.h>

#include <array>

#include "base/strings.h"
#include "codec/yaml_write.h"
#include "resources/object.h"

namespace stoker::submission {

namespace {

constexpr std::string_view kRbacGroup = "rbac.authorization.k8s.io";

// By the calls of KubernetesClusterSchedulerBackend, the executor pods' allocators, lifecycle manager and snapshot
// sources. Fabric8 deletes what it selects by labels in one call, which is `deletecollection`.
constexpr std::array kDriverRights = {
    Right{"", "pods", "get list watch create delete", "finds its own pod, and makes, watches and removes executors",
          true},
    Right{"", "pods", "deletecollection patch",
          "removes the executors that are left at the end, and marks those that it decommissions or keeps"},
    Right{"", "configmaps", "create", "the configuration that its executors mount", true},
    Right{"", "configmaps", "deletecollection", "removes that at the end"},
    Right{"", "services", "deletecollection",
          "removes its Service at the end (spark.kubernetes.driver.service.deleteOnTermination)"},
    Right{"", "persistentvolumeclaims", "get list create delete patch deletecollection",
          "claims that executors mount on demand: made, used again, grown and removed"},
};

// `create_or_find` of placement.cc gets what is there already; leftovers.cc lists by label; owners are patched in.
constexpr std::array kSubmitterRights = {
    Right{"", "pods", "get list watch create delete", "makes, finds, follows and ends drivers", true},
    Right{"", "pods/log", "get", "reads the logs of drivers and executors"},
    Right{"", "configmaps", "get list create patch delete", "the configuration of a driver, which owns the rest", true},
    Right{"", "services", "get list create delete", "the address under which executors find their driver", true},
    Right{"", "secrets", "get create delete", "credentials that are in files here, and Kerberos"},
    Right{"", "persistentvolumeclaims", "get list create delete", "claims that the driver mounts on demand"},
    Right{"", "events", "list watch", "says why a driver waits"},
    Right{"", "serviceaccounts", "get", "`stoker doctor` looks whether the driver's is there"},
    Right{"networking.k8s.io", "networkpolicies", "get list create delete",
          "Spark 4.2 and later keep strangers away from executors"},
    Right{"scheduling.volcano.sh", "podgroups", "get list create delete", "with Volcano as the scheduler"},
    Right{"authorization.k8s.io", "localsubjectaccessreviews", "create", "asks whether the driver may do its work"},
};

json::array texts(std::span<const std::string> parts) {
  return json::array(parts.begin(), parts.end());
}

json::object rule_of(const Right& right) {
  return {{"apiGroups", json::array{right.group}},
          {"resources", json::array{right.resource}},
          {"verbs", texts(split(right.verbs, ' '))}};
}

json::object object_with(std::string_view api_version, std::string_view kind, const Subject& subject,
                         std::string_view name) {
  json::object object = resources::make_object(api_version, kind, name);
  resources::object_at(object, "metadata")["namespace"] = subject.namespace_name;
  return object;
}

json::object binding_of(const Subject& subject, std::string_view role) {
  json::object binding = object_with("rbac.authorization.k8s.io/v1", "RoleBinding", subject, role);
  binding["roleRef"] = json::object{{"apiGroup", kRbacGroup}, {"kind", "Role"}, {"name", role}};
  json::object whom{{"kind", subject.is_user ? "User" : "ServiceAccount"}, {"name", subject.name}};
  if (subject.is_user)
    whom["apiGroup"] = kRbacGroup;
  else
    whom["namespace"] = subject.namespace_name;
  binding["subjects"] = json::array{std::move(whom)};
  return binding;
}

json::object role_of(const Subject& subject, std::string_view role) {
  return object_with("rbac.authorization.k8s.io/v1", "Role", subject, role);
}

json::object review_of(const Permission& permission, const std::string& namespace_name,
                       const std::optional<std::string>& service_account) {
  const auto resource = split(permission.right->resource, '/');
  json::object what{{"namespace", namespace_name},
                    {"verb", permission.verb},
                    {"group", permission.right->group},
                    {"resource", resource.front()}};
  if (resource.size() > 1) what["subresource"] = resource.back();
  json::object review{{"apiVersion", "authorization.k8s.io/v1"},
                      {"kind", service_account ? "LocalSubjectAccessReview" : "SelfSubjectAccessReview"}};
  json::object spec{{"resourceAttributes", std::move(what)}};
  if (service_account) {
    review["metadata"] = json::object{{"namespace", namespace_name}};
    spec["user"] = fmt::format("system:serviceaccount:{}:{}", namespace_name, *service_account);
    spec["groups"] = json::array{"system:serviceaccounts", fmt::format("system:serviceaccounts:{}", namespace_name),
                                 "system:authenticated"};
  }
  review["spec"] = std::move(spec);
  return review;
}

}  // namespace

std::span<const Right> driver_rights() {
  return kDriverRights;
}

std::span<const Right> submitter_rights() {
  return kSubmitterRights;
}

Result<void> check_subject(const Subject& subject) {
  for (const std::string& name : {subject.namespace_name, subject.is_user ? "any" : subject.name})
    if (!resources::is_dns_subdomain(name))
      return Error{.code = ErrorCode::usage,
                   .message = fmt::format("\"{}\" is no name of a namespace or a service account", name),
                   .hint = "write small letters, digits, '-' and '.', the first and the last a letter or digit"};
  return {};
}

std::string role_name(const Subject& subject, std::string_view purpose) {
  std::string name = fmt::format("{}-{}", purpose, subject.name);
  for (char& character : name)
    if (character == '/' || character == '%') character = '-';  // what a path cannot have
  return name;
}

json::object role_objects(const Subject& subject, std::string_view role, std::span<const Right> rights) {
  json::array items;
  if (!subject.is_user) items.emplace_back(object_with("v1", "ServiceAccount", subject, subject.name));
  json::object granted = role_of(subject, role);
  for (const Right& right : rights)
    resources::list_at(granted, "rules").emplace_back(rule_of(right));
  items.emplace_back(std::move(granted));
  items.emplace_back(binding_of(subject, role));
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
}

std::string role_yaml(const Subject& subject, std::string_view role, std::span<const Right> rights) {
  std::string text;
  if (!subject.is_user) text += codec::write_yaml(object_with("v1", "ServiceAccount", subject, subject.name)) + "---\n";
  text += codec::write_yaml(role_of(subject, role)) + "rules:\n";
  for (const Right& right : rights) {
    text += fmt::format("# {}\n", right.reason);
    text += codec::write_yaml(json::array{rule_of(right)});
  }
  return text + "---\n" + codec::write_yaml(binding_of(subject, role));
}

std::string Permission::describe() const {
  return fmt::format("{} {}", verb, right->resource);
}

Result<std::vector<Permission>> missing_rights(const runtime::Context& context, const kube::Client& client,
                                               std::span<const Right> rights, const std::string& namespace_name,
                                               const std::optional<std::string>& service_account) {
  std::vector<Permission> missing;
  for (const Right& right : rights) {
    for (std::string& verb : split(right.verbs, ' ')) {
      Permission permission{.right = &right, .verb = std::move(verb)};
      TRY_ASSIGN(const json::object answer,
                 client.create(context, review_of(permission, namespace_name, service_account), namespace_name));
      const json::object& status = resources::object_in(answer, "status");
      const json::value* allowed = status.if_contains("allowed");
      if (allowed == nullptr || !allowed->is_bool() || !allowed->get_bool()) missing.push_back(std::move(permission));
    }
  }
  return missing;
}

std::vector<Permission> missing_driver_rights(const runtime::Context& context, const kube::Client& client,
                                              const std::string& namespace_name, const std::string& service_account) {
  const std::string account = service_account.empty() ? "default" : service_account;
  std::vector<Permission> missing;
  for (const Right& right : kDriverRights) {
    if (!right.essential) continue;
    auto some = missing_rights(context, client, std::span(&right, 1), namespace_name, account);
    if (!some) return {};
    missing.insert(missing.end(), some.value().begin(), some.value().end());
  }
  return missing;
}

}  // namespace stoker::submission
