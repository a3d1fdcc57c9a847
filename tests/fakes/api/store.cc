#include "fakes/api/store.h"

#include "codec/json_fields.h"
#include "fakes/api/route.h"

namespace stoker::fakes {

Store::Store() : tables_(served_types().size()) {}

Store::Table& Store::table(const kube::ResourceType& type) {
  return tables_.at(index_of(type));
}
const Store::Table& Store::table(const kube::ResourceType& type) const {
  return tables_.at(index_of(type));
}

ObjectPointer Store::find(const kube::ResourceType& type, const std::string& namespace_name,
                          const std::string& name) const {
  const auto& objects = table(type).objects;
  const auto found = objects.find(key(namespace_name, name));
  return found == objects.end() ? nullptr : found->second;
}

std::vector<ObjectPointer> Store::all(const kube::ResourceType& type, const std::string& namespace_name) const {
  const auto& objects = table(type).objects;
  std::vector<ObjectPointer> found;
  const std::string prefix = namespace_name.empty() ? "" : key(namespace_name, "");
  for (auto each = objects.lower_bound(prefix); each != objects.end() && each->first.starts_with(prefix); ++each)
    found.push_back(each->second);
  return found;
}

ObjectPointer Store::put(const kube::ResourceType& type, json::object object) {
  Table& in = table(type);
  metadata_of(object)["resourceVersion"] = std::to_string(++version_);
  auto stored = std::make_shared<const json::object>(std::move(object));
  ObjectPointer& place = in.objects[key(namespace_of(*stored), name_of(*stored))];
  record(in, {.version = version_,
              .kind = place == nullptr ? Change::Kind::added : Change::Kind::modified,
              .now = stored,
              .before = place});
  place = stored;
  return stored;
}

ObjectPointer Store::remove(const kube::ResourceType& type, json::object last) {
  Table& in = table(type);
  const auto found = in.objects.find(key(namespace_of(last), name_of(last)));
  if (found == in.objects.end()) return nullptr;
  metadata_of(last)["resourceVersion"] = std::to_string(++version_);
  auto stored = std::make_shared<const json::object>(std::move(last));
  record(in, {.version = version_, .kind = Change::Kind::removed, .now = stored, .before = found->second});
  in.objects.erase(found);
  return stored;
}

void Store::record(Table& table, Change change) {
  table.changes.push_back(std::move(change));
  if (table.changes.size() <= kHistory) return;
  table.oldest = table.changes.front().version;
  table.changes.pop_front();
}

const std::deque<Change>& Store::changes(const kube::ResourceType& type) const {
  return table(type).changes;
}

std::uint64_t Store::oldest(const kube::ResourceType& type) const {
  return table(type).oldest;
}

void Store::compact() {
  for (Table& each : tables_) {
    each.changes.clear();
    each.oldest = version_;
  }
}

const json::object& metadata_of(const json::object& object) {
  return codec::object_of(object, "metadata");
}

json::object& metadata_of(json::object& object) {
  json::value& metadata = object["metadata"];
  if (!metadata.is_object()) metadata.emplace_object();
  return metadata.get_object();
}

std::string name_of(const json::object& object) {
  return codec::text_of(metadata_of(object), "name");
}
std::string namespace_of(const json::object& object) {
  return codec::text_of(metadata_of(object), "namespace");
}

}  // namespace stoker::fakes
