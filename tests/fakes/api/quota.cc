#include "fakes/api/quota.h"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "base/strings.h"
#include "codec/json_fields.h"
#include "fakes/api/answer.h"
#include "fakes/api/quantity.h"
#include "fakes/api/route.h"

namespace stoker::fakes {

namespace {

using Amounts = std::map<std::string, Quantity>;

Quantity sum(Quantity a, const Quantity& b) {
  a.binary = a.milli == 0 ? b.binary : a.binary;
  a.milli += b.milli;
  return a;
}

const json::array& containers_of(const json::object& pod) {
  static const json::array kNone;
  const json::value* containers = codec::object_of(pod, "spec").if_contains("containers");
  return containers != nullptr && containers->is_array() ? containers->get_array() : kNone;
}

// The part of the resources of a container that a quota's name is about ("requests.cpu", "memory").
const json::value* amount_of(const json::object& container, const std::string& name) {
  const json::object& resources = codec::object_of(container, "resources");
  const std::size_t dot = name.find('.');
  const std::string kind = dot == std::string::npos ? "requests" : name.substr(0, dot);
  return codec::object_of(resources, kind).if_contains(dot == std::string::npos ? name : name.substr(dot + 1));
}

bool is_of_containers(const std::string& name) {
  return name == "cpu" || name == "memory" || name.starts_with("requests.") || name.starts_with("limits.");
}

bool counts(const kube::ResourceType& type, const std::string& name) {
  return name == type.plural || name == fmt::format("count/{}", qualified(type));
}

// What one object uses of what the quota limits.
Amounts usage_of(const kube::ResourceType& type, const json::object& object, const json::object& hard) {
  Amounts used;
  const std::string phase = codec::text_of(codec::object_of(object, "status"), "phase");
  const bool ended = type == kube::kPods && (phase == "Succeeded" || phase == "Failed");
  for (const auto& [key, limit] : hard) {
    const std::string name(key);
    if (counts(type, name) && (!ended || name.starts_with("count/"))) used[name] = {.milli = 1000};
    if (type != kube::kPods || ended || !is_of_containers(name)) continue;
    Quantity total;
    for (const json::value& each : containers_of(object))
      if (const json::value* amount = amount_of(codec::object_of(each), name))
        if (const auto quantity = parse_quantity(*amount)) total = sum(total, *quantity);
    used[name] = total;
  }
  return used;
}

Amounts usage_of_namespace(const Store& store, const std::string& namespace_name, const json::object& hard) {
  Amounts used;
  for (const auto& [key, value] : hard)
    used[std::string(key)] = {};
  for (const kube::ResourceType& type : served_types())
    if (type.namespaced)
      for (const ObjectPointer& each : store.all(type, namespace_name))
        for (const auto& [name, amount] : usage_of(type, *each, hard))
          used[name] = sum(used[name], amount);
  return used;
}

void check_said(const std::string& quota, const kube::ResourceType& type, const json::object& object,
                const json::object& hard) {
  if (type != kube::kPods) return;
  std::vector<std::string> missing;
  for (const auto& [key, limit] : hard) {
    if (!is_of_containers(std::string(key))) continue;
    std::vector<std::string> silent;
    for (const json::value& each : containers_of(object))
      if (amount_of(codec::object_of(each), std::string(key)) == nullptr)
        silent.push_back(codec::text_of(codec::object_of(each), "name"));
    if (!silent.empty()) missing.push_back(fmt::format("{} for: {}", std::string_view(key), join(silent, ",")));
  }
  if (!missing.empty())
    throw forbidden(type, name_of(object),
                    fmt::format("failed quota: {}: must specify {}", quota, join(missing, "; ")));
}

}  // namespace

void check_quota(const Store& store, const kube::ResourceType& type, const json::object& object) {
  const std::string namespace_name = namespace_of(object);
  if (namespace_name.empty()) return;
  for (const ObjectPointer& quota : store.all(kube::kResourceQuotas, namespace_name)) {
    const json::object& hard = codec::object_of(codec::object_of(*quota, "spec"), "hard");
    check_said(name_of(*quota), type, object, hard);
    const Amounts asked = usage_of(type, object, hard);
    if (asked.empty()) continue;
    const Amounts used = usage_of_namespace(store, namespace_name, hard);
    std::vector<std::string> texts[3];
    for (const auto& [name, amount] : asked) {
      const auto limit = parse_quantity(hard.at(name));
      const Quantity before = used.at(name);
      if (!limit || amount.milli == 0 || before.milli + amount.milli <= limit->milli) continue;
      texts[0].push_back(fmt::format("{}={}", name, amount.text()));
      texts[1].push_back(fmt::format("{}={}", name, before.text()));
      texts[2].push_back(fmt::format("{}={}", name, limit->text()));
    }
    if (!texts[0].empty())
      throw forbidden(type, name_of(object),
                      fmt::format("exceeded quota: {}, requested: {}, used: {}, limited: {}", name_of(*quota),
                                  join(texts[0], ","), join(texts[1], ","), join(texts[2], ",")));
  }
}

void note_usage(Store& store, const std::string& namespace_name) {
  if (namespace_name.empty()) return;
  for (const ObjectPointer& quota : store.all(kube::kResourceQuotas, namespace_name)) {
    const json::object& hard = codec::object_of(codec::object_of(*quota, "spec"), "hard");
    json::object used;
    for (const auto& [name, amount] : usage_of_namespace(store, namespace_name, hard))
      used[name] = amount.text();
    json::object updated = *quota;
    updated["status"] = json::object{{"hard", hard}, {"used", std::move(used)}};
    if (updated != *quota) store.put(kube::kResourceQuotas, std::move(updated));
  }
}

}  // namespace stoker::fakes
