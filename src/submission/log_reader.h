// Reads the log of a container, each line once, whatever breaks on the way.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "kube/client.h"

namespace stoker::submission {

struct LogSource {
  std::string namespace_name;
  std::string pod;
  std::string container;
};

struct LogReaderOptions {
  bool previous = false;  // of the container before the last restart
  std::optional<std::int64_t> tail_lines;
  // Between tries of a log that broke.
  std::chrono::milliseconds retry_delay{1'000};
  // So many tries in a row that bring nothing end the reading; none: the context does.
  std::optional<int> maximum_failures;
};

class LogReader {
 public:
  using OnLine = std::function<void(std::string_view line)>;

  LogReader(const kube::Client& client, LogReaderOptions options, OnLine on_line)
      : client_(client), options_(options), on_line_(std::move(on_line)) {}

  // From any thread: nothing more will be written, so that a read that begins now gets all there is. Before run(): what
  // is there now is wanted, and no more.
  void container_ended() { ended_ = true; }

  // Until the container has ended. Errors: the context's, and those that trying again does not heal.
  Result<void> run(const runtime::Context& context, const LogSource& source);

 private:
  const kube::Client& client_;
  const LogReaderOptions options_;
  const OnLine on_line_;
  std::atomic<bool> ended_ = false;
};

}  // namespace stoker::submission
