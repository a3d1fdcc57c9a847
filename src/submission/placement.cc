#include "submission/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/strings.h"
#include "codec/sha256.h"
#include "codec/time.h"
#include "resources/object.h"
#include "runtime/wait.h"
#include "submission/anchor.h"
#include "submission/labels.h"

namespace stoker::submission {

namespace {

// Of a creation whose fate is not known.
constexpr int kMaximumTries = 4;
constexpr std::string_view kProperties = "spark.properties";

// The driver's own: its name comes from the id alone, whatever the application is called.
bool is_driver_config_map(const json::object& object) {
  return resources::kind_of(object) == "ConfigMap" && resources::object_in(object, "data").contains(kProperties);
}

// What tells one command line from another: its objects, but for the time at which they were planned.
std::string fingerprint_of(const spark::SubmissionPlan& plan) {
  codec::Sha256 hash;
  hash.update(codec::canonical_json(plan.driver));
  for (const std::vector<json::object>* objects : {&plan.groups, &plan.dependants})
    for (json::object object : *objects) {
      if (is_driver_config_map(object)) {
        json::value& properties = object.at("data").at(kProperties);
        std::vector<std::string> lines = split(std::string(properties.as_string()), '\n');
        std::erase_if(lines, [](const std::string& line) {
          return line.starts_with('#') || line.starts_with("spark.app.submitTime=");
        });
        properties = join(lines, "\n");
      }
      hash.update(codec::canonical_json(object));
    }
  return hash.hex().substr(0, 32);
}

class Placing {
 public:
  Placing(const kube::Client& client, const spark::SubmissionPlan& plan, const PlacementOptions& options)
      : client_(client), plan_(plan), options_(options) {}

  Result<Placement> run(const runtime::Context& context) {
    std::vector<json::object> dependants = plan_.groups;
    dependants.insert(dependants.end(), plan_.dependants.begin(), plan_.dependants.end());
    const auto config_map = std::ranges::find_if(dependants, is_driver_config_map);
    if (config_map == dependants.end())
      return Error{.code = ErrorCode::internal, .message = "the plan has no ConfigMap to hang a submission on"};
    std::rotate(dependants.begin(), config_map, config_map + 1);

    mark_unfinished(dependants.front());
    TRY_ASSIGN(Claim claimed, claim(context, dependants.front()));
    if (claimed.earlier) return *std::move(claimed.earlier);
    for (std::size_t i = 1; i < dependants.size(); ++i)
      TRY(make_dependant(context, std::move(dependants[i]), claimed.anchor));
    return make_driver(context, claimed.anchor);
  }

  // The driver that an earlier submission of this id has made, whatever its plan was; none when there is none, or one
  // that is just being removed with its closed anchor.
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
    // A driver is removed before its anchor, whose name is the same for every submission of this id: when it is still
    // there after the anchor was seen, it hangs on that one, and without one its own was finished.
    const auto now = client_.get(context, path_of(placement.driver));
    if (!now && now.error().code != ErrorCode::not_found) return now.error();
    if (!now || resources::metadata_text(*now, "uid") != resources::metadata_text(placement.driver, "uid"))
      return std::optional<Placement>();
    for (const json::object& anchor : anchors.objects) {
      if (is_closed(anchor)) return std::optional<Placement>();
      TRY_ASSIGN(const bool finished, finish(context, anchor, placement));
      if (!finished) return std::optional<Placement>();
    }
    return std::optional(std::move(placement));
  }

  // Removes what this call has made, unless another one relies on it. False when something may be left that a cleaner
  // has to find, by the anchor: so that goes last.
  bool undo() const {
    // Hanging on another's anchor, it is that one's too.
    if (!anchor_) return !driver_ && dependants_.empty();
    const runtime::Context context =
        runtime::Context{}.with_timeout(client_.clock(), options_.time_to_clean_up);  // stopped or not
    const auto anchor = client_.get(context, *anchor_);
    // One whose creation had no answer may still be on its way.
    if (!anchor) return anchor.error().code == ErrorCode::not_found && anchor_was_seen_ && !driver_;
    if (!is_mine(*anchor)) return true;  // somebody has joined it
    std::optional<json::object> driver;
    if (driver_) {
      auto there = client_.get(context, *driver_);
      // One that is not there may still be on its way: the anchor stays, also for who tries again.
      if (!there || !is_mine(*there)) return false;
      driver = *std::move(there);
    }
    const auto closed = close_anchor(context, client_, *anchor, attempt());
    if (!closed || !*closed) return false;  // or somebody has joined it just now
    if (driver && !remove_exactly(context, client_, *driver)) return false;
    bool all = true;
    for (auto path = dependants_.rbegin(); path != dependants_.rend(); ++path) {
      const auto there = client_.get(context, *path);
      if (there && owner_uid(*there) == resources::metadata_text(*anchor, "uid"))
        all = remove_exactly(context, client_, *there).ok() && all;
      else if (!there)
        all = there.error().code == ErrorCode::not_found && all;
    }
    return all && remove_exactly(context, client_, *anchor).ok();
  }

