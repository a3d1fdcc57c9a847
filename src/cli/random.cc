#include "cli/random.h"

#include <unistd.h>

#include <cstdlib>

namespace stoker::cli {

// std::random_device of Debian's libstdc++ would be the only thing in the program that needs glibc 2.36.
std::uint64_t random_bits() {
  std::uint64_t bits = 0;
  if (::getentropy(&bits, sizeof bits) != 0) std::abort();  // never: the kernel answers so few bytes always
  return bits;
}

}  // namespace stoker::cli
