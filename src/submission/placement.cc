#include "submission/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "codec/time.h"
#include "resources/object.h"
#include "runtime/wait.h"
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

// The one with spark.properties: its name comes from the id alone, whatever the application is called.
bool is_driver_config_map(const json::object& object) {
  return resources::kind_of(object) == "ConfigMap" && resources::object_in(object, "data").contains("spark.properties");
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
    const auto config_map = std::ranges::find_if(dependants, is_driver_config_map);
    // Spark's drivers always have one.
    if (config_map == dependants.end())
      return Error{.code = ErrorCode::internal, .message = "the plan has no ConfigMap to hang a submission on"};
    std::rotate(dependants.begin(), config_map, config_map + 1);

    mark_unfinished(dependants.front());
    TRY_ASSIGN(Claim claimed, claim(context, dependants.front()));
    if (claimed.earlier) return *std::move(claimed.earlier);
    const json::object& anchor = claimed.anchor;
    for (std::size_t i = 1; i < dependants.size(); ++i) {
      resources::object_at(dependants[i], "metadata")["ownerReferences"] = json::array{owner_reference(anchor)};
      TRY(make(context, dependants[i], resources::metadata_text(anchor, "uid")));
    }
    Placement placement;
    TRY_ASSIGN(Found driver, create_or_find(context, plan_.driver));
    placement.driver = std::move(driver.object);
    placement.was_there = !driver.is_new;
    if (is_going(placement.driver)) return driver_is_going(placement.driver);
    // With the driver there the submission is made: a stop that comes now is for whoever follows.
    const runtime::Context finishing = runtime::Context{}.with_timeout(client_.clock(), options_.time_to_clean_up);
    const bool is_there = finish(finishing, std::string(resources::name_of(anchor)), placement);
    if (is_there || !options_.may_be_there || placement.was_there) return placement;
    static_cast<void>(remove_ours(finishing, path_of(placement.driver), {}));
    return Error{.code = ErrorCode::conflict,
                 .message = "another submission of this id was ended, and with it what this driver needs",
                 .hint = "submit again"};
  }

  // The driver that an earlier submission of this id has made, whatever its application was; none when there is none.
  Result<std::optional<Placement>> find(const runtime::Context& context) const {
    TRY_ASSIGN(kube::ObjectList drivers,
               client_.list(context, kube::ObjectPath::all(kube::kPods, plan_.namespace_name),
                            {.labels = fmt::format("{}={}", kSubmissionLabel, options_.submission_id), .fields = {}}));
    if (drivers.objects.empty()) return std::optional<Placement>();
    Placement placement{.driver = std::move(drivers.objects.front()), .was_there = true, .warning = {}};
    if (is_going(placement.driver)) return driver_is_going(placement.driver);
    TRY_ASSIGN(
        const kube::ObjectList anchors,
        client_.list(context, kube::ObjectPath::all(kube::kConfigMaps, plan_.namespace_name),
                     {.labels = fmt::format("{}={},{}", kSubmissionLabel, options_.submission_id, kUnfinishedLabel),
                      .fields = {}}));
    for (const json::object& anchor : anchors.objects)
      finish(context, std::string(resources::name_of(anchor)), placement);
    return std::optional(std::move(placement));
  }

  // Removes what this call may have made. False when something may be left that a cleaner finds by the anchor. So the
  // driver goes before the anchor; and the anchor before the rest, which a submitter of the same id who has joined it
  // needs: then nothing more is removed.
  bool undo() const {
    if (joined_) return false;
    const runtime::Context context =
        runtime::Context{}.with_timeout(client_.clock(), options_.time_to_clean_up);  // stopped or not
    if (tried_.empty()) return true;
    if (tried_.back().type == kube::kPods && !is_removed(remove_ours(context, tried_.back(), {}))) return false;
    const auto anchor = remove_ours(context, tried_.front(), deadline_);
    if (!anchor && anchor.error().code == ErrorCode::conflict) return true;
    if (!is_removed(anchor)) return false;
    bool all = true;
    for (std::size_t i = tried_.size() - 1; i > 0; --i)
      all = is_removed(remove_ours(context, tried_[i], {})) && all;
    return all;
  }

 private:
  struct Found {
    json::object object;
    // Made by this call, as far as can be known: without a key of the user's nobody else has this id.
    bool is_new = true;
  };
  struct Claim {
    json::object anchor;
    std::optional<Placement> earlier;  // instead of it
  };

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

  static Error driver_is_going(const json::object& driver) {
    return {.code = ErrorCode::conflict,
            .message = fmt::format("the driver {} of this submission is being deleted", resources::name_of(driver)),
            .hint = "submit again when it is gone, or under another --submission-id"};
  }

  void mark_unfinished(json::object& anchor) {
    deadline_ = codec::format_time(client_.clock().wall_now() + options_.time_to_creation_deadline);
    json::object& metadata = resources::object_at(anchor, "metadata");
    resources::object_at(metadata, "labels")[kUnfinishedLabel] = "true";
    json::object& annotations = resources::object_at(metadata, "annotations");
    annotations[kCreationDeadline] = deadline_;
    annotations[kDriverName] = plan_.driver_name;
  }

  static bool is_removed(const Result<void>& removed) {
    return removed || removed.error().code == ErrorCode::not_found;
  }

  // If it is of this submission. `deadline`: of an anchor that nobody has joined; conflict when somebody has.
  Result<void> remove_ours(const runtime::Context& context, const kube::ObjectPath& path,
                           const std::string& deadline) const {
    TRY_ASSIGN(const json::object there, client_.get(context, path));
    if (!is_ours(there)) return {};
    if (!deadline.empty() && resources::annotation_of(there, kCreationDeadline) != deadline)
      return Error{.code = ErrorCode::conflict, .message = "another submission of this id goes on with it"};
    return client_.remove(
        context, path,
        {.uid = resources::metadata_text(there, "uid"),
         .resource_version = deadline.empty() ? "" : resources::metadata_text(there, "resourceVersion")});
  }

  // False when there is no such anchor any more.
  bool finish(const runtime::Context& context, const std::string& anchor, Placement& placement) const {
    const auto finished = finish_anchor(context, client_, plan_.namespace_name, anchor, placement.driver);
    if (!finished)
      placement.warning = fmt::format("{}; the driver runs, `stoker apps cleanup` makes it the owner of its objects",
                                      finished.error().describe());
    return finished || finished.error().code != ErrorCode::not_found;
  }

  // The anchor, made now or joined; or the driver of the submitter who has made it. One that is finished without a
  // driver, or on its way out, goes with all that hangs on it, and a new one is made. One with another driver's name is
  // of another command line under this id, at work or dead: its driver is waited for.
  Result<Claim> claim(const runtime::Context& context, const json::object& object) {
    while (true) {
      TRY_ASSIGN(Found found, create_or_find(context, object));
      if (found.is_new) return Claim{.anchor = std::move(found.object), .earlier = {}};
      joined_ = true;
      const json::object& there = found.object;
      TRY_ASSIGN(std::optional<Placement> earlier, find(context));
      if (earlier) return Claim{.anchor = {}, .earlier = std::move(earlier)};
      const bool is_unfinished = !resources::label_of(there, kUnfinishedLabel).empty() && !is_going(there);
      const std::string driver = resources::annotation_of(there, kDriverName);
      if (is_unfinished && driver == plan_.driver_name) {
        TRY_ASSIGN(json::object anchor,
                   client_.patch(context, path_of(there), kube::PatchKind::merge_patch,
                                 json::object{{"metadata", {{"annotations", {{kCreationDeadline, deadline_}}}}}}));
        return Claim{.anchor = std::move(anchor), .earlier = {}};
      }
      if (!is_unfinished) {
        static_cast<void>(remove_ours(context, path_of(there), {}));
        joined_ = false;
      }
      if (!runtime::wait_for(context, client_.clock(), options_.poll_delay))
        return Error{.code = ErrorCode::conflict,
                     .message = fmt::format("another submission of this id is under way, with the driver {}", driver),
                     .hint =
                         "submit again under the same name, or when it has ended: stoker apps cleanup removes what a "
                         "submitter that died has left, five minutes later"};
    }
  }

  kube::ObjectPath path_of(const json::object& object) const {
    return {.type = kube::resource_type_of(object).value(),
            .namespace_name = plan_.namespace_name,
            .name = std::string(resources::name_of(object)),
            .subresource = {}};
  }

  // A dependant of this anchor. One of an anchor that is gone goes too, and is made anew.
  Result<void> make(const runtime::Context& context, const json::object& object, const std::string& anchor_uid) {
    for (int tries = 1;; ++tries) {
      TRY_ASSIGN(const Found found, create_or_find(context, object));
      if (found.is_new || (owner_uid(found.object) == anchor_uid && !is_going(found.object))) return {};
      if (tries == kMaximumTries)
        return Error{.code = ErrorCode::conflict,
                     .message = fmt::format("{} of an earlier submission of this id is being deleted",
                                            path_of(object).describe()),
                     .hint = "submit again when it is gone"};
      static_cast<void>(remove_ours(context, path_of(object), {}));
    }
  }

  // The object as the server has it: created, or there already and of this submission.
  Result<Found> create_or_find(const runtime::Context& context, json::object object) {
    resources::object_at(resources::object_at(object, "metadata"), "labels")[kSubmissionLabel] = options_.submission_id;
    TRY(kube::resource_type_of(object));
    const kube::ObjectPath path = path_of(object);
    bool nothing_was_made = true;
    for (int tries = 1;; ++tries) {
      if (tried_.empty() || !(tried_.back() == path)) tried_.push_back(path);
      auto made = client_.create(context, object, plan_.namespace_name);
      if (made) return Found{.object = *std::move(made), .is_new = true};
      const ErrorCode code = made.error().code;
      const bool is_first_answer = options_.may_be_there && nothing_was_made && code == ErrorCode::already_exists;
      nothing_was_made = nothing_was_made && (is_refusal(made.error()) || is_first_answer);
      if (nothing_was_made) tried_.pop_back();
      if (nothing_was_made && !is_first_answer) return std::move(made).error();
      if (code != ErrorCode::already_exists && code != ErrorCode::unavailable) return std::move(made).error();
      // It may be that this very request, or one of a submission with the same id, has made it.
      auto there = client_.get(context, path);
      if (there && !is_ours(there.value()))
        return Error{.code = ErrorCode::already_exists,
                     .message = fmt::format("{} exists, and is not of this submission", path.describe()),
                     .hint = "take another name, or remove it first: kubectl delete"};
      if (there) return Found{.object = *std::move(there), .is_new = !is_first_answer};
      if (there.error().code != ErrorCode::not_found || tries == kMaximumTries) return std::move(made).error();
    }
  }

  const kube::Client& client_;
  const spark::SubmissionPlan& plan_;
  const PlacementOptions& options_;
  std::string deadline_;                 // of the anchor
  std::vector<kube::ObjectPath> tried_;  // what this call may have made, the anchor first
  bool joined_ = false;                  // the anchor is of another call, which may be at work
};

}  // namespace

Result<void> finish_anchor(const runtime::Context& context, const kube::Client& client,
                           const std::string& namespace_name, const std::string& anchor_name,
                           const json::object& driver) {
  const json::object patch{{"metadata",
                            {{"ownerReferences", json::array{owner_reference(driver)}},
                             {"labels", {{kUnfinishedLabel, nullptr}}},
                             {"annotations", {{kCreationDeadline, nullptr}, {kDriverName, nullptr}}}}}};
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
