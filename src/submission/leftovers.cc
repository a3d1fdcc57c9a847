#include "submission/leftovers.h"

#include <fmt/format.h>

#include <array>

#include "codec/time.h"
#include "resources/object.h"
#include "submission/anchor.h"
#include "submission/labels.h"

namespace stoker::submission {

namespace {

// What a plan may have, for clusters whose garbage collector is slow or off. The anchor is a ConfigMap and goes last:
// as long as it is there another cleaner finds the rest.
constexpr std::array kDependantTypes = {kube::kServices,        kube::kSecrets,   kube::kClaims,
                                        kube::kNetworkPolicies, kube::kPodGroups, kube::kConfigMaps};

constexpr auto kCleaner = "cleaner";

// What hangs on this anchor, and it itself.
Result<void> remove_all(const runtime::Context& context, const kube::Client& client, const std::string& namespace_name,
                        const json::object& anchor) {
  const std::string selection = fmt::format("{}={}", kSubmissionLabel, resources::label_of(anchor, kSubmissionLabel));
  for (const kube::ResourceType& type : kDependantTypes) {
    auto objects =
        client.list(context, kube::ObjectPath::all(type, namespace_name), {.labels = selection, .fields = {}});
    if (!objects) {
      // Kinds that the cluster does not have hold nothing of ours; what we may not list (Secrets) goes with its owner.
      const ErrorCode code = objects.error().code;
      if (code == ErrorCode::not_found || code == ErrorCode::permission) continue;
      return std::move(objects).error();
    }
    for (const json::object& object : objects.value().objects)
      if (owner_uid(object) == resources::metadata_text(anchor, "uid")) TRY(remove_exactly(context, client, object));
  }
  return remove_exactly(context, client, anchor);
}

}  // namespace

std::string_view outcome_name(Leftover::Outcome outcome) {
  return outcome == Leftover::Outcome::finished ? "finished" : "removed";
}

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
    // From here on nobody makes a driver on it; one who has joined it meanwhile has changed it.
    TRY_ASSIGN(const std::optional<json::object> closed, close_anchor(context, client, anchor, kCleaner));
    if (!closed) continue;
    const std::string id = resources::label_of(anchor, kSubmissionLabel);
    TRY_ASSIGN(const kube::ObjectList drivers,
               client.list(context, kube::ObjectPath::all(kube::kPods, namespace_name),
                           {.labels = fmt::format("{}={}", kSubmissionLabel, id), .fields = {}}));
    const bool has_driver = !drivers.objects.empty();
    if (has_driver)
      TRY(finish_anchor(context, client, *closed, drivers.objects.front()));
    else
      TRY(remove_all(context, client, namespace_name, *closed));
    leftovers.push_back({.outcome = has_driver ? Leftover::Outcome::finished : Leftover::Outcome::removed,
                         .submission_id = id,
                         .anchor = std::string(resources::name_of(anchor))});
  }
  return leftovers;
}

}  // namespace stoker::submission
