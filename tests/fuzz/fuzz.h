// One fuzz target: STOKER_FUZZ_TARGET(name) { … data … }. Built by clang it is a libFuzzer program; built with the
// ordinary tests it is one test that replays tests/fuzz/corpus/<name>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

namespace stoker::fuzz {

struct Target {
  const char* name;
  void (*run)(std::string_view data);
};

// The targets that are linked in, for the replay.
inline std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

}  // namespace stoker::fuzz

#ifdef STOKER_FUZZ_REPLAY
#define STOKER_FUZZ_ENTRY(name)                          \
  [[maybe_unused]] static const bool registered_##name = \
      (stoker::fuzz::targets().push_back({#name, fuzz_##name}), true);
#else
#define STOKER_FUZZ_ENTRY(name)                                                       \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);  \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_##name({size == 0 ? "" : reinterpret_cast<const char*>(data), size});        \
    return 0;                                                                         \
  }
#endif

#define STOKER_FUZZ_TARGET(name)                  \
  static void fuzz_##name(std::string_view data); \
  STOKER_FUZZ_ENTRY(name)                         \
  static void fuzz_##name(std::string_view data)

// A property that must hold for every input.
#define STOKER_FUZZ_CHECK(condition)                                                          \
  do {                                                                                        \
    if (!(condition)) {                                                                       \
      std::fprintf(stderr, "%s:%d: fuzz check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                           \
    }                                                                                         \
  } while (false)