 private:
  struct Claim {
    json::object anchor;
    std::optional<Placement> earlier;  // instead of it
  };
  struct Creation {
    Result<json::object> object;  // as the server has it: created, or there already and of this submission
    bool may_be_made = true;      // by this call, although it may have failed
  };

  bool is_ours(const json::object& object) const {
    return resources::label_of(object, kSubmissionLabel) == options_.submission_id;
  }
  // Made by this call: an id that is no key of the user's is nobody else's.
  bool is_mine(const json::object& object) const {
    return is_ours(object) &&
           (!options_.may_be_there || resources::annotation_of(object, kAttempt) == options_.attempt);
  }

  // The server said no, or never heard of it.
  static bool is_refusal(const Error& error) {
    switch (error.code) {
      case ErrorCode::unavailable: return error.retryable;
      case ErrorCode::timed_out:
      case ErrorCode::cancelled: return false;
      default: return true;
    }
  }

  static Error driver_is_going(const json::object& driver) {
    return {.code = ErrorCode::conflict,
            .message = fmt::format("the driver {} of this submission is being deleted", resources::name_of(driver)),
            .hint = "submit again when it is gone, or under another --submission-id"};
  }

  const std::string& attempt() const { return options_.may_be_there ? options_.attempt : options_.submission_id; }

  void sign(json::object& object) const {
    if (options_.may_be_there)
      resources::object_at(resources::object_at(object, "metadata"), "annotations")[kAttempt] = options_.attempt;
  }

  void mark_unfinished(json::object& anchor) {
    deadline_ = codec::format_time(client_.clock().wall_now() + options_.time_to_creation_deadline);
    fingerprint_ = options_.may_be_there ? fingerprint_of(plan_) : "one";
    json::object& metadata = resources::object_at(anchor, "metadata");
    resources::object_at(metadata, "labels")[kUnfinishedLabel] = "true";
    resources::object_at(metadata, "annotations")[kCreationDeadline] = deadline_;
    resources::object_at(metadata, "annotations")[kPlan] = fingerprint_;
    sign(anchor);
  }

  bool is_past_its_deadline(const json::object& anchor) const {
    const auto deadline = codec::parse_time(resources::annotation_of(anchor, kCreationDeadline));
    return deadline && deadline.value() <= client_.clock().wall_now();
  }

  // False when the anchor is gone, or on its way: so may the driver be, if it is another's. Without an answer nobody
  // knows, and only who has made the driver himself can say that it stays.
  Result<bool> finish(const runtime::Context& context, const json::object& anchor, Placement& placement) const {
    auto finished = finish_anchor(context, client_, anchor, placement.driver);
    if (finished) return finished;
    if (placement.was_there && !is_refusal(finished.error())) return finished;
    placement.warning = fmt::format("{}; the driver runs, `stoker apps cleanup` makes it the owner of its objects",
                                    finished.error().describe());
    return true;
  }

  // The anchor, made now or joined; or the driver of the submitter who has made it. One that has no driver any more or
  // whose submitter has died with another plan is removed, and a new one is made.
  Result<Claim> claim(const runtime::Context& context, const json::object& object) {
    while (true) {
      Creation creation = create_or_find(context, object);
      if (creation.may_be_made) anchor_ = path_in_plan(object);
      TRY_ASSIGN(json::object there, std::move(creation.object));
      anchor_was_seen_ = true;
      const bool is_new = is_mine(there);
      if (is_new && !options_.may_be_there) return Claim{.anchor = std::move(there), .earlier = {}};
      TRY_ASSIGN(std::optional<Placement> earlier, find(context));
      if (!is_new || earlier) anchor_.reset();
      if (is_new && earlier) TRY(remove_exactly(context, client_, there, If::unchanged));
      if (earlier) return Claim{.anchor = {}, .earlier = std::move(earlier)};
      if (is_new) return Claim{.anchor = std::move(there), .earlier = {}};
      TRY_ASSIGN(std::optional<json::object> joined, join_anchor(context, there));
      if (joined) return Claim{.anchor = *std::move(joined), .earlier = {}};
      const auto waited = runtime::wait_for(context, client_.clock(), options_.poll_delay);
      if (!waited && waited.error().code == ErrorCode::cancelled) return waited.error();
      if (!waited)
        return Error{.code = ErrorCode::conflict,
                     .message = "another command line is being submitted under this id, and its driver does not come",
                     .hint = fmt::format("submit the same again, or wait until {}: if its submitter has died, what it "
                                         "has left is removed then",
                                         resources::annotation_of(there, kCreationDeadline))};
    }
  }

