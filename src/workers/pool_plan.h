// The policy of the pool: which waiting request gets which JVM, what is started and what is ended. Pure: facts in,
// actions out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/deadline.h"

namespace stoker::workers {

enum class JvmId : std::uint64_t {};
enum class RequestId : std::uint64_t {};

// starting (for one request) -> leased -> cleaning -> idle -> leased …; ending from anywhere.
enum class JvmState { starting, idle, leased, cleaning, ending };
std::string_view jvm_state_name(JvmState state);

struct JvmFacts {
  JvmId id{};
  std::string fingerprint;
  std::string working_directory;  // where it was started
  JvmState state = JvmState::idle;
  std::uint64_t memory_bytes = 0;
  int leases = 0;
  bool retire = false;  // asked to end as soon as it is idle
  SteadyTime idle_since{};
};

struct RequestFacts {
  RequestId id{};
  std::string fingerprint;
  std::string working_directory;
  std::uint64_t memory_bytes = 0;
  bool single_use = false;  // never a JVM that somebody had
  SteadyTime arrived{};
};

struct PoolLimits {
  int jvms = 4;
  std::uint64_t memory_bytes = 0;  // 0: no limit
  int leases_per_jvm = 40;
  std::chrono::milliseconds idle = std::chrono::minutes(10);
  // How long a request waits for a JVM of its kind that somebody has before it gets another.
  std::chrono::milliseconds patience{0};
};

struct PoolPlan {
  struct Assignment {
    RequestId request{};
    JvmId jvm{};
  };
  std::vector<Assignment> assign;
  std::vector<RequestId> start;  // each gets a new JVM
  std::vector<JvmId> end;
  runtime::Deadline wake;  // when time alone changes the plan
};

// A request waits for a while for a JVM of its kind that is busy: a step on a warm JVM is often over before a new one
// would have started, and a new one first compiles what the warm one has compiled, at the expense of the same
// processors.
//
// `waiting` in the order of arrival; nobody overtakes. A request that does not fit waits until others are done, and
// idle JVMs of other kinds are ended, the longest idle first, when that makes it fit. A request larger than the whole
// limit gets a JVM once it would be the only one.
PoolPlan plan_pool(SteadyTime now, const PoolLimits& limits, const std::vector<JvmFacts>& jvms,
                   const std::vector<RequestFacts>& waiting);

}  // namespace stoker::workers
