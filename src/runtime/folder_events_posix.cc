// No folder events: the watcher's safety net does all.
#ifndef __linux__

#include "runtime/file_watcher.h"

namespace stoker::runtime {

namespace {

class NoEvents final : public FolderEvents {
 public:
  int fd() const override { return -1; }
  std::optional<int> add(const Path&, Changes) override { return std::nullopt; }
  void remove(int) override {}
  void read(const std::function<void(int)>&) override {}
};

}  // namespace

std::unique_ptr<FolderEvents> FolderEvents::make() {
  return std::make_unique<NoEvents>();
}

}  // namespace stoker::runtime

#endif
