#include "runtime/file_watcher.h"

#include <algorithm>
#include <set>
#include <vector>

namespace stoker::runtime {

FileWatcher::FileWatcher(EventLoop& loop) : loop_(loop), events_(FolderEvents::make()) {
  if (events_->fd() >= 0) loop_.watch(events_->fd(), [this] { on_events(); });
}

FileWatcher::~FileWatcher() {
  if (events_->fd() >= 0) loop_.forget(events_->fd());
  loop_.cancel(timer_);
}

WatchId FileWatcher::watch(const Path& path, Callback callback, Changes changes) {
  std::uint64_t id = ++last_id_;
  Entry& entry = entries_[id];
  entry.path = path;
  entry.changes = changes;
  entry.callback = std::make_shared<Callback>(std::move(callback));
  arm(entry);
  if (timer_ == TimerId::none) timer_ = loop_.after(kSafetyNet, [this] { look_at_all(); });
  // It may have come before the watch stood.
  loop_.post([this, id, alive = std::weak_ptr<Callback>(entry.callback)] {
    if (!alive.expired()) call(id);
  });
  return WatchId{id};
}

void FileWatcher::forget(WatchId id) {
  auto found = entries_.find(static_cast<std::uint64_t>(id));
  if (found == entries_.end()) return;
  Entry entry = std::move(found->second);
  entries_.erase(found);
  disarm(entry);
  if (!entries_.empty()) return;
  loop_.cancel(timer_);
  timer_ = TimerId::none;
}

void FileWatcher::arm(Entry& entry) {
  std::error_code ignored;
  Path folder = entry.path.has_parent_path() ? entry.path.parent_path() : Path(".");
  while (!std::filesystem::is_directory(folder, ignored) && folder.has_parent_path() &&
         folder != folder.parent_path()) {
    folder = folder.parent_path();
  }
  entry.folder = events_->add(folder, entry.changes);
}

void FileWatcher::disarm(const Entry& entry) {
  if (!entry.folder) return;
  bool shared = std::any_of(entries_.begin(), entries_.end(),
                            [&](const auto& other) { return other.second.folder == entry.folder; });
  if (!shared) events_->remove(*entry.folder);
}

void FileWatcher::call(std::uint64_t id) {
  auto found = entries_.find(id);
  if (found == entries_.end()) return;
  // A parent may have appeared meanwhile: watch as near to the file as is possible now.
  Entry before = found->second;
  arm(found->second);
  if (before.folder != found->second.folder) disarm(before);
  auto callback = found->second.callback;
  (*callback)();
}

void FileWatcher::on_events() {
  std::set<int> folders;
  events_->read([&](int folder) { folders.insert(folder); });
  std::vector<std::uint64_t> ids;
  for (const auto& [id, entry] : entries_) {
    if (entry.folder && folders.contains(*entry.folder)) ids.push_back(id);
  }
  for (auto id : ids)
    call(id);
}

void FileWatcher::look_at_all() {
  timer_ = loop_.after(kSafetyNet, [this] { look_at_all(); });
  std::vector<std::uint64_t> ids;
  for (const auto& [id, entry] : entries_)
    ids.push_back(id);
  for (auto id : ids)
    call(id);
}

}  // namespace stoker::runtime
