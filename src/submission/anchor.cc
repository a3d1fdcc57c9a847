#include "submission/anchor.h"

#include "resources/object.h"
#include "submission/labels.h"

namespace stoker::submission {

namespace {

// Another one of the name has another uid, which nobody can change (invalid_value).
bool is_another(const Error& error) {
  return error.code == ErrorCode::not_found || error.code == ErrorCode::conflict ||
         error.code == ErrorCode::invalid_value;
}

// None when somebody has changed it since it was seen.
Result<std::optional<json::object>> annotate(const runtime::Context& context, const kube::Client& client,
                                             const json::object& anchor, const json::object& annotations) {
  const json::object patch{{"metadata",
                            {{"uid", resources::metadata_text(anchor, "uid")},
                             {"resourceVersion", resources::metadata_text(anchor, "resourceVersion")},
                             {"annotations", annotations}}}};
  auto changed = client.patch(context, path_of(anchor), kube::PatchKind::merge_patch, patch);
  if (changed) return std::optional(*std::move(changed));
  if (!is_another(changed.error())) return std::move(changed).error();
  // It may have been this very patch, whose answer was lost: what it wrote names who did it.
  auto now = client.get(context, path_of(anchor));
  if (!now && now.error().code != ErrorCode::not_found) return std::move(now).error();
  if (!now || resources::metadata_text(*now, "uid") != resources::metadata_text(anchor, "uid"))
    return std::optional<json::object>();
  for (const auto& [key, value] : annotations)
    if (resources::annotation_of(*now, key) != value.as_string()) return std::optional<json::object>();
  return std::optional(*std::move(now));
}

}  // namespace

bool is_unfinished(const json::object& anchor) {
  return !resources::label_of(anchor, kUnfinishedLabel).empty();
}

bool is_closed(const json::object& anchor) {
  return is_unfinished(anchor) && resources::annotation_of(anchor, kPlan).empty();
}

bool is_going(const json::object& object) {
  return !resources::metadata_text(object, "deletionTimestamp").empty();
}

std::string owner_uid(const json::object& object) {
  for (const json::value& owner : resources::list_in(resources::object_in(object, "metadata"), "ownerReferences"))
    if (owner.is_object()) return resources::text_in(owner.get_object(), "uid");
  return "";
}

kube::ObjectPath path_of(const json::object& object) {
  return {.type = kube::resource_type_of(object).value(),
          .namespace_name = resources::metadata_text(object, "namespace"),
          .name = std::string(resources::name_of(object)),
          .subresource = {}};
}

Result<std::optional<json::object>> renew_anchor(const runtime::Context& context, const kube::Client& client,
                                                 const json::object& anchor, const std::string& deadline,
                                                 const std::string& attempt) {
  return annotate(context, client, anchor, {{kCreationDeadline, deadline}, {kAttempt, attempt}});
}

Result<std::optional<json::object>> close_anchor(const runtime::Context& context, const kube::Client& client,
                                                 const json::object& anchor, const std::string& attempt) {
  return annotate(context, client, anchor, {{kPlan, ""}, {kAttempt, attempt}});
}

Result<bool> finish_anchor(const runtime::Context& context, const kube::Client& client, const json::object& anchor,
                           const json::object& driver) {
  const json::object owner{{"apiVersion", "v1"},
                           {"kind", "Pod"},
                           {"name", resources::name_of(driver)},
                           {"uid", resources::metadata_text(driver, "uid")},
                           {"controller", true}};
  const json::object no_marks{{kCreationDeadline, nullptr}, {kPlan, nullptr}, {kAttempt, nullptr}};
  json::object seen = anchor;
  while (true) {
    const json::object patch{{"metadata",
                              {{"uid", resources::metadata_text(seen, "uid")},
                               {"resourceVersion", resources::metadata_text(seen, "resourceVersion")},
                               {"ownerReferences", json::array{owner}},
                               {"labels", {{kUnfinishedLabel, nullptr}}},
                               {"annotations", no_marks}}}};
    const auto finished = client.patch(context, path_of(seen), kube::PatchKind::merge_patch, patch);
    if (finished) return true;
    if (!is_another(finished.error())) return finished.error();
    auto now = client.get(context, path_of(seen));
    if (!now && now.error().code == ErrorCode::not_found) return false;
    if (!now) return std::move(now).error();
    const bool is_same = resources::metadata_text(*now, "uid") == resources::metadata_text(anchor, "uid");
    if (is_same && !is_unfinished(*now)) return owner_uid(*now) == resources::metadata_text(driver, "uid");
    if (!is_same || is_closed(*now)) return false;
    TRY(context.check(client.clock()));
    seen = *std::move(now);
  }
}

Result<void> remove_exactly(const runtime::Context& context, const kube::Client& client, const json::object& object,
                            If condition) {
  auto removed = client.remove(
      context, path_of(object),
      {.uid = resources::metadata_text(object, "uid"),
       .resource_version = condition == If::unchanged ? resources::metadata_text(object, "resourceVersion") : ""});
  if (!removed && !is_another(removed.error())) return removed;
  return {};
}

}  // namespace stoker::submission
