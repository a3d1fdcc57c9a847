#include "submission/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "codec/time.h"
#include "resources/object.h"
#include "submission/labels.h"

namespace stoker::submission {

namespace {

// Of a creation whose fate is not known.
constexpr int kMaximumTries = 4;

json::object owner_reference(const json::object& owner) {
  return {{"apiVersion", resources::text_in(owner, "apiVersion")},
          {"kind", resources::kind_of(owner)},
          {"name", resources::name_of(owner)},
          {"uid", resources::metadata_text(owner, "uid")},
          {"controller", true}};
}

class Placing {
 public:
  Placing(const kube::Client& client, const spark::SubmissionPlan& plan, const PlacementOptions& options)
      : client_(client), plan_(plan), options_(options) {}

  Result<Placement> run(const runtime::Context& context) {
    std::vector<json::object> dependants = plan_.groups;
    dependants.insert(dependants.end(), plan_.dependants.begin(), plan_.dependants.end());
    const auto config_map = std::ranges::find_if(
        dependants, [](const json::object& object) { return resources::kind_of(object) == "ConfigMap"; });
    // Spark's drivers always have one, for spark.properties.
    if (config_map == dependants.end())
      return Error{.code = ErrorCode::internal, .message = "the plan has no ConfigMap to hang a submission on"};
    std::rotate(dependants.begin(), config_map, config_map + 1);

    mark_unfinished(dependants.front());
    TRY_ASSIGN(const json::object anchor, make(context, dependants.front()));
    for (std::size_t i = 1; i < dependants.size(); ++i) {
      resources::object_at(dependants[i], "metadata")["ownerReferences"] = json::array{owner_reference(anchor)};
      TRY(make(context, dependants[i]));
    }
    Placement placement;
    TRY_ASSIGN(placement.driver, make(context, plan_.driver, &placement.was_there));
    // With the driver there the submission is made: a stop that comes now is for whoever follows.
    const runtime::Context finishing = runtime::Context{}.with_timeout(client_.clock(), options_.time_to_clean_up);
    const auto finished = finish_anchor(finishing, client_, plan_.namespace_name,
                                        std::string(resources::name_of(anchor)), placement.driver);
    if (!finished)
      placement.warning = fmt::format("{}; the driver runs, `stoker apps cleanup` makes it the owner of its objects",
                                      finished.error().describe());
    return placement;
  }

  // The driver that an earlier submission of this id has made, whatever its application was; none when there is none.
  Result<std::optional<Placement>> find(const runtime::Context& context) const {
    TRY_ASSIGN(
        kube::ObjectList drivers,
        client_.list(context,
                     {.type = kube::kPods, .namespace_name = plan_.namespace_name, .name = {}, .subresource = {}},
                     {.labels = fmt::format("{}={}", kSubmissionLabel, options_.submission_id), .fields = {}}));
    if (drivers.objects.empty()) return std::optional<Placement>();
    TRY_ASSIGN(
        const kube::ObjectList anchors,
        client_.list(context,
                     {.type = kube::kConfigMaps, .namespace_name = plan_.namespace_name, .name = {}, .subresource = {}},
                     {.labels = fmt::format("{}={},{}", kSubmissionLabel, options_.submission_id, kUnfinishedLabel),
                      .fields = {}}));
    Placement placement{.driver = std::move(drivers.objects.front()), .was_there = true, .warning = {}};
    for (const json::object& anchor : anchors.objects)
      TRY(finish_anchor(context, client_, plan_.namespace_name, std::string(resources::name_of(anchor)),
                        placement.driver));
    return std::optional(std::move(placement));
  }

  // Removes what this call may have made, the last first. False when something may be left.
  bool undo() const {
    const runtime::Context context =
        runtime::Context{}.with_timeout(client_.clock(), options_.time_to_clean_up);  // stopped or not
    bool all = true;
    for (auto object = tried_.rbegin(); object != tried_.rend(); ++object) {
      const auto there = client_.get(context, *object);
      if (!there) {
        all = all && there.error().code == ErrorCode::not_found;
        continue;
      }
      if (!is_ours(there.value())) continue;
      const auto removed = client_.remove(
          context, *object, {.uid = resources::metadata_text(there.value(), "uid"), .resource_version = {}});
      all = all && (removed || removed.error().code == ErrorCode::not_found);
    }
    return all;
  }

