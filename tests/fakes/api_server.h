// ApiServer: a Kubernetes API server in memory, as the Transport of a kube::Client. Tests include it as
// <fakes/api_server.h> and link stoker_fakes.
//
// It answers as kube-apiserver 1.33 does, message by message: the rows of tests/data/kube/contract.yaml run against
// both. README.md of this folder says what it leaves out. Nothing acts by itself: scheduler, kubelet and garbage
// collector are functions below that a test calls.
//
// Time is the clock that it is given. With a ManualClock a call that waits (watches, followed logs, slow answers) wakes
// by advance(), by what others do here, and by its context's stop; nothing polls and nothing sleeps.
//
// Thread-safe. Calls in flight end before it does: stop or break them first.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fakes/api/cluster.h"
#include "fakes/api/faults.h"
#include "kube/transport.h"

namespace stoker::fakes {

class ApiServer final : public kube::Transport {
 public:
  // The clock outlives the server. Namespaces `default` and `kube-system` are there; anyone may do anything.
  explicit ApiServer(ManualClock& clock);
  explicit ApiServer(const SystemClock& clock);
  ~ApiServer() override;

  // As user "admin".
  Result<net::Response> send(const runtime::Context& context, const kube::Call& call,
                             const net::BodySink& sink) override;
  // The same server as somebody else sees it. Lives as long as the server.
  kube::Transport& as(const std::string& user);

  // --- objects

  void create_namespace(const std::string& name);
  // The object as it is stored, without a call; none when it is not there.
  std::optional<json::object> find(const kube::ResourceType& type, const std::string& namespace_name,
                                   const std::string& name) const;
  // Of one namespace, or of all with "".
  std::vector<json::object> all(const kube::ResourceType& type, const std::string& namespace_name = "") const;
  std::string resource_version() const;
  // Garbage collector and namespace controller, until nothing changes; how many objects went.
  int collect_garbage();

  // --- rights

  // Verb and resource ("pods", "pods/log") may be "*"; an empty user or namespace is any. Reviews say the same.
  void deny(const std::string& verb, const std::string& resource, const std::string& user = "",
            const std::string& namespace_name = "");
  void allow_all();

  // --- the node's part; false when there is no such pod

  bool bind_pod(const std::string& namespace_name, const std::string& name, const std::string& node = "node-1");
  // Members of `status` replace those of the pod's; a phase that is an end ends its logs.
  bool set_pod_status(const std::string& namespace_name, const std::string& name, const json::object& status);
  // Binds it when it is not bound, and all its containers run.
  bool run_pod(const std::string& namespace_name, const std::string& name, const std::string& node = "node-1");
  // Its containers wait: "ImagePullBackOff".
  bool hold_pod(const std::string& namespace_name, const std::string& name, const std::string& reason,
                const std::string& message = "");
  // All its containers end with this exit code: Succeeded, or Failed. `reason` "" is Completed or Error.
  bool finish_pod(const std::string& namespace_name, const std::string& name, int exit_code,
                  const std::string& reason = "");
  // Takes a pod that is being deleted away.
  bool remove_pod(const std::string& namespace_name, const std::string& name);
  // Appends to the log of a container ("" is the first).
  bool log(const std::string& namespace_name, const std::string& name, const std::string& text,
           const std::string& container = "");
  // Followers of any log lose their connection.
  void cut_logs();

  // --- watches

  // With a ManualClock: moves it, and ends what waits for that moment.
  void advance(std::chrono::milliseconds by);
  // Running watches end as when the server restarts: well, or with a broken connection.
  void drop_watches();
  void break_watches();
  // A BOOKMARK to each running watch that wants them.
  void send_bookmarks();
  // Versions before now are too old from now on, for watches that begin and for lists that are continued.
  void expire_history();

  // --- faults and records

  // The next call that matches suffers it; several queue up, in this order.
  void fail_next(Matcher matcher, Fault fault);
  // The n-th write from now on (1 is the next).
  void fail_at(int write, Fault fault);
  // Called after each write was handled and before it is answered, on the caller's thread and without a lock. It may
  // throw, or stop the context of the call, which then ends as if the process had died there. Empty is none.
  void after_write(std::function<void(int write)> hook);
  std::vector<CallRecord> calls() const;
  std::vector<CallRecord> calls(const Matcher& matcher) const;
  // Write calls so far.
  int writes() const;
  // Blocks until so many watches and followed logs have sent all that there is and wait for more.
  void await_watches(int count) const;
  // Blocks until so many calls that match have arrived.
  void await_calls(const Matcher& matcher, int count) const;

 private:
  class Door;
  struct Stream;

  ApiServer(const Clock& clock, ManualClock* manual);
  Result<net::Response> send_as(const std::string& user, const runtime::Context& context, const kube::Call& call,
                                const net::BodySink& sink);
  std::optional<Fault> begin(CallRecord& record);
  void end(const CallRecord& record, int status);
  Result<net::Response> handle(const Route& route, const kube::Call& call, CallRecord& record,
                               const runtime::Context& context, const net::BodySink& sink,
                               const std::optional<Fault>& fault);
  Result<net::Response> watch(const Route& route, const runtime::Context& context, const net::BodySink& sink,
                              const std::optional<Fault>& fault);
  Result<net::Response> stream_log(const Route& route, const runtime::Context& context, const net::BodySink& sink,
                                   const std::optional<Fault>& fault);
  // Events of a watch after its version; true when it is over.
  bool collect(Stream& stream) const;
  // Sends what is collected, with the lock released.
  Result<void> flush(std::unique_lock<std::mutex>& lock, Stream& stream);
  // Until the condition holds, or the context or the deadline ends the wait.
  void wait(std::unique_lock<std::mutex>& lock, const runtime::Context& context, runtime::Deadline deadline,
            const std::function<bool()>& condition) const;
  // As wait(), of a stream.
  void idle(std::unique_lock<std::mutex>& lock, const runtime::Context& context, runtime::Deadline deadline,
            const std::function<bool()>& condition);
  Result<net::Response> wait_for_ever(const runtime::Context& context);
  bool change_pod(const std::string& namespace_name, const std::string& name,
                  const std::function<void(json::object& pod)>& change);

  const Clock& clock_;
  ManualClock* manual_;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  // All below under mutex_.
  Cluster cluster_;
  std::map<std::string, std::unique_ptr<Door>> doors_;
  std::vector<std::pair<Matcher, Fault>> faults_;
  std::map<int, Fault> write_faults_;
  std::function<void(int)> after_write_;
  std::vector<CallRecord> calls_;
  int writes_ = 0;
  std::vector<const std::function<bool()>*> idle_;  // what streams wait for
  // What running streams compare with what was when they began.
  std::uint64_t drops_ = 0;
  std::uint64_t breaks_ = 0;
  std::uint64_t bookmarks_ = 0;
  std::uint64_t log_cuts_ = 0;
};

}  // namespace stoker::fakes
