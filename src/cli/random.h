// Randomness of the kernel, for what the verbs hand to code that has it injected.
#pragma once

#include <cstdint>

namespace stoker::cli {

// Each time others.
std::uint64_t random_bits();

}  // namespace stoker::cli
