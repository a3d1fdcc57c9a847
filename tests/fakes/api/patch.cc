#include "fakes/api/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/strings.h"
#include "codec/json_fields.h"
#include "fakes/api/answer.h"
#include "fakes/api/lists.h"

namespace stoker::fakes {

namespace {

Refusal does_not_fit() {
  json::object status = status_object(422, "Invalid", "the server rejected our request due to an error in our request");
  status["details"] = json::object{};
  return {json_response(422, status)};
}

std::vector<std::string> tokens_of(const std::string& pointer) {
  if (pointer.empty()) return {};
  if (pointer.front() != '/') throw does_not_fit();
  std::vector<std::string> tokens = split(pointer.substr(1), '/');
  for (std::string& token : tokens)
    for (const auto& [escaped, plain] : {std::pair{"~1", "/"}, std::pair{"~0", "~"}})
      for (std::size_t at = 0; (at = token.find(escaped, at)) != std::string::npos; ++at)
        token.replace(at, 2, plain);
  return tokens;
}

std::size_t element_of(const json::array& list, const std::string& token) {
  std::size_t place = 0;
  const auto [end, failure] = std::from_chars(token.data(), token.data() + token.size(), place);
  if (failure != std::errc() || end != token.data() + token.size() || place > list.size()) throw does_not_fit();
  return place;
}

json::value& child_of(json::value& parent, const std::string& token) {
  if (parent.is_object()) {
    json::value* found = parent.get_object().if_contains(token);
    if (found != nullptr) return *found;
  } else if (parent.is_array()) {
    const std::size_t place = element_of(parent.get_array(), token);
    if (place < parent.get_array().size()) return parent.get_array()[place];
  }
  throw does_not_fit();
}

json::value& value_at(json::value& target, const std::vector<std::string>& tokens, std::size_t depth) {
  json::value* at = &target;
  for (std::size_t i = 0; i < depth; ++i)
    at = &child_of(*at, tokens[i]);
  return *at;
}

void add(json::value& target, const std::string& pointer, json::value value) {
  const auto tokens = tokens_of(pointer);
  if (tokens.empty()) {
    target = std::move(value);
    return;
  }
  json::value& parent = value_at(target, tokens, tokens.size() - 1);
  if (parent.is_object()) {
    parent.get_object()[tokens.back()] = std::move(value);
  } else if (parent.is_array()) {
    json::array& list = parent.get_array();
    const std::size_t place = tokens.back() == "-" ? list.size() : element_of(list, tokens.back());
    list.insert(list.begin() + static_cast<std::ptrdiff_t>(place), std::move(value));
  } else {
    throw does_not_fit();
  }
}

json::value take(json::value& target, const std::string& pointer) {
  const auto tokens = tokens_of(pointer);
  if (tokens.empty()) throw does_not_fit();
  json::value& parent = value_at(target, tokens, tokens.size() - 1);
  json::value taken = child_of(parent, tokens.back());
  if (parent.is_object()) {
    parent.get_object().erase(tokens.back());
  } else {
    json::array& list = parent.get_array();
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(element_of(list, tokens.back())));
  }
  return taken;
}

void merge_list(json::array& target, const json::array& patch, const ListKind& kind, std::string_view member) {
  json::array added;
  for (const json::value& each : patch) {
    if (!kind.set && (!each.is_object() || !each.get_object().contains(kind.keys[0])))
      throw server_error(
          fmt::format("map: map[{}] does not contain declared merge key: {}",
                      each.is_object() && !each.get_object().empty()
                          ? fmt::format("{}:{}", std::string_view(each.get_object().begin()->key()),
                                        codec::text_of(each.get_object(), each.get_object().begin()->key()))
                          : std::string(),
                      kind.keys[0]));
    const ListKind by_first{.keys = kind.set ? kind.keys : std::vector{kind.keys[0]}, .set = kind.set};
    const auto found = std::find_if(target.begin(), target.end(),
                                    [&](const json::value& other) { return same_keys(by_first, each, other); });
    if (!kind.set && codec::text_of(each.get_object(), "$patch") == "delete") {
      if (found != target.end()) target.erase(found);
    } else if (found == target.end()) {
      added.push_back(each);
    } else if (!kind.set && found->is_object()) {
      apply_strategic_patch(found->get_object(), each.get_object(), member);
    }
  }
  added.insert(added.end(), target.begin(), target.end());
  target = std::move(added);
}

}  // namespace

void apply_json_patch(json::value& target, const json::value& patch) {
  if (!patch.is_array())
    throw bad_request(
        fmt::format("error decoding patch: json: cannot unmarshal {} into Go value of type "
                    "[]handlers.jsonPatchOp",
                    patch.is_object() ? "object" : "value"));
  for (const json::value& each : patch.get_array()) {
    const json::object& step = codec::object_of(each);
    const std::string kind = codec::text_of(step, "op");
    const std::string path = codec::text_of(step, "path");
    const json::value* value = step.if_contains("value");
    if (kind == "add") {
      add(target, path, value == nullptr ? json::value() : *value);
    } else if (kind == "remove") {
      take(target, path);
    } else if (kind == "replace") {
      const auto tokens = tokens_of(path);
      value_at(target, tokens, tokens.size()) = value == nullptr ? json::value() : *value;
    } else if (kind == "test") {
      const auto tokens = tokens_of(path);
      if (value == nullptr || value_at(target, tokens, tokens.size()) != *value) throw does_not_fit();
    } else if (kind == "move") {
      add(target, path, take(target, codec::text_of(step, "from")));
    } else if (kind == "copy") {
      const auto tokens = tokens_of(codec::text_of(step, "from"));
      add(target, path, value_at(target, tokens, tokens.size()));
    } else {
      throw does_not_fit();
    }
  }
}

void apply_merge_patch(json::value& target, const json::value& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target.emplace_object();
  for (const auto& [key, value] : patch.get_object()) {
    if (value.is_null())
      target.get_object().erase(key);
    else
      apply_merge_patch(target.get_object()[key], value);
  }
}

void apply_strategic_patch(json::object& target, const json::object& patch, std::string_view parent) {
  constexpr std::string_view kDeletes = "$deleteFromPrimitiveList/";
  if (codec::text_of(patch, "$patch") == "replace") {
    // As a real server does it: with nothing but the marker the map is emptied, and what stands beside it is dropped.
    target.clear();
    return;
  }
  for (const auto& [key, value] : patch) {
    const std::string_view name = key;
    if (name.starts_with(kDeletes) && value.is_array()) {
      json::value* list = target.if_contains(name.substr(kDeletes.size()));
      if (list == nullptr || !list->is_array()) continue;
      json::array left;
      for (const json::value& each : list->get_array())
        if (std::find(value.get_array().begin(), value.get_array().end(), each) == value.get_array().end())
          left.push_back(each);
      *list = std::move(left);
      continue;
    }
    if (name.starts_with('$')) continue;
    json::value* there = target.if_contains(name);
    const ListKind kind = list_kind(name, parent);
    if (value.is_null()) {
      target.erase(name);
    } else if (value.is_object()) {
      json::value& into = target[name];
      if (!into.is_object()) into.emplace_object();
      apply_strategic_patch(into.get_object(), value.get_object(), name);
    } else if (value.is_array() && (kind.set || !kind.keys.empty())) {
      if (there == nullptr || !there->is_array()) target[name] = json::array();
      merge_list(target[name].get_array(), value.get_array(), kind, name);
    } else {
      target[name] = value;
    }
  }
}

}  // namespace stoker::fakes
