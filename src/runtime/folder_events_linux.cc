#ifdef __linux__

#include <sys/inotify.h>
#include <unistd.h>

#include <array>

#include "runtime/file_watcher.h"

namespace stoker::runtime {

namespace {

constexpr std::uint32_t kEvents =
    IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;

class Inotify final : public FolderEvents {
 public:
  // No instance left (the limit is per user): the safety net of the watcher does all.
  Inotify() : fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}

  int fd() const override { return fd_.get(); }

  std::optional<int> add(const Path& folder, Changes changes) override {
    if (!fd_.valid()) return std::nullopt;
    const std::uint32_t events = kEvents | (changes == Changes::appends ? std::uint32_t{IN_MODIFY} : 0U);
    int watch = ::inotify_add_watch(fd_.get(), folder.c_str(), events | IN_ONLYDIR | IN_MASK_ADD);
    if (watch < 0) return std::nullopt;
    return watch;
  }

  void remove(int folder) override { ::inotify_rm_watch(fd_.get(), folder); }

  void read(const std::function<void(int)>& changed) override {
    alignas(inotify_event) std::array<char, 16 * 1024> buffer;
    while (true) {
      ssize_t count = ::read(fd_.get(), buffer.data(), buffer.size());
      if (count <= 0) return;
      for (ssize_t offset = 0; offset < count;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + offset);
        changed(event->wd);
        offset += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
  }

 private:
  Fd fd_;
};

}  // namespace

std::unique_ptr<FolderEvents> FolderEvents::make() {
  return std::make_unique<Inotify>();
}

}  // namespace stoker::runtime

#endif