  // None: it is not to be joined now.
  Result<std::optional<json::object>> join_anchor(const runtime::Context& context, const json::object& there) {
    if (is_going(there)) return std::optional<json::object>();
    if (is_unfinished(there) && resources::annotation_of(there, kPlan) == fingerprint_)
      return renew_anchor(context, client_, there, deadline_, options_.attempt);
    // A finished one had a driver, which is gone.
    if (!is_unfinished(there)) TRY(remove_exactly(context, client_, there));
    if (is_unfinished(there) && is_past_its_deadline(there)) {
      TRY_ASSIGN(const auto closed, close_anchor(context, client_, there, attempt()));
      if (closed) TRY(remove_exactly(context, client_, *closed));
    }
    return std::optional<json::object>();
  }

  kube::ObjectPath path_in_plan(const json::object& object) const {
    return {.type = kube::resource_type_of(object).value(),
            .namespace_name = plan_.namespace_name,
            .name = std::string(resources::name_of(object)),
            .subresource = {}};
  }

  // One that hangs on another anchor goes with that, and is made anew.
  Result<void> make_dependant(const runtime::Context& context, json::object object, const json::object& anchor) {
    const std::string anchor_uid = resources::metadata_text(anchor, "uid");
    resources::object_at(object, "metadata")["ownerReferences"] =
        json::array{json::object{{"apiVersion", "v1"},
                                 {"kind", "ConfigMap"},
                                 {"name", resources::name_of(anchor)},
                                 {"uid", anchor_uid},
                                 {"controller", true}}};
    for (int tries = 1;; ++tries) {
      Creation creation = create_or_find(context, object);
      if (creation.may_be_made) dependants_.push_back(path_in_plan(object));
      TRY_ASSIGN(const json::object there, std::move(creation.object));
      if (owner_uid(there) == anchor_uid && !is_going(there)) return {};
      if (tries == kMaximumTries)
        return Error{.code = ErrorCode::conflict,
                     .message = fmt::format("{} of an earlier submission of this id is being deleted",
                                            path_in_plan(object).describe()),
                     .hint = "submit again when it is gone"};
      TRY(remove_exactly(context, client_, there));
    }
  }

  Result<Placement> make_driver(const runtime::Context& context, const json::object& anchor) {
    json::object object = plan_.driver;
    sign(object);
    Creation creation = create_or_find(context, object);
    if (creation.may_be_made) driver_ = path_in_plan(object);
    Placement placement;
    TRY_ASSIGN(placement.driver, std::move(creation.object));
    placement.was_there = !is_mine(placement.driver);
    if (is_going(placement.driver)) return driver_is_going(placement.driver);
    // With the driver there the submission is made: a stop that comes now is for whoever follows.
    const runtime::Context finishing = runtime::Context{}.with_timeout(client_.clock(), options_.time_to_clean_up);
    TRY_ASSIGN(const bool finished, finish(finishing, anchor, placement));
    if (finished) return placement;
    if (!placement.was_there) static_cast<void>(remove_exactly(finishing, client_, placement.driver));
    return Error{.code = ErrorCode::conflict,
                 .message = "what this driver needs was removed while it was made",
                 .hint = "submit again"};
  }

  Creation create_or_find(const runtime::Context& context, json::object object) const {
    resources::object_at(resources::object_at(object, "metadata"), "labels")[kSubmissionLabel] = options_.submission_id;
    if (auto type = kube::resource_type_of(object); !type) return {std::move(type).error(), false};
    const kube::ObjectPath path = path_in_plan(object);
    bool may_be_made = false;
    for (int tries = 1;; ++tries) {
      auto made = client_.create(context, object, plan_.namespace_name);
      if (made) return {std::move(made), true};
      const ErrorCode code = made.error().code;
      // Of an id that is nobody else's, what is there was made by a request of ours that was sent twice.
      may_be_made =
          may_be_made || !is_refusal(made.error()) || (code == ErrorCode::already_exists && !options_.may_be_there);
      const bool is_unknown = code == ErrorCode::already_exists || (code == ErrorCode::unavailable && may_be_made);
      if (!is_unknown) return {std::move(made), may_be_made};
      auto there = client_.get(context, path);
      if (there && !is_ours(there.value()))
        return {Error{.code = ErrorCode::already_exists,
                      .message = fmt::format("{} exists, and is not of this submission", path.describe()),
                      .hint = "take another name, or remove it first: kubectl delete"},
                false};
      if (there) return {std::move(there), may_be_made};
      if (there.error().code != ErrorCode::not_found || tries == kMaximumTries) return {std::move(made), may_be_made};
    }
  }

  const kube::Client& client_;
  const spark::SubmissionPlan& plan_;
  const PlacementOptions& options_;
  // Of the anchor.
  std::string deadline_;
  std::string fingerprint_;
  // What this call may have made; without the anchor, the rest hangs on another's.
  std::optional<kube::ObjectPath> anchor_;
  bool anchor_was_seen_ = false;
  std::vector<kube::ObjectPath> dependants_;
  std::optional<kube::ObjectPath> driver_;
};

}  // namespace

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
