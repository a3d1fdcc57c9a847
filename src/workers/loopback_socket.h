// A TCP connection to a server on this machine's loopback interface, with deadlines. Nothing here ever leaves the
// machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/context.h"
#include "runtime/fd.h"

namespace stoker::workers {

// Not thread-safe.
class LoopbackSocket {
 public:
  static Result<LoopbackSocket> connect(std::uint16_t port);

  Result<void> send(std::string_view bytes, const runtime::Context& context, const Clock& clock);
  // Up to and without the next line end. More than `limit` bytes is an error of code limit_exceeded.
  Result<std::string> receive_line(std::size_t limit, const runtime::Context& context, const Clock& clock);

 private:
  explicit LoopbackSocket(runtime::Fd socket) : socket_(std::move(socket)) {}
  Result<void> wait_for(short events, const runtime::Context& context, const Clock& clock) const;

  runtime::Fd socket_;
  std::string buffer_;
};

}  // namespace stoker::workers