 private:
  bool is_ours(const json::object& object) const {
    return resources::label_of(object, kSubmissionLabel) == options_.submission_id;
  }

  // The server said no, or never heard of it.
  static bool is_refusal(const Error& error) {
    switch (error.code) {
      case ErrorCode::unavailable: return error.retryable;
      case ErrorCode::timed_out:
      case ErrorCode::cancelled:
      case ErrorCode::already_exists: return false;
      default: return true;
    }
  }

  void mark_unfinished(json::object& anchor) const {
    json::object& metadata = resources::object_at(anchor, "metadata");
    resources::object_at(metadata, "labels")[kUnfinishedLabel] = "true";
    resources::object_at(metadata, "annotations")[kCreationDeadline] =
        codec::format_time(client_.clock().wall_now() + options_.time_to_creation_deadline);
  }

  // The object as the server has it, made now or by an earlier try of ours.
  Result<json::object> make(const runtime::Context& context, json::object object, bool* was_there = nullptr) {
    resources::object_at(resources::object_at(object, "metadata"), "labels")[kSubmissionLabel] = options_.submission_id;
    TRY_ASSIGN(const kube::ResourceType type, kube::resource_type_of(object));
    const kube::ObjectPath path{.type = type,
                                .namespace_name = plan_.namespace_name,
                                .name = std::string(resources::name_of(object)),
                                .subresource = {}};
    tried_.push_back(path);
    bool nothing_was_made = true;
    for (int tries = 1;; ++tries) {
      auto made = client_.create(context, object, plan_.namespace_name);
      if (made) return made;
      const ErrorCode code = made.error().code;
      nothing_was_made = nothing_was_made && is_refusal(made.error());
      if (nothing_was_made) {
        tried_.pop_back();
        return made;
      }
      if (code != ErrorCode::already_exists && code != ErrorCode::unavailable) return made;
      // It may be that this very request, or one of a submission with the same id, has made it.
      auto there = client_.get(context, path);
      if (there && is_ours(there.value())) {
        if (was_there != nullptr) *was_there = tries == 1 && code == ErrorCode::already_exists;
        return there;
      }
      if (there)
        return Error{.code = ErrorCode::already_exists,
                     .message = fmt::format("{} exists, and is not of this submission", path.describe()),
                     .hint = "take another name, or remove it first: kubectl delete"};
      if (there.error().code != ErrorCode::not_found || tries == kMaximumTries) return made;
    }
  }

  const kube::Client& client_;
  const spark::SubmissionPlan& plan_;
  const PlacementOptions& options_;
  std::vector<kube::ObjectPath> tried_;
};

}  // namespace

Result<void> finish_anchor(const runtime::Context& context, const kube::Client& client,
                           const std::string& namespace_name, const std::string& anchor_name,
                           const json::object& driver) {
  const json::object patch{{"metadata",
                            {{"ownerReferences", json::array{owner_reference(driver)}},
                             {"labels", {{kUnfinishedLabel, nullptr}}},
                             {"annotations", {{kCreationDeadline, nullptr}}}}}};
  TRY(client.patch(
      context, {.type = kube::kConfigMaps, .namespace_name = namespace_name, .name = anchor_name, .subresource = {}},
      kube::PatchKind::merge_patch, patch));
  return {};
}

Result<Placement> place(const runtime::Context& context, const kube::Client& client, const spark::SubmissionPlan& plan,
                        const PlacementOptions& options) {
  Placing placing(client, plan, options);
  const runtime::Context writing = context.with_timeout(client.clock(), options.time_to_write);
  if (options.may_be_there) {
    TRY_ASSIGN(std::optional<Placement> earlier, placing.find(writing));
    if (earlier) return *std::move(earlier);
  }
  auto placement = placing.run(writing);
  if (placement || placing.undo()) return placement;
  Error error = std::move(placement).error();
  if (!error.hint.empty()) error.hint += "; ";
  error.hint += fmt::format(
      "some of its objects may be left: `stoker apps cleanup --namespace {}` removes them after {} minutes",
      plan.namespace_name, std::chrono::ceil<std::chrono::minutes>(options.time_to_creation_deadline).count());
  return error;
}

}  // namespace stoker::submission
