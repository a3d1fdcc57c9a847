// What an API server does with a call that needs no waiting, and what scheduler, kubelet and garbage collector do when
// a test says so. Not thread-safe: ApiServer (api_server.h) locks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fakes/api/logs.h"
#include "fakes/api/managed_fields.h"
#include "fakes/api/route.h"
#include "fakes/api/store.h"
#include "kube/transport.h"

namespace stoker::fakes {

class Cluster {
 public:
  // `clock` outlives the cluster. Namespaces `default` and `kube-system` are there.
  explicit Cluster(const Clock& clock);

  // Throws a Refusal when this user may not.
  void authorize(const Route& route, const std::string& user) const;
  // Any verb but watch, and no log. Throws a Refusal.
  net::Response answer(const Route& route, const kube::Call& call, const std::string& user);
  // The container whose log is asked for. Throws a Refusal for what a kubelet would not show.
  LogKey log_key(const Route& route) const;

  Store& store() { return store_; }
  const Store& store() const { return store_; }
  Logs& logs() { return logs_; }
  const Clock& clock() const { return clock_; }

  // `user` and `namespace_name` "" are all of them; "pods/log" is a resource of its own.
  struct Denial {
    std::string verb;
    std::string resource;
    std::string user;
    std::string namespace_name;
  };
  void deny(Denial denial) { denials_.push_back(std::move(denial)); }
  void allow_all() { denials_.clear(); }
  bool allowed(const std::string& user, const std::string& verb, const std::string& resource,
               const std::string& namespace_name) const;

  // One pass of the garbage collector and the namespace controller, until nothing changes. Returns how many objects
  // went.
  int collect_garbage();
  // Changes a pod as its node does: the status as a whole, by `change`. False when there is none.
  bool change_pod(const std::string& namespace_name, const std::string& name,
                  const std::function<void(json::object& pod)>& change);
  // Takes a pod away as its node does when it has ended.
  bool remove_pod(const std::string& namespace_name, const std::string& name);
  // Forgets the history: older versions and the rest of lists are expired from now on.
  void compact();

 private:
  struct DeleteOptions {
    std::optional<std::int64_t> grace_seconds;
    std::string policy;
    std::string uid;
    std::string resource_version;
    bool dry_run = false;
  };
  enum class How { replace, patch, apply };

  // Reads.
  net::Response get(const Route& route) const;
  net::Response list(const Route& route);
  // Writes.
  net::Response create(const Route& route, const kube::Call& call, const std::string& user);
  net::Response create_object(const Route& route, json::object object, const Manager* manager);
  net::Response replace(const Route& route, const kube::Call& call);
  net::Response patch(const Route& route, const kube::Call& call);
  net::Response apply_patch(const Route& route, const kube::Call& call);
  net::Response review(const Route& route, json::object object, const std::string& user) const;
  net::Response bind(const Route& route, const json::object& binding);
  net::Response finish_update(const Route& route, const ObjectPointer& before, json::object updated, How how);
  net::Response remove(const Route& route, const kube::Call& call);
  net::Response remove_collection(const Route& route, const kube::Call& call);

  void check_namespace(const Route& route, const std::string& name) const;
  ObjectPointer existing(const Route& route) const;
  Manager manager_of(const Route& route) const;
  std::string new_uid();
  std::string suffix();

  DeleteOptions delete_options(const Route& route, const kube::Call& call) const;
  // The state after it (gone or not), and whether it is gone.
  std::pair<ObjectPointer, bool> remove_object(const kube::ResourceType& type, const ObjectPointer& object,
                                               const DeleteOptions& options);
  std::pair<ObjectPointer, bool> remove_pod_object(const ObjectPointer& object, json::object marked,
                                                   const DeleteOptions& options);
  void gone(const kube::ResourceType& type, const json::object& object);

  int collect_orphans();
  int finish_foreground();
  int finish_namespaces();

  const Clock& clock_;
  Store store_;
  Logs logs_;
  std::vector<Denial> denials_;
  std::map<std::string, std::vector<ObjectPointer>> pages_;  // what is left of lists, by continue token
  std::uint64_t drawn_ = 0;
};

std::string rfc3339(WallTime time);

}  // namespace stoker::fakes
