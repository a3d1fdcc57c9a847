// What a Spark driver, and who submits one, must be allowed to do in a namespace: one table for `stoker rbac`, `stoker
// doctor` and the warning of `stoker submit`.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "kube/client.h"

namespace stoker::submission {

struct Right {
  std::string_view group;     // of the API; "" is the core
  std::string_view resource;  // "pods", "pods/log"
  std::string_view verbs;     // between blanks
  std::string_view reason;    // a half sentence
  // Without it no application runs, or none is submitted.
  bool essential = false;
};

// What the drivers of Spark 3.3 to 4.3 call.
std::span<const Right> driver_rights();
// What `stoker submit` and `stoker apps` call.
std::span<const Right> submitter_rights();

struct Subject {
  std::string namespace_name;
  std::string name;
  bool is_user = false;  // else a service account of the namespace
};
// Names that Kubernetes takes. Errors: usage.
Result<void> check_subject(const Subject& subject);
// Of the Role and its binding, so that those of several subjects stand side by side.
std::string role_name(const Subject& subject, std::string_view purpose);
// The service account unless it is a user, a Role of these rights and its binding. `role`: the name of both.
json::object role_objects(const Subject& subject, std::string_view role, std::span<const Right> rights);
// The same as YAML, each rule with its reason.
std::string role_yaml(const Subject& subject, std::string_view role, std::span<const Right> rights);

// One verb of a right.
struct Permission {
  const Right* right = nullptr;
  std::string verb;
  std::string describe() const;  // "create pods"
};
// Those that we lack, or with one the service account. Errors: permission when we may not even ask, and those of the
// API.
Result<std::vector<Permission>> missing_rights(const runtime::Context& context, const kube::Client& client,
                                               std::span<const Right> rights, const std::string& namespace_name,
                                               const std::optional<std::string>& service_account);

// What the driver lacks of what it cannot run without; "" of `service_account` is the namespace's default one. None
// also when we may not ask.
std::vector<Permission> missing_driver_rights(const runtime::Context& context, const kube::Client& client,
                                              const std::string& namespace_name, const std::string& service_account);

}  // namespace stoker::submission
