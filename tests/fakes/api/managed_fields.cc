#include "fakes/api/managed_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "codec/json_fields.h"
#include "fakes/api/answer.h"
#include "fakes/api/field_set.h"
#include "fakes/api/lists.h"
#include "fakes/api/store.h"

namespace stoker::fakes {

namespace {

struct Entry {
  Manager manager;
  std::string operation;  // "Apply", "Update"
  FieldSet fields;

  bool is(const Manager& other, std::string_view how) const {
    return manager.name == other.name && operation == how && manager.subresource == other.subresource;
  }
  // As conflicts name it.
  std::string describe() const {
    std::string text = quoted(manager.name);
    if (!manager.subresource.empty()) text += fmt::format(" with subresource {}", quoted(manager.subresource));
    if (operation == "Update") text += " using " + manager.api_version;
    return text;
  }
};

std::vector<Entry> entries_of(const json::object* object) {
  std::vector<Entry> entries;
  const json::value* listed = object == nullptr ? nullptr : metadata_of(*object).if_contains("managedFields");
  if (listed == nullptr || !listed->is_array()) return entries;
  for (const json::value& each : listed->get_array()) {
    const json::object& entry = codec::object_of(each);
    entries.push_back({.manager = {.name = codec::text_of(entry, "manager"),
                                   .api_version = codec::text_of(entry, "apiVersion"),
                                   .subresource = codec::text_of(entry, "subresource"),
                                   .time = codec::text_of(entry, "time")},
                       .operation = codec::text_of(entry, "operation"),
                       .fields = from_fields_v1(codec::object_of(entry, "fieldsV1"))});
  }
  return entries;
}

void write_entries(json::object& object, const std::vector<Entry>& entries) {
  json::array listed;
  for (const Entry& each : entries) {
    if (each.fields.empty()) continue;
    json::object entry{
        {"manager", each.manager.name}, {"operation", each.operation}, {"apiVersion", each.manager.api_version},
        {"time", each.manager.time},    {"fieldsType", "FieldsV1"},    {"fieldsV1", to_fields_v1(each.fields)}};
    if (!each.manager.subresource.empty()) entry["subresource"] = each.manager.subresource;
    listed.emplace_back(std::move(entry));
  }
  if (listed.empty())
    metadata_of(object).erase("managedFields");
  else
    metadata_of(object)["managedFields"] = std::move(listed);
}

bool differ(const json::value* a, const json::value* b) {
  return a == nullptr || b == nullptr ? a != b : *a != *b;
}

void merge(json::value& target, const json::value& applied, std::string_view member, std::string_view parent) {
  const ListKind kind = applied.is_array() ? list_kind(member, parent) : ListKind{};
  if (applied.is_object() && target.is_object() && !is_atomic_map(member)) {
    for (const auto& [key, value] : applied.get_object()) {
      if (json::value* there = target.get_object().if_contains(key))
        merge(*there, value, key, member);
      else
        target.get_object()[key] = value;
    }
  } else if (applied.is_array() && target.is_array() && (kind.set || !kind.keys.empty())) {
    for (const json::value& each : applied.get_array()) {
      json::array& list = target.get_array();
      const auto found = std::find_if(list.begin(), list.end(),
                                      [&](const json::value& other) { return same_keys(kind, each, other); });
      if (found == list.end())
        list.push_back(each);
      else if (kind.whole_elements)
        *found = each;
      else if (!kind.set)
        merge(*found, each, {}, member);
    }
  } else {
    target = applied;
  }
}

using Conflicts = std::map<std::string, std::vector<FieldPath>>;  // by who owns it

[[noreturn]] void refuse(const Conflicts& conflicts) {
  std::size_t count = 0;
  json::array causes;
  for (const auto& [who, paths] : conflicts) {
    count += paths.size();
    for (const FieldPath& path : paths)
      causes.push_back(json::object{{"reason", "FieldManagerConflict"},
                                    {"message", fmt::format("conflict with {}", who)},
                                    {"field", describe(path)}});
  }
  std::string text = fmt::format("Apply failed with {} conflict{}: ", count, count == 1 ? "" : "s");
  if (count == 1) {
    text += fmt::format("conflict with {}: {}", conflicts.begin()->first, describe(conflicts.begin()->second[0]));
  } else {
    bool first = true;
    for (const auto& [who, paths] : conflicts) {
      text += fmt::format("{}conflicts with {}:", first ? "" : "\n", who);
      for (const FieldPath& path : paths)
        text += "\n- " + describe(path);
      first = false;
    }
  }
  throw refusal(409, "Conflict", text, {{"causes", std::move(causes)}});
}

// What others own and this would change; with `force` it is taken from them.
void settle_conflicts(const Manager& manager, std::vector<Entry>& entries, const json::object& live,
                      const json::object& applied, const FieldSet& fields, bool force) {
  Conflicts conflicts;
  for (Entry& entry : entries) {
    if (entry.is(manager, "Apply")) continue;
    for (const FieldPath& path : fields)
      if (entry.fields.contains(path) && path.back() != "." && differ(value_at(live, path), value_at(applied, path))) {
        conflicts[entry.describe()].push_back(path);
        if (force) entry.fields.erase(path);
      }
  }
  if (!conflicts.empty() && !force) refuse(conflicts);
}

}  // namespace

void note_update(const Manager& manager, const json::object* before, json::object& updated) {
  std::vector<Entry> entries = entries_of(before);
  const FieldSet now = fields_of(updated);
  FieldSet changed;
  for (const FieldPath& path : now)
    if (before == nullptr || differ(value_at(*before, path), value_at(updated, path))) changed.insert(path);
  Entry* own = nullptr;
  for (Entry& entry : entries) {
    std::erase_if(entry.fields, [&](const FieldPath& path) { return changed.contains(path) || !now.contains(path); });
    if (entry.is(manager, "Update")) own = &entry;
  }
  if (!changed.empty()) {
    if (own == nullptr) {
      entries.push_back({.manager = manager, .operation = "Update", .fields = {}});
      own = &entries.back();
    }
    own->fields.merge(changed);
    own->manager = manager;
  }
  write_entries(updated, entries);
}

json::object apply(const Manager& manager, const json::object* live, const json::object& applied, bool force) {
  std::vector<Entry> entries = entries_of(live);
  const FieldSet fields = fields_of(applied);
  json::value merged = live == nullptr ? json::value(applied) : json::value(*live);
  auto own = std::find_if(entries.begin(), entries.end(), [&](const Entry& each) { return each.is(manager, "Apply"); });
  if (own == entries.end()) {
    entries.push_back({.manager = manager, .operation = "Apply", .fields = {}});
    own = std::prev(entries.end());
  }
  if (live != nullptr) {
    settle_conflicts(manager, entries, *live, applied, fields, force);
    json::object wanted = applied;
    for (const char* key : {"resourceVersion", "uid"})
      metadata_of(wanted).erase(key);
    merge(merged, wanted, {}, {});
    for (const FieldPath& path : own->fields) {
      const bool wanted_by_another = std::any_of(entries.begin(), entries.end(), [&](const Entry& each) {
        return &each != &*own && each.fields.contains(path);
      });
      if (!fields.contains(path) && !wanted_by_another) erase_at(merged.get_object(), path);
    }
  }
  if (own->fields != fields || live == nullptr) own->manager.time = manager.time;
  own->fields = fields;
  json::object result = std::move(merged.get_object());
  write_entries(result, entries);
  return result;
}

}  // namespace stoker::fakes
