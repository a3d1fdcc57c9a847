#include "fakes/api/field_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "fakes/api/lists.h"

namespace stoker::fakes {

namespace {

constexpr std::array<std::string_view, 10> kOfServer{"name",
                                                     "namespace",
                                                     "uid",
                                                     "resourceVersion",
                                                     "generation",
                                                     "selfLink",
                                                     "creationTimestamp",
                                                     "managedFields",
                                                     "deletionGracePeriodSeconds",
                                                     "deletionTimestamp"};

std::string element_name(const ListKind& kind, const json::value& element) {
  if (kind.set) return "v:" + codec::write_json(element);
  json::object keys;
  for (const std::string_view key : kind.keys)
    if (element.is_object() && element.get_object().contains(key)) keys[key] = element.get_object().at(key);
  return "k:" + codec::canonical_json(keys);
}

void collect(FieldSet& set, FieldPath& path, std::string_view member, std::string_view parent,
             const json::value& value) {
  const ListKind kind = value.is_array() ? list_kind(member, parent) : ListKind{};
  if (value.is_object() && !value.get_object().empty() && !is_atomic_map(member)) {
    for (const auto& [key, each] : value.get_object()) {
      path.push_back("f:" + std::string(key));
      collect(set, path, key, member, each);
      path.pop_back();
    }
  } else if (value.is_array() && !value.get_array().empty() && (kind.set || !kind.keys.empty())) {
    for (const json::value& each : value.get_array()) {
      path.push_back(element_name(kind, each));
      if (kind.set || kind.whole_elements) {
        set.insert(path);
      } else {
        path.emplace_back(".");  // the element itself
        set.insert(path);
        path.pop_back();
        collect(set, path, {}, member, each);
      }
      path.pop_back();
    }
  } else {
    set.insert(path);
  }
}

std::string_view member_of(std::span<const std::string> path) {
  return path.empty() || !path.back().starts_with("f:") ? std::string_view() : std::string_view(path.back()).substr(2);
}

// The element of a list that a path names, or the end.
json::array::const_iterator find_element(const json::array& list, std::span<const std::string> list_path,
                                         const std::string& name) {
  const ListKind kind =
      list_kind(member_of(list_path),
                list_path.size() < 2 ? std::string_view() : member_of(list_path.first(list_path.size() - 1)));
  return std::find_if(list.begin(), list.end(),
                      [&](const json::value& each) { return element_name(kind, each) == name; });
}

const json::value* step(const json::value& at, std::span<const std::string> before, const std::string& name) {
  if (name == ".") return &at;
  if (name.starts_with("f:") && at.is_object()) return at.get_object().if_contains(name.substr(2));
  if (!at.is_array()) return nullptr;
  const auto found = find_element(at.get_array(), before, name);
  return found == at.get_array().end() ? nullptr : &*found;
}

void erase_below(json::value& at, std::span<const std::string> path, std::size_t depth) {
  const std::string& name = path[depth];
  if (name == "." || (name.starts_with("f:") && !at.is_object()) || (!name.starts_with("f:") && !at.is_array())) return;
  if (at.is_object()) {
    json::value* child = at.get_object().if_contains(name.substr(2));
    if (child == nullptr) return;
    if (depth + 1 < path.size() && path[depth + 1] != ".") erase_below(*child, path, depth + 1);
    const bool empty =
        (child->is_object() && child->get_object().empty()) || (child->is_array() && child->get_array().empty());
    if (depth + 1 == path.size() || empty) at.get_object().erase(name.substr(2));
    return;
  }
  json::array& list = at.get_array();
  const auto found = find_element(list, path.first(depth), name);
  if (found == list.end()) return;
  if (depth + 1 == path.size() || path[depth + 1] == ".")
    list.erase(found);
  else
    erase_below(list[static_cast<std::size_t>(found - list.begin())], path, depth + 1);
}

}  // namespace

FieldSet fields_of(const json::object& object) {
  FieldSet set;
  FieldPath path;
  for (const auto& [key, value] : object) {
    if (key == "apiVersion" || key == "kind") continue;
    path.push_back("f:" + std::string(key));
    if (key == "metadata" && value.is_object()) {
      for (const auto& [name, each] : value.get_object()) {
        if (std::find(kOfServer.begin(), kOfServer.end(), std::string_view(name)) != kOfServer.end()) continue;
        path.push_back("f:" + std::string(name));
        collect(set, path, name, key, each);
        path.pop_back();
      }
    } else {
      collect(set, path, key, {}, value);
    }
    path.pop_back();
  }
  return set;
}

const json::value* value_at(const json::object& object, const FieldPath& path) {
  const json::value* at = object.if_contains(std::string_view(path.front()).substr(2));
  for (std::size_t i = 1; at != nullptr && i < path.size(); ++i)
    at = step(*at, std::span(path).first(i), path[i]);
  return at;
}

void erase_at(json::object& object, const FieldPath& path) {
  json::value whole(std::move(object));
  erase_below(whole, path, 0);
  object = std::move(whole.get_object());
}

std::string describe(const FieldPath& path) {
  std::string text;
  for (const std::string& each : path) {
    if (each.starts_with("f:")) {
      text += "." + each.substr(2);
    } else if (each.starts_with("v:")) {
      text += fmt::format("[={}]", each.substr(2));
    } else if (each != ".") {
      std::string keys;
      const auto parsed = codec::parse_json(std::string_view(each).substr(2));
      if (parsed && parsed.value().is_object())
        for (const auto& [key, value] : parsed.value().get_object())
          keys += fmt::format("{}{}={}", keys.empty() ? "" : ",", std::string_view(key), codec::write_json(value));
      text += fmt::format("[{}]", keys);
    }
  }
  return text;
}

json::object to_fields_v1(const FieldSet& set) {
  json::object fields;
  for (const FieldPath& path : set) {
    json::object* at = &fields;
    for (const std::string& each : path) {
      json::value& next = (*at)[each];
      if (!next.is_object()) next.emplace_object();
      at = &next.get_object();
    }
  }
  return fields;
}

FieldSet from_fields_v1(const json::object& fields) {
  FieldSet set;
  for (const auto& [key, value] : fields) {
    const FieldSet below = value.is_object() ? from_fields_v1(value.get_object()) : FieldSet{};
    if (below.empty()) set.insert({std::string(key)});
    for (const FieldPath& each : below) {
      FieldPath path{std::string(key)};
      path.insert(path.end(), each.begin(), each.end());
      set.insert(std::move(path));
    }
  }
  return set;
}

}  // namespace stoker::fakes
