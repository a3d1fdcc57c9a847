#include "submission/leftovers.h"

#include <fmt/format.h>

#include <array>

#include "codec/time.h"
#include "resources/object.h"
#include "submission/labels.h"
#include "submission/placement.h"

namespace stoker::submission {

namespace {

// What a plan may have, for clusters whose garbage collector is slow or off. The anchor is a ConfigMap and goes last:
// as long as it is there another cleaner finds the rest.
constexpr std::array kDependantTypes = {kube::kServices,        kube::kSecrets,   kube::kClaims,
                                        kube::kNetworkPolicies, kube::kPodGroups, kube::kConfigMaps};

bool is_missing(const Error& error) {
  return error.code == ErrorCode::not_found;
}

Result<void> remove_object(const runtime::Context& context, const kube::Client& client, const kube::ObjectPath& path,
                           const json::object& object) {
  auto removed = client.remove(context, path,
                               {.uid = resources::metadata_text(object, "uid"),
                                .resource_version = resources::metadata_text(object, "resourceVersion")});
  // Gone, or changed since: another cleaner was here.
  if (!removed && !is_missing(removed.error()) && removed.error().code != ErrorCode::conflict) return removed;
  return {};
}

Result<void> remove_all(const runtime::Context& context, const kube::Client& client, const std::string& namespace_name,
                        const std::string& submission_id) {
  for (const kube::ResourceType& type : kDependantTypes) {
    const auto path = kube::ObjectPath::all(type, namespace_name);
    auto objects =
        client.list(context, path, {.labels = fmt::format("{}={}", kSubmissionLabel, submission_id), .fields = {}});
    if (!objects) {
      // Kinds that the cluster does not have, or that we may not see, hold nothing that we have made.
      if (is_missing(objects.error()) || objects.error().code == ErrorCode::permission) continue;
      return std::move(objects).error();
    }
    for (const json::object& object : objects.value().objects) {
      kube::ObjectPath one = path;
      one.name = resources::name_of(object);
      TRY(remove_object(context, client, one, object));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Leftover>> clean_up(const runtime::Context& context, const kube::Client& client,
                                       const std::string& namespace_name) {
  std::vector<Leftover> leftovers;
  const auto anchors = kube::ObjectPath::all(kube::kConfigMaps, namespace_name);
  TRY_ASSIGN(const kube::ObjectList unfinished,
             client.list(context, anchors, {.labels = std::string(kUnfinishedLabel), .fields = {}}));
  for (const json::object& anchor : unfinished.objects) {
    const auto deadline = codec::parse_time(resources::annotation_of(anchor, kCreationDeadline));
    // One that says none is not ours to judge.
    if (!deadline || client.clock().wall_now() < deadline.value()) continue;
    const std::string id = resources::label_of(anchor, kSubmissionLabel);
    const std::string name(resources::name_of(anchor));
    TRY_ASSIGN(const kube::ObjectList drivers,
               client.list(context, kube::ObjectPath::all(kube::kPods, namespace_name),
                           {.labels = fmt::format("{}={}", kSubmissionLabel, id), .fields = {}}));
    if (drivers.objects.empty()) {
      TRY(remove_all(context, client, namespace_name, id));
      leftovers.push_back({Leftover::Outcome::removed, id, name});
    } else {
      auto finished = finish_anchor(context, client, namespace_name, name, drivers.objects.front());
      if (!finished && !is_missing(finished.error())) return std::move(finished).error();
      leftovers.push_back({Leftover::Outcome::finished, id, name});
    }
  }
  return leftovers;
}

}  // namespace stoker::submission
