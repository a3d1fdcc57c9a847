// FileWatcher: says that something happened at a path that may not exist yet, or that nobody can watch.
//
// Belongs to one event loop's thread. The kernel tells of changes where it can (inotify); everywhere, and on file
// systems of which the kernel does not hear (a network mount), a look at an interval is the safety net. A callback is a
// hint: look at the file, do not count callbacks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "runtime/event_loop.h"
#include "runtime/file.h"

namespace stoker::runtime {

enum class WatchId : std::uint64_t { none = 0 };

// entries: made, renamed, removed, or written and closed. appends: also each write, for who reads along.
enum class Changes { entries, appends };

// The kernel's half: watches folders and tells which of them changed.
class FolderEvents {
 public:
  virtual ~FolderEvents() = default;
  // Readable when there is something to read(); -1 where the system offers nothing.
  virtual int fd() const = 0;
  // Names a watched folder; adding one twice gives the same number, and more changes when asked for. None: it cannot be
  // watched.
  virtual std::optional<int> add(const Path& folder, Changes changes) = 0;
  virtual void remove(int folder) = 0;
  virtual void read(const std::function<void(int folder)>& changed) = 0;

  static std::unique_ptr<FolderEvents> make();
};

class FileWatcher {
 public:
  using Callback = std::function<void()>;
  static constexpr std::chrono::milliseconds kSafetyNet{2000};

  // The loop outlives the watcher.
  explicit FileWatcher(EventLoop& loop);
  ~FileWatcher();
  FileWatcher(const FileWatcher&) = delete;
  FileWatcher& operator=(const FileWatcher&) = delete;

  // Calls back after a change in the folder of `path`, or of its nearest existing parent. Never from inside watch().
  WatchId watch(const Path& path, Callback callback, Changes changes = Changes::entries);
  void forget(WatchId id);

 private:
  struct Entry {
    Path path;
    std::shared_ptr<Callback> callback;
    std::optional<int> folder;
    Changes changes = Changes::entries;
  };
  void arm(Entry& entry);
  void disarm(const Entry& entry);
  void call(std::uint64_t id);
  void on_events();
  void look_at_all();

  EventLoop& loop_;
  std::unique_ptr<FolderEvents> events_;
  std::map<std::uint64_t, Entry> entries_;
  std::uint64_t last_id_ = 0;
  TimerId timer_ = TimerId::none;
};

}  // namespace stoker::runtime
