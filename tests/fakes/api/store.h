// Objects by type and name, the version of each, and what changed in which order: etcd's part. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "codec/json.h"
#include "kube/resource_type.h"

namespace stoker::fakes {

using ObjectPointer = std::shared_ptr<const json::object>;

struct Change {
  enum class Kind { added, modified, removed };
  std::uint64_t version = 0;
  Kind kind = Kind::added;
  ObjectPointer now;     // of a removal: the last state, with the version of the removal
  ObjectPointer before;  // none for what is new
};

class Store {
 public:
  // Changes that are remembered of each type; a watch from before them is too old.
  static constexpr std::size_t kHistory = 100'000;

  Store();

  // "NS/NAME", the order of lists.
  static std::string key(const std::string& namespace_name, const std::string& name) {
    return namespace_name + "/" + name;
  }

  ObjectPointer find(const kube::ResourceType& type, const std::string& namespace_name, const std::string& name) const;
  // Of one namespace, or of all with "".
  std::vector<ObjectPointer> all(const kube::ResourceType& type, const std::string& namespace_name) const;
  // Adds or replaces. Returns the object with its version.
  ObjectPointer put(const kube::ResourceType& type, json::object object);
  // `last` is the state that watchers get, with the version of the removal.
  ObjectPointer remove(const kube::ResourceType& type, json::object last);

  std::uint64_t version() const { return version_; }
  const std::deque<Change>& changes(const kube::ResourceType& type) const;
  // The oldest version that a watch of this type can begin after.
  std::uint64_t oldest(const kube::ResourceType& type) const;
  // Forgets what was before now.
  void compact();

 private:
  struct Table {
    std::map<std::string, ObjectPointer> objects;
    std::deque<Change> changes;
    std::uint64_t oldest = 2;  // a real server's etcd has written something before anybody asks
  };
  Table& table(const kube::ResourceType& type);
  const Table& table(const kube::ResourceType& type) const;
  void record(Table& table, Change change);

  std::vector<Table> tables_;
  std::uint64_t version_ = 100;
};

// Members of an object's metadata.
const json::object& metadata_of(const json::object& object);
json::object& metadata_of(json::object& object);
std::string name_of(const json::object& object);
std::string namespace_of(const json::object& object);

}  // namespace stoker::fakes
