#include "fakes/api/lists.h"

#include <algorithm>

namespace stoker::fakes {

ListKind list_kind(std::string_view member, std::string_view parent) {
  if (member == "ownerReferences") return {.keys = {"uid"}, .whole_elements = true};
  if (member == "finalizers") return {.set = true};
  if (member == "containers" || member == "initContainers" || member == "env" || member == "volumes" ||
      member == "imagePullSecrets" || member == "secrets")
    return {.keys = {"name"}};
  if (member == "volumeMounts") return {.keys = {"mountPath"}};
  if (member == "conditions") return {.keys = {"type"}};
  if (member == "ports" && parent == "spec") return {.keys = {"port", "protocol"}};
  if (member == "ports") return {.keys = {"containerPort", "protocol"}};
  if (member == "hostAliases") return {.keys = {"ip"}};
  return {};
}

bool is_atomic_map(std::string_view member) {
  return member == "selector" || member == "nodeSelector" || member == "podSelector" || member == "fieldRef" ||
         member == "resourceFieldRef" || member == "secretKeyRef" || member == "configMapKeyRef" ||
         member == "involvedObject" || member == "roleRef";
}

bool same_keys(const ListKind& kind, const json::value& a, const json::value& b) {
  if (kind.set) return a == b;
  if (!a.is_object() || !b.is_object()) return false;
  return std::all_of(kind.keys.begin(), kind.keys.end(), [&](std::string_view key) {
    const json::value* left = a.get_object().if_contains(key);
    const json::value* right = b.get_object().if_contains(key);
    if (left == nullptr || right == nullptr) return left == right;
    return *left == *right;
  });
}

}  // namespace stoker::fakes
