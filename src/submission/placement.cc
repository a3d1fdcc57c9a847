#include "submission/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
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

bool is_going(const json::object& object) {
  return !resources::metadata_text(object, "deletionTimestamp").empty();
}

// "" without an owner.
std::string owner_uid(const json::object& object) {
  for (const json::value& owner : resources::list_in(resources::object_in(object, "metadata"), "ownerReferences"))
    if (owner.is_object()) return resources::text_in(owner.get_object(), "uid");
  return "";
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
    TRY_ASSIGN(const json::object anchor, make_anchor(context, dependants.front()));
    const std::string anchor_uid = resources::metadata_text(anchor, "uid");
    for (std::size_t i = 1; i < dependants.size(); ++i) {
      resources::object_at(dependants[i], "metadata")["ownerReferences"] = json::array{owner_reference(anchor)};
      TRY(make(context, dependants[i],
               [&](const json::object& there) { return owner_uid(there) == anchor_uid && !is_going(there); }));
    }
    Placement placement;
    TRY_ASSIGN(
        placement.driver,
        make(context, plan_.driver, [](const json::object& there) { return !is_going(there); }, &placement.was_there));
    // With the driver there the submission is made: a stop that comes now is for whoever follows.
    const runtime::Context finishing = runtime::Context{}.with_timeout(client_.clock(), options_.time_to_clean_up);
    finish(finishing, std::string(resources::name_of(anchor)), placement);
    return placement;
  }

  // The driver that an earlier submission of this id has made, whatever its application was; none when there is none.
  Result<std::optional<Placement>> find(const runtime::Context& context) const {
    TRY_ASSIGN(kube::ObjectList drivers,
               client_.list(context, kube::ObjectPath::all(kube::kPods, plan_.namespace_name),
                            {.labels = fmt::format("{}={}", kSubmissionLabel, options_.submission_id), .fields = {}}));
    if (drivers.objects.empty()) return std::optional<Placement>();
    TRY_ASSIGN(
        const kube::ObjectList anchors,
        client_.list(context, kube::ObjectPath::all(kube::kConfigMaps, plan_.namespace_name),
                     {.labels = fmt::format("{}={},{}", kSubmissionLabel, options_.submission_id, kUnfinishedLabel),
                      .fields = {}}));
    Placement placement{.driver = std::move(drivers.objects.front()), .was_there = true, .warning = {}};
    if (is_going(placement.driver))
      return Error{.code = ErrorCode::conflict,
                   .message = fmt::format("the driver {} of this submission is being deleted",
                                          resources::name_of(placement.driver)),
                   .hint = "submit again when it is gone, or under another --submission-id"};
    for (const json::object& anchor : anchors.objects)
      finish(context, std::string(resources::name_of(anchor)), placement);
    return std::optional(std::move(placement));
  }

  // Removes what this call may have made, the last first. False when something may be left: then the anchor is, by
  // which cleaners find the rest.
  bool undo() const {
    const runtime::Context context =
        runtime::Context{}.with_timeout(client_.clock(), options_.time_to_clean_up);  // stopped or not
    const auto is_gone = [](const Error& error) { return error.code == ErrorCode::not_found; };
    for (auto object = tried_.rbegin(); object != tried_.rend(); ++object) {
      const auto there = client_.get(context, *object);
      if (!there && !is_gone(there.error())) return false;
      if (!there || !is_ours(there.value())) continue;
      if (auto removed = remove(context, *object, there.value()); !removed && !is_gone(removed.error())) return false;
    }
    return true;
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

  Result<void> remove(const runtime::Context& context, const kube::ObjectPath& path, const json::object& object) const {
    return client_.remove(context, path, {.uid = resources::metadata_text(object, "uid"), .resource_version = {}});
  }

  void finish(const runtime::Context& context, const std::string& anchor, Placement& placement) const {
    const auto finished = finish_anchor(context, client_, plan_.namespace_name, anchor, placement.driver);
    if (!finished)
      placement.warning = fmt::format("{}; the driver runs, `stoker apps cleanup` makes it the owner of its objects",
                                      finished.error().describe());
  }

  // An anchor that a submitter of this id left may be past its deadline: it gets a new one, before cleaners take it.
  Result<json::object> make_anchor(const runtime::Context& context, const json::object& object) {
    bool was_there = false;
    TRY_ASSIGN(json::object anchor, make(
                                        context, object,
                                        [](const json::object& there) {
                                          // A finished one had a driver, and goes after it.
                                          return !resources::label_of(there, kUnfinishedLabel).empty() &&
                                                 owner_uid(there).empty() && !is_going(there);
                                        },
                                        &was_there));
    if (!was_there) return anchor;
    const std::string deadline = resources::annotation_of(object, kCreationDeadline);
    return client_.patch(context, path_of(anchor), kube::PatchKind::merge_patch,
                         json::object{{"metadata", {{"annotations", {{kCreationDeadline, deadline}}}}}});
  }

  kube::ObjectPath path_of(const json::object& object) const {
    return {.type = kube::resource_type_of(object).value(),
            .namespace_name = plan_.namespace_name,
            .name = std::string(resources::name_of(object)),
            .subresource = {}};
  }

  // The object as the server has it, made now or by an earlier try. One of this submission that will not stay, since it
  // or its owner is being deleted, is removed and made anew.
  Result<json::object> make(const runtime::Context& context, json::object object,
                            const std::function<bool(const json::object&)>& will_stay, bool* was_there = nullptr) {
    resources::object_at(resources::object_at(object, "metadata"), "labels")[kSubmissionLabel] = options_.submission_id;
    TRY(kube::resource_type_of(object));
    const kube::ObjectPath path = path_of(object);
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
      if (there && !is_ours(there.value()))
        return Error{.code = ErrorCode::already_exists,
                     .message = fmt::format("{} exists, and is not of this submission", path.describe()),
                     .hint = "take another name, or remove it first: kubectl delete"};
      if (there && will_stay(there.value())) {
        // Without a key of the user's nobody else has this id.
        if (was_there != nullptr) *was_there = options_.may_be_there && tries == 1 && code == ErrorCode::already_exists;
        return there;
      }
      if (there) static_cast<void>(remove(context, path, there.value()));
      if ((!there && there.error().code != ErrorCode::not_found) || tries == kMaximumTries) return made;
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
