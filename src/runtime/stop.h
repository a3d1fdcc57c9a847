// Stop tokens. They are the standard library's; StopDescriptor makes one pollable.
#pragma once

#include <optional>
#include <stop_token>

#include "runtime/wakeup.h"

namespace stoker::runtime {

using StopSource = std::stop_source;
using StopToken = std::stop_token;
template <class Callback>
using StopCallback = std::stop_callback<Callback>;

// Readable from the moment that the token is stopped, and for ever after. Not movable: the callback holds its address.
class StopDescriptor {
 public:
  explicit StopDescriptor(const StopToken& token) : callback_(token, Notify{&wakeup_}) {}
  StopDescriptor(const StopDescriptor&) = delete;
  StopDescriptor& operator=(const StopDescriptor&) = delete;

  int fd() const { return wakeup_.fd(); }

 private:
  struct Notify {
    Wakeup* wakeup;
    void operator()() const { wakeup->notify(); }
  };
  Wakeup wakeup_;
  StopCallback<Notify> callback_;
};

}  // namespace stoker::runtime
