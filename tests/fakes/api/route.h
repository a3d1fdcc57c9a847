// What a call is about: its path and query, taken apart as an API server does.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "kube/resource_type.h"
#include "kube/transport.h"

namespace stoker::fakes {

// The kinds that are served.
std::span<const kube::ResourceType> served_types();
// The place of a type among them. It must be one of them.
std::size_t index_of(const kube::ResourceType& type);

enum class Verb { get, list, watch, create, update, patch, remove, remove_collection };
// As rules of RBAC have it: "get", "deletecollection".
std::string_view name_of(Verb verb);

struct Route {
  const kube::ResourceType* type = nullptr;
  Verb verb = Verb::get;
  std::string namespace_name;
  std::string name;
  std::string subresource;
  std::map<std::string, std::string> query;

  std::string query_value(const std::string& key) const;
  bool query_flag(const std::string& key) const;
  bool dry_run() const { return !query_value("dryRun").empty(); }
  bool changes() const { return verb != Verb::get && verb != Verb::list && verb != Verb::watch; }
};

bool has_status(const kube::ResourceType& type);

// Throws a Refusal for what is served nowhere.
Route route_of(const kube::Call& call);

}  // namespace stoker::fakes
