#include "workers/pool_plan.h"

#include <algorithm>

namespace stoker::workers {

namespace {

struct Room {
  int jvms = 0;
  std::uint64_t memory = 0;
};

class Planner {
 public:
  Planner(SteadyTime now, const PoolLimits& limits, std::vector<JvmFacts> jvms)
      : now_(now), limits_(limits), jvms_(std::move(jvms)) {
    for (const auto& jvm : jvms_) {
      ++used_.jvms;
      used_.memory += jvm.memory_bytes;
    }
  }

  void end_the_worn() {
    for (auto& jvm : jvms_) {
      if (jvm.state != JvmState::idle) continue;
      bool idle_too_long = now_ >= jvm.idle_since + limits_.idle;
      if (jvm.retire || jvm.leases >= limits_.leases_per_jvm || idle_too_long) end(jvm);
    }
  }

  // False: it has to wait, and so has everybody behind it.
  bool serve(const RequestFacts& request) {
    if (!request.single_use) {
      if (JvmFacts* jvm = best_idle(request)) {
        jvm->state = JvmState::leased;
        plan_.assign.push_back({request.id, jvm->id});
        return true;
      }
      // One that fits is being cleaned: in moments it is idle, and a warm one is worth them. Nobody behind waits for
      // that.
      if (claim_cleaning(request) || is_patient(request)) return true;
    }
    if (!make_room(request.memory_bytes)) return false;
    plan_.start.push_back(request.id);
    ++used_.jvms;
    used_.memory += request.memory_bytes;
    return true;
  }

  PoolPlan finish() {
    for (const auto& jvm : jvms_) {
      if (jvm.state != JvmState::idle) continue;
      plan_.wake = std::min(plan_.wake, runtime::Deadline::at(jvm.idle_since + limits_.idle));
    }
    return std::move(plan_);
  }

 private:
  void end(JvmFacts& jvm) {
    jvm.state = JvmState::ending;
    plan_.end.push_back(jvm.id);
  }

  JvmFacts* best_idle(const RequestFacts& request) {
    JvmFacts* best = nullptr;
    for (auto& jvm : jvms_) {
      if (jvm.state != JvmState::idle || jvm.fingerprint != request.fingerprint) continue;
      // The one that stands in the same folder, then the one used last: the others grow cold together and end.
      auto rank = [&](const JvmFacts& candidate) {
        return std::pair(candidate.working_directory == request.working_directory, candidate.idle_since);
      };
      if (best == nullptr || rank(jvm) > rank(*best)) best = &jvm;
    }
    return best;
  }

  bool fits(const Room& used, std::uint64_t memory) const {
    if (used.jvms == 0) return true;
    return used.jvms < limits_.jvms && (limits_.memory_bytes == 0 || used.memory + memory <= limits_.memory_bytes);
  }

  // A JVM that is ending still takes its memory: a start waits for its exit, and the plan is made again then.
  bool make_room(std::uint64_t memory) {
    if (fits(used_, memory)) return true;
    Room after = used_;
    for (const auto& jvm : jvms_) {
      if (jvm.state != JvmState::ending) continue;
      --after.jvms;
      after.memory -= jvm.memory_bytes;
    }
    std::vector<JvmFacts*> victims;
    for (auto& jvm : jvms_) {
      if (jvm.state == JvmState::idle) victims.push_back(&jvm);
    }
    std::ranges::sort(victims, {}, &JvmFacts::idle_since);
    std::size_t count = 0;
    while (!fits(after, memory) && count < victims.size()) {
      --after.jvms;
      after.memory -= victims[count++]->memory_bytes;
    }
    if (!fits(after, memory)) return false;
    for (std::size_t i = 0; i < count; ++i)
      end(*victims[i]);
    return false;
  }

  bool claim_cleaning(const RequestFacts& request) {
    for (const auto& jvm : jvms_) {
      if (jvm.state != JvmState::cleaning || jvm.retire || jvm.fingerprint != request.fingerprint) continue;
      if (jvm.leases >= limits_.leases_per_jvm || std::ranges::find(claimed_, jvm.id) != claimed_.end()) continue;
      claimed_.push_back(jvm.id);
      return true;
    }
    return false;
  }

  bool is_patient(const RequestFacts& request) {
    const SteadyTime end = request.arrived + limits_.patience;
    if (now_ >= end) return false;
    const bool busy = std::ranges::any_of(jvms_, [&](const JvmFacts& jvm) {
      const bool taken = jvm.state == JvmState::leased || jvm.state == JvmState::starting;
      return taken && !jvm.retire && jvm.fingerprint == request.fingerprint;
    });
    if (busy) plan_.wake = std::min(plan_.wake, runtime::Deadline::at(end));
    return busy;
  }

  SteadyTime now_;
  PoolLimits limits_;
  std::vector<JvmFacts> jvms_;
  std::vector<JvmId> claimed_;
  Room used_;
  PoolPlan plan_;
};

}  // namespace

std::string_view jvm_state_name(JvmState state) {
  switch (state) {
    case JvmState::starting: return "starting";
    case JvmState::idle: return "idle";
    case JvmState::leased: return "leased";
    case JvmState::cleaning: return "cleaning";
    case JvmState::ending: return "ending";
  }
  return "unknown";
}

PoolPlan plan_pool(SteadyTime now, const PoolLimits& limits, const std::vector<JvmFacts>& jvms,
                   const std::vector<RequestFacts>& waiting) {
  Planner planner(now, limits, jvms);
  planner.end_the_worn();
  for (const auto& request : waiting) {
    if (!planner.serve(request)) break;
  }
  return planner.finish();
}

}  // namespace stoker::workers
