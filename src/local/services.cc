#include "local/services.h"

#include <utility>

namespace stoker::local {

LocalWorkers::LocalWorkers(int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      while (auto work = queue_.pop())
        (*work)();
    });
  }
}

void LocalWorkers::submit(std::function<void()> work) {
  queue_.push(std::move(work));
}

void LocalWorkers::stop() {
  queue_.close();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace stoker::local
